# What all plots share; run before each of them with the variables data and out.
set terminal svg size 760,420 dynamic enhanced font 'sans-serif,13' background '#ffffff'
set output out
set border 3 lc rgb '#666666'
set tics nomirror
set grid ytics lc rgb '#dddddd'
set key outside top left horizontal
set style line 1 lc rgb '#1b6ca8' lw 2 pt 7 ps 0.7
set style line 2 lc rgb '#d1495b' lw 2 pt 5 ps 0.7
set style line 3 lc rgb '#66a182' lw 2 pt 9 ps 0.8
set style line 4 lc rgb '#8d6a9f' lw 2 pt 11 ps 0.8
set style line 5 lc rgb '#888888' lw 2 pt 13 ps 0.8
