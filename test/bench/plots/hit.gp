# Rows: name, answers a second with so many clients; the first row has the columns' titles.
set title 'The same answer over a Unix socket'
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 border lc rgb '#ffffff'
set ylabel 'answers a second'
set yrange [0:*]
set xtics rotate by -20
set format y '%.0f'
stats data using 2 every ::1 nooutput
plot for [i = 2:STATS_columns] data using i:xtic(1) title columnheader ls i
