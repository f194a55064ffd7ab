# Rows: a way of booking, then the rate with each kind of triggers, of that without; the first row has the columns' titles.
set title 'Bookings a second (synchronous\_commit, clients), of the rate without triggers'
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 border lc rgb '#ffffff'
set ylabel 'of the rate without triggers'
set yrange [0:*]
stats data using 2 every ::1 nooutput
plot for [i = 2:STATS_columns] data using i:xtic(1) title columnheader ls i - 1, 1 with lines dt 2 lc rgb '#666666' notitle
