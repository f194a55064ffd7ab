# docs/uses.md: every command of the page runs as it stands, on the tables of test/uses.sql; and after a
# change by another session each answer is the new one, computed where the page says that the change outdates
# it, and from memory everywhere else (G1, G12).
#
# Shown to fail with a page whose enrolments_of() has no sub-select, or whose story_for_readers() goes by
# story_id and state.
use strict;
use warnings;
use File::Basename qw(dirname);
use FindBin;
use lib "$FindBin::RealBin/lib";
use ACTest;
use Test::More;

my $test = dirname($FindBin::RealBin);
my $node = new_node('uses');
$node->safe_psql('postgres', 'CREATE DATABASE uses');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$test/uses.sql", $node->connstr('uses') ], 'the tables');
$node->safe_psql('uses', 'CREATE EXTENSION availability_cache');

# Ended by a semicolon at the end of a line that is followed by a new one.
my @commands = split /(?<=;)\n+(?=CREATE|SELECT)/, page_sql('uses.md');
cmp_ok(scalar(@commands), '>', 25, 'the page has commands');
for my $command (@commands)
{
	my ($status, undef, $error) = $node->psql('uses', "SET client_min_messages = error; $command", on_error_stop => 1);
	is($status, 0, (split /\n/, $command)[0]) or diag $error;
}

my ($s, $w) = map { session($node, 'uses') } 1 .. 2;
sub ask { my ($call) = @_; return $s->run("SELECT json_agg(t) FROM $call t") }
sub fresh { my ($call) = @_; $s->run('SET availability_cache.enabled = off'); my $said = ask($call); $s->run('RESET availability_cache.enabled'); return $said }
sub was_hit { my ($call) = @_; my ($name) = $call =~ /^(\w+)/; return $s->run("SELECT availability_cache.memo_was_hit(oid::regprocedure) FROM pg_proc WHERE proname = '$name'") eq 't' }

# What a change outdates, of calls that were warm.
sub outdates
{
	my ($what, $change, $expected, @calls) = @_;
	for my $call (@calls) { ask($call) for 1 .. 2; was_hit($call) or fail("$what: $call was not warm") }
	$w->run($change);
	my (@computed, @wrong);
	for my $call (@calls)
	{
		my $said = ask($call);
		push @computed, $call unless was_hit($call);
		push @wrong, $call if $said ne fresh($call);
	}
	is(join(' ', sort @computed), join(' ', sort @$expected), "$what: what is outdated");
	is("@wrong", '', "$what: all answers are the new ones");
	return;
}

# ---- a catalog ----

my @courses = ('courses()', 'courses_published()', 'courses_count()', 'course_by_id(3)', 'course_by_id(4)', q{course_by_slug('item-3')}, q{course_by_slug('item-4')},
	q{course_by_slug('item-900')}, q{courses_of_kind('kind 3')}, q{courses_of_kind('kind 4')});
my @others = (q{products_of_kind('kind 3')}, q{product_by_slug('item-3')}, q{events_of_kind('kind 3')}, q{event_by_slug('item-3')});
# Person 2 is enrolled in course 2 and others; 3 is item 3's.
my @people = map { ("enrolments_of($_)", "purchases_of($_)", "tickets_of($_)") } 3, 4;
my $of_3 = $s->run('SELECT string_agg(DISTINCT person_id::text, $$,$$) FROM enrolment WHERE course_id = 3 AND person_id IN (3, 4)');
is($of_3, '3', 'who is enrolled in what');
my @lists = ('courses()', 'courses_published()', 'courses_count()');
outdates('an edit of a course', q{UPDATE course SET title = 'new' WHERE id = 3},
	[ @lists, 'course_by_id(3)', q{course_by_slug('item-3')}, q{courses_of_kind('kind 3')}, 'enrolments_of(3)' ], @courses, @others, @people);
outdates('a course of another kind', q{UPDATE course SET kind = 'kind 4' WHERE id = 3},
	[ @lists, 'course_by_id(3)', q{course_by_slug('item-3')}, q{courses_of_kind('kind 3')}, q{courses_of_kind('kind 4')}, 'enrolments_of(3)' ], @courses, @others, @people);
outdates('a new course', q{INSERT INTO course VALUES (900, 'item-900', 'kind 3', 'came', '', true)},
	[ @lists, q{course_by_slug('item-900')}, q{courses_of_kind('kind 3')} ], @courses, @others, @people);
outdates('an edit of a product', q{UPDATE product SET title = 'new' WHERE id = 3},
	[ q{products_of_kind('kind 3')}, q{product_by_slug('item-3')}, 'purchases_of(3)' ], @courses, @others, @people);
outdates('an enrolment', 'INSERT INTO enrolment (person_id, course_id) VALUES (4, 7)', ['enrolments_of(4)'], @courses, @others, @people);
outdates('a purchase that is undone', 'DELETE FROM purchase WHERE person_id = 3', ['purchases_of(3)'], @courses, @others, @people);
outdates('a ticket', 'INSERT INTO ticket (person_id, event_id, seats) VALUES (3, 7, 1)', ['tickets_of(3)'], @courses, @others, @people);
outdates('what changes nobody\'s', 'INSERT INTO enrolment (person_id, course_id) VALUES (100, 7)', [], @courses, @others, @people);
outdates('an import', q{SELECT availability_cache.memo_clear_namespace('courses')}, [@courses], @courses, @others, @people);
is($s->run(q{SELECT string_agg(DISTINCT namespace || ' ' || ttl, ', ') FROM availability_cache.memoized WHERE namespace IS NOT NULL}),
	'courses 300, events 900, people 3600, products 600', 'namespaces, each with its time');

