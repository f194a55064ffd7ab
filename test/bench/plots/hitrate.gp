# Blocks: percent of the different answers that fit, hit rates of sieve, lru, optimum; the extension's (percent, rate);
# the two classic rules' rates with unlimited memory.
set title 'Hit rate of a booking site (Zipf, 1,000 stylists, 30 days, 95 % reads)'
set logscale x
set xlabel 'memory, % of all answers asked for'
set ylabel 'hit rate, %'
set xrange [1:110]
set yrange [0:*]
set xtics (1, 2, 5, 10, 20, 50, 100)
stats data index 2 using 1 name 'stylist' nooutput
stats data index 2 using 2 name 'ttl' nooutput
plot data index 0 using 1:4 with linespoints title 'offline optimum' ls 5, '' index 0 using 1:3 with linespoints title 'LRU' ls 3, \
     '' index 0 using 1:2 with linespoints title 'SIEVE' ls 1, '' index 1 using 1:2 with points pt 6 ps 2 lc rgb '#d1495b' lw 2 title 'the extension', \
     stylist_mean with lines dt 2 lc rgb '#8d6a9f' title 'classic, any memory', ttl_mean with lines dt 3 lc rgb '#8d6a9f' title 'classic, 5 minutes'
