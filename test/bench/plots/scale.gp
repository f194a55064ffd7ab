# Blocks: answers in memory, ns of a hit, ns of the floor; stylists, ns of a hit, us of a miss, bookings a second with and without.
set multiplot layout 1, 2 title 'As it grows'
set logscale x
set format x '10^{%T}'
set key top left vertical inside
set xlabel 'answers in memory'
set ylabel 'nanoseconds a call'
set yrange [0:*]
plot data index 0 using 1:2 with linespoints title 'v2 hit' ls 1, '' index 0 using 1:3 with linespoints title 'floor' ls 5
set xlabel 'stylists'
set ylabel 'bookings a second'
plot data index 1 using 1:4 with linespoints title 'our triggers' ls 1, '' index 1 using 1:5 with linespoints title 'no triggers' ls 5
unset multiplot
