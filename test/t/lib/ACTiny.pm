# ACTiny.pm: a file system of 4 MB that only the test which uses this and its servers see.
#
#   use ACTiny;                  before whatever uses PostgreSQL::Test::Utils
#   $tiny                        its directory, '' where the kernel lets nobody make one
#   fill_tiny(); free_tiny();    takes all the room there is, and gives it back
#
# It is a tmpfs, mounted as root of a user namespace, in which the test runs itself again, then an ordinary
# user. Before PostgreSQL::Test::Utils takes the standard output away, which the second run would not get
# back.
package ACTiny;

use strict;
use warnings;
use Exporter 'import';
use File::Temp ();

our @EXPORT = qw($tiny fill_tiny free_tiny);
our $tiny;

BEGIN
{
	if (!exists $ENV{AC_TINY})
	{
		my $dir = File::Temp::tempdir('tiny_XXXX', TMPDIR => 1);
		my $user = join ' ', "--map-user=$>", '--map-group=' . ($) + 0);
		my $script = qq{mount -t tmpfs -o size=4m,mode=700 none "\$1" && exec unshare --user $user "\$2" "\$3"};

		$ENV{AC_TINY} = $dir;
		if (system("unshare -rm sh -c 'mount -t tmpfs none \"$dir\" && exec unshare --user $user true' 2>/dev/null") == 0)
		{
			exec 'unshare', '-rm', 'sh', '-c', $script, 'sh', $dir, $^X, $0 or die "unshare: $!";
		}
		$ENV{AC_TINY} = '';
	}
	$tiny = $ENV{AC_TINY};
}

sub fill_tiny
{
	open my $f, '>', "$tiny/filler" or die "$tiny/filler: $!";
	while (syswrite($f, "\0" x 4096)) { }
	my $full = $!{ENOSPC} ? 1 : 0;
	close $f;
	return $full;
}

sub free_tiny { return unlink "$tiny/filler"; }

1;
