# Rows: name, then the ratio to no triggers: asynchronous commit with 1 and 4 clients, synchronous with 1 and 4, COPY.
set title 'Bookings a second, against a table without triggers'
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 border lc rgb '#ffffff'
set ylabel 'of the rate without triggers'
set yrange [0:*]
plot data using 2:xtic(1) title 'commit off, 1 client' ls 1, '' using 3 title 'off, 4' ls 3, '' using 4 title 'on, 1' ls 4, \
     '' using 5 title 'on, 4' ls 5, '' using 6 title 'COPY' ls 2
