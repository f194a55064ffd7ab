# The order of the house (docs/architecture.md) is kept, and test/lib/house sees when it is not.
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use FindBin;
use Test::More;

my $root = dirname(dirname($FindBin::RealBin));
my $objects = "$root/build-normal/src";

# The exit status, and what is said.
sub house
{
	open my $said, '-|', "$root/test/lib/house", @_ or die "house: $!";
	my @lines = <$said>;
	close $said;
	return join('', $? >> 8, "\n", @lines);
}

is(house("$root/src", $objects), "0\n", 'the house is in order');

# What is said of the sources with a line added to one file.
sub planted
{
	my ($file, $line, @objects) = @_;
	my $src = tempdir(CLEANUP => 1) . '/src';
	system('cp', '-R', "$root/src", $src) == 0 or die 'cannot copy the sources';
	make_path(dirname("$src/$file"));
	open my $out, '>>', "$src/$file" or die "$file: $!";
	print $out "$line\n";
	close $out or die "$file: $!";
	return house($src, @objects);
}

my @plants = (
	# file, line, what is said
	[ 'cache/cells.c', '#include "slots/tags.h"', 'cache/cells\.c:\d+ includes slots/tags\.h, of a floor above' ],
	[ 'base/guard.c',  '#include "cache/cells.h"', 'base/guard\.c:\d+ includes cache/cells\.h, of a floor above' ],
	[ 'table/trust.h', '#include "entry/touch.h"', 'table/trust\.h:\d+ includes entry/touch\.h, of a floor above' ],
	[ 'table/rows.h', '#include "slots/tags.h"', 'table/rows\.h:\d+ includes slots/tags\.h, of a floor above' ],
	[ 'memo/key.c', '#include "slots/tags.h"', 'memo/key\.c:\d+ includes slots/tags\.h, of the room beside' ],
	[ 'slots/day.c', '#include "memo/tags.h"', 'slots/day\.c:\d+ includes memo/tags\.h, of the room beside' ],
	[ 'slots/sources.c', '#include "slots/queries.h"', 'files need each other: slots/queries -> .*slots/sources -> slots/queries' ],
	[ 'base/guard.c', '#include <cache/cells.h>', 'base/guard\.c:\d+ includes cache/cells\.h: write it as "room/file\.h"' ],
	[ 'base/guard.c', '#include "../cache/cells.h"', 'base/guard\.c:\d+ includes \.\./cache/cells\.h: write it as "room/file\.h"' ],
	[ 'cache/store.c', '#include "cells.h"', 'cache/store\.c:\d+ includes cells\.h: write it as "room/file\.h"' ],
	[ 'cache/store.c', '#include "cache/cells.c"', 'cache/store\.c:\d+ includes cache/cells\.c: write it as "room/file\.h"' ],
	[ 'base/guard.c', '#include "./cache/cells.h"', 'base/guard\.c:\d+ includes \./cache/cells\.h: write it as "room/file\.h"' ],
	[ 'base/guard.c', '/* */ #include "cache/cells.h"', 'base/guard\.c:\d+: an include that this cannot read' ],
	[ 'cache/store.c', '  #  include CELLS', 'cache/store\.c:\d+: an include that this cannot read' ],
	[ 'misc/thing.c', '', 'misc/thing\.c: a file in no room' ],
	[ 'thing.c', '', 'thing\.c: a file in no room' ],
	[ 'cache/thing.inc', '', 'cache/thing\.inc: neither \.c nor \.h' ],
	[ 'slots/day.c', '  PG_FUNCTION_INFO_V1(f);', 'slots/day\.c:\d+: an entry point of SQL outside entry/' ],
	[ 'slots/day.c', 'extern int f(void);', 'slots/day\.c:\d+: extern belongs in the header of the file that has it' ],
	[ 'cache/changes.h', 'extern int cells_count_pending(void);', "cache/changes\\.h:\\d+ declares cells_count_pending, which is cache/cells\\.c's", $objects ]);

for my $plant (@plants)
{
	my ($file, $line, $says, @objects) = @$plant;
	like(planted($file, $line, @objects), qr{\A1\n(?:.*\n)*$says\n}, "$file: $line");
}

# Declared by hand, as no include says.
my $built = tempdir(CLEANUP => 1);
system('cp', '-R', $objects, "$built/src") == 0 or die 'cannot copy the objects';
open my $gcc, '|-', qw(gcc -x c -c -o), "$built/src/base/guard.o", '-' or die "gcc: $!";
print $gcc "int cells_clock(int); int guarded(void) { return cells_clock(1); }\n";
close $gcc or die 'gcc failed';
is(house("$root/src", "$built/src"), "1\nbase/guard.c uses what cache/cells.c has, without its header\n", 'a function declared by hand');

# Nothing to look at is no order.
is(house("$root/src", tempdir(CLEANUP => 1)), "2\n", 'no objects');
is(house("$root/nothing"), "2\n", 'no sources');

done_testing();
