# The order of the house (docs/architecture.md) is kept, and test/lib/house sees when it is not.
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use FindBin;
use Test::More;

my $root = dirname(dirname($FindBin::RealBin));
my $objects = "$root/build-normal/src";

sub house { return scalar qx{'$root/test/lib/house' @_} }

is(house("$root/src", $objects), '', 'the house is in order');

# What test/lib/house says of the sources with something added to one file.
sub planted
{
	my ($file, $line) = @_;
	my $src = tempdir(CLEANUP => 1) . '/src';
	system('cp', '-R', "$root/src", $src) == 0 or die 'cannot copy the sources';
	make_path(dirname("$src/$file"));
	open my $out, '>>', "$src/$file" or die "$file: $!";
	print $out "$line\n";
	close $out or die "$file: $!";
	return house($src);
}

like(planted('cache/cells.c', '#include "slots/tags.h"'), qr{^cache/cells includes slots/tags: a floor up$}m, 'an include of a floor above');
like(planted('base/guard.c', '#  include "cache/cells.h"'), qr{^base/guard includes cache/cells: a floor up$}m, 'also from the ground');
like(planted('table/trust.h', '#include "entry/touch.h"'), qr{^table/trust includes entry/touch: a floor up$}m, 'and in a header');
like(planted('slots/sources.c', '#include "slots/queries.h"'), qr{^slots/sources: in a circle of files$}m, 'files of one room that need each other');
is(planted('misc/thing.c', ''), "misc/thing: a file in no room\n", 'a room that nobody named');
is(planted('thing.c', ''), "thing: a file in no room\n", 'a file beside the rooms');
is(planted('slots/day.c', 'PG_FUNCTION_INFO_V1(f);'), "slots/day: an entry point of SQL outside entry/\n", 'an entry point in the wrong room');

# Declared by hand, as no include says.
my $dir = tempdir(CLEANUP => 1);
make_path("$dir/base", "$dir/cache");
copy("$objects/cache/cells.o", "$dir/cache") or die "cells.o: $!";
open my $gcc, '|-', qw(gcc -x c -c -o), "$dir/base/guard.o", '-' or die "gcc: $!";
print $gcc "int cell_bump(int); int guarded(void) { return cell_bump(1); }\n";
close $gcc or die 'gcc failed';
is(house("$root/src", $dir), "base/guard uses cache/cells without its header\n", 'a function declared by hand');
is(house("$root/src", tempdir(CLEANUP => 1)), "there are no objects\n", 'no objects are no answer');

done_testing();