# ---- five reads ----

sub hits { my ($p) = @_; return $s->run("SELECT string_agg(key || ' ' || value, ' ' ORDER BY key) FROM json_each_text(context($p) -> 'hits')") }
my %hit = map { ($_ => 'true') } qw(dreams patterns person reflections sittings);
sub told { my (%told) = @_; return join ' ', map { "context_$_ $told{$_}" } sort keys %told }
hits(7);
is(hits(7), told(%hit), 'five reads: all hits');
$w->run(q{INSERT INTO dream (person_id, at, body) VALUES (7, '2040-01-01', 'flying')});
is(hits(7), told(%hit, dreams => 'false'), 'a dream outdates one of the five');
like($s->run('SELECT context(7) #>> $${context,dreams,0,body}$$'), qr/flying/, 'and is there');
$w->run(q{INSERT INTO dream (person_id, at, body) VALUES (8, '2040-01-01', 'falling')});
is(hits(7), told(%hit), 'somebody else\'s does not');
$w->run('UPDATE person SET name = name || $$!$$ WHERE id = 7; DELETE FROM reflection WHERE person_id = 7');
is(hits(7), told(%hit, person => 'false', reflections => 'false'), 'two of them');

# ---- lessons ----

my @lessons = ('reservations_of_lesson(5)', 'reservations_of_lesson(6)', 'seats_left(5)', 'seats_left(6)', 'reservation_by_id(9000)', 'reservation_by_id(6)');
$s->run('SELECT reservations_of_lesson(7)');
is($s->run(q{SELECT availability_cache.memo_was_hit('reservations_of_lesson(int)')}), 'f', 'cold');
$s->run('SELECT reservations_of_lesson(7)');
is($s->run(q{SELECT availability_cache.memo_was_hit('reservations_of_lesson(int)')}), 't', 'warm');
outdates('a reservation', q{INSERT INTO reservation VALUES (9000, 5, 1, 'active')}, [ 'reservations_of_lesson(5)', 'seats_left(5)', 'reservation_by_id(9000)' ], @lessons);
outdates('one that moves', 'UPDATE reservation SET lesson_id = 6 WHERE id = 9000',
	[ 'reservations_of_lesson(5)', 'seats_left(5)', 'reservations_of_lesson(6)', 'seats_left(6)', 'reservation_by_id(9000)' ], @lessons);
outdates('one that is removed', 'DELETE FROM reservation WHERE id = 9000', [ 'reservations_of_lesson(6)', 'seats_left(6)', 'reservation_by_id(9000)' ], @lessons);
outdates('a lesson', 'UPDATE lesson SET seats = 11 WHERE id = 5', ['seats_left(5)'], @lessons);
# Expired and rebuilt.
$w->run(q{SELECT count(*) FROM availability_cache.memoize('reservations_of_lesson(int)', ttl => '1 second')});
ask('reservations_of_lesson(5)') for 1 .. 2;
ok(was_hit('reservations_of_lesson(5)'), 'warm, for a second');
ok(wait_until(sub { ask('reservations_of_lesson(5)'); !was_hit('reservations_of_lesson(5)') }, 'expiry'), 'expired');
ask('reservations_of_lesson(5)');
ok(was_hit('reservations_of_lesson(5)'), 'and rebuilt');

# ---- drafts ----

my ($draft, $chapter) = split /\|/, $s->run(q{SELECT id, chapter_id FROM scene WHERE story_id = 3 AND state = 'draft' ORDER BY id LIMIT 1});
my ($shown, $chapter_shown) = split /\|/, $s->run(q{SELECT id, chapter_id FROM scene WHERE story_id = 3 AND state = 'published' ORDER BY id LIMIT 1});
isnt($chapter, $chapter_shown, 'two chapters');
my @stories = ("chapter_for_writers($chapter)", "chapter_for_writers($chapter_shown)", map { ("story_for_writers($_)", "story_for_readers($_)") } 3, 4);
push @stories, 'community()';
outdates('an edit of a draft', "UPDATE scene SET body = 'draft' WHERE id = $draft", [ "chapter_for_writers($chapter)", 'story_for_writers(3)' ], @stories);
outdates('of a published scene', "UPDATE scene SET body = 'shown' WHERE id = $shown",
	[ "chapter_for_writers($chapter_shown)", 'story_for_writers(3)', 'story_for_readers(3)', 'community()' ], @stories);
outdates('a draft that is published', "UPDATE scene SET state = 'published' WHERE id = $draft",
	[ "chapter_for_writers($chapter)", 'story_for_writers(3)', 'story_for_readers(3)', 'community()' ], @stories);
outdates('a name', q{UPDATE figure SET name = 'Other' WHERE story_id = 3}, ['story_for_writers(3)'], @stories);
outdates('a part, a setting', q{UPDATE part SET title = 'P' WHERE story_id = 4; UPDATE setting SET name = 'S' WHERE story_id = 4}, ['story_for_writers(4)'], @stories);
outdates('a title', q{UPDATE story SET title = 'T' WHERE id = 4}, [ 'story_for_writers(4)', 'story_for_readers(4)', 'community()' ], @stories);

$_->quit for $s, $w;
$node->stop;
done_testing();
