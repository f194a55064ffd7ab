# Rows: bookings per stylist, microseconds in plpgsql, in plpgsql with a GiST index, in C.
set title 'Computing one day (get\_available\_slots)'
set logscale xy
set xlabel 'bookings per stylist'
set ylabel 'microseconds'
set format x '%.0f'
set format y '%.0f'
set xrange [40:20000]
plot data using 1:2 with linespoints title 'plpgsql' ls 2, '' using 1:3 with linespoints title 'plpgsql, GiST index' ls 4, \
     '' using 1:4 with linespoints title 'C' ls 1
