/*
 * range_write.c
 *		The answers about ranges, as jsonb or json.
 *
 * A slot is mostly one of the same status and stylists as one before, but for
 * its times: then it is a copy of that one (the template) with other times.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/fmgrprotos.h"

#include "base/compat.h"
#include "slots/range_write.h"
#include "slots/text.h"

#define UUID_TEXT_SIZE 36

typedef char UuidText[UUID_TEXT_SIZE];

/* In the order of their keys. */
enum
{
	END_UTC,
	END_LOCAL,
	START_UTC,
	START_LOCAL,
	NTIMES
};

typedef struct TimeText
{
	bool utc;
	int size;
} TimeText;

static const TimeText time_texts[NTIMES] = {[END_UTC] = {true, UTC_TEXT_SIZE},
											[END_LOCAL] = {false, LOCAL_TEXT_SIZE},
											[START_UTC] = {true, UTC_TEXT_SIZE},
											[START_LOCAL] = {false, LOCAL_TEXT_SIZE}};

/* A slot as it was written. */
typedef struct SlotTemplate
{
	RangeSlot of;
	char *bytes; /* in memory of its own; NULL: none yet */
	int size;
	int room;
	int display_at;
	int time_at[NTIMES];
} SlotTemplate;

typedef struct SlotsWriter
{
	Tree *tree;
	const RangeSet *set;
	UuidText *stylists;
	int64 day[NTIMES]; /* that a time was on last: its start, and its date */
	char date[NTIMES][DATE_TEXT_SIZE];
	SlotTemplate templates[SLOT_NSTATUSES];
} SlotsWriter;

#define KEYS(list)           \
	{                        \
		lengthof(list), list \
	}

static const char *const slot_names[] = {"status",		   "stylists",		 "seats_left",
										 "price_cents",	   "slot_display",	 "slot_end_utc",
										 "slot_end_local", "slot_start_utc", "slot_start_local"};
static const TreeKeys slot_keys = KEYS(slot_names);
static const char *const slot_names_with_reason[] = {"reason",			"status",		  "stylists",
													 "seats_left",		"price_cents",	  "slot_display",
													 "slot_end_utc",	"slot_end_local", "slot_start_utc",
													 "slot_start_local"};
static const TreeKeys slot_keys_with_reason = KEYS(slot_names_with_reason);
static const char *const slots_names[] = {"slots", "cached", "success", "cache_hit", "computed_at"};
static const TreeKeys slots_keys = KEYS(slots_names);
static const char *const days_names[] = {"days", "cached", "success", "cache_hit", "computed_at"};
static const TreeKeys days_keys = KEYS(days_names);
static const char *const free_day_names[] = {"date", "first", "seats", "slots"};
static const TreeKeys free_day_keys = KEYS(free_day_names);
static const char *const empty_day_names[] = {"date", "seats", "slots", "reason"};
static const TreeKeys empty_day_keys = KEYS(empty_day_names);

static void
put_text(Tree *tree, const char *text)
{
	tree_plain(tree, text, strlen(text));
}

static void
put_outcome(Tree *tree, const RangeOutcome *outcome)
{
	char now[NOW_TEXT_SIZE];

	tree_bool(tree, outcome->hit);
	tree_bool(tree, true);
	tree_bool(tree, outcome->hit);
	write_now(now, outcome->computed_at);
	tree_plain(tree, now, NOW_TEXT_SIZE);
}

/* ---- slots ---- */

static UuidText *
uuid_texts(const pg_uuid_t *ids, int n)
{
	UuidText *texts = palloc(Max(n, 1) * sizeof(UuidText));

	for (int i = 0; i < n; i++)
	{
		char *text = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&ids[i])));

		memcpy(texts[i], text, UUID_TEXT_SIZE);
		pfree(text);
	}
	return texts;
}

static inline void
put_time(SlotsWriter *w, int t, int64 moment, char *text)
{
	if (unlikely((uint64) (moment - w->day[t]) >= SECS_PER_DAY))
	{
		w->day[t] = day_of(moment) * SECS_PER_DAY;
		write_date(w->date[t], day_of(moment));
	}
	memcpy(text, w->date[t], DATE_TEXT_SIZE);
	write_clock(text + CLOCK_TEXT_AT, moment - w->day[t]);
}

static void
put_times(SlotsWriter *w, const RangeSlot *slot, char *bytes, const SlotTemplate *at)
{
	put_time(w, END_UTC, slot->start + slot->duration, bytes + at->time_at[END_UTC]);
	put_time(w, END_LOCAL, slot->start_local + slot->duration_local, bytes + at->time_at[END_LOCAL]);
	put_time(w, START_UTC, slot->start, bytes + at->time_at[START_UTC]);
	put_time(w, START_LOCAL, slot->start_local, bytes + at->time_at[START_LOCAL]);
}

static void
put_free(SlotsWriter *w, const RangeSlot *slot)
{
	tree_open_array(w->tree, slot->nfree);
	for (int i = 0; i < w->set->nstylists; i++)
	{
		if (range_has(range_free(w->set, slot), i))
			tree_plain(w->tree, w->stylists[i], UUID_TEXT_SIZE);
	}
	tree_close(w->tree);
}

static void
put_display(SlotsWriter *w, const RangeSlot *slot)
{
	char clock[CLOCK_TEXT_SIZE];

	if (slot->display_size != NO_DISPLAY)
	{
		tree_text(w->tree, w->set->displays.data + slot->display_at, slot->display_size);
		return;
	}
	write_clock(clock, slot->start_local - day_of(slot->start_local) * SECS_PER_DAY);
	tree_plain(w->tree, clock, HH24_MI_SIZE);
}

/* Text that was written last, from where the slot begins. */
static int
place_of_text(const Tree *tree, int at, int size)
{
	return tree->out.len - size - (tree->binary ? 0 : 1) - at;
}

static void
keep_template(SlotTemplate *template, const RangeSlot *slot, const char *bytes, int size)
{
	if (size > template->room)
	{
		template->room = size;
		template->bytes = template->bytes == NULL ? palloc(size) : repalloc(template->bytes, size);
	}
	memcpy(template->bytes, bytes, size);
	template->size = size;
	template->of = *slot;
}

/* A slot that is no copy. */
static void
lay_out_slot(SlotsWriter *w, const RangeSlot *slot, SlotTemplate *template)
{
	static const char blank[] = "....-..-..T..:..:..+00:00";
	Tree *tree = w->tree;
	int at;

	tree_open_object(tree, w->set->has_reasons ? &slot_keys_with_reason : &slot_keys);
	at = tree->binary ? INTALIGN(tree->levels[tree->depth - 1].at) : tree->levels[tree->depth - 1].at;
	if (w->set->has_reasons && slot->reason == WHY_NONE)
		tree_null(tree);
	else if (w->set->has_reasons)
		put_text(tree, slot_reason_names[slot->reason]);
	put_text(tree, slot_status_names[slot->status]);
	put_free(w, slot);
	tree_int(tree, slot->seats);
	if (slot->price_cents == RANGE_NO_PRICE)
		tree_null(tree);
	else
		tree_int(tree, slot->price_cents);
	put_display(w, slot);
	template->display_at = place_of_text(tree, at, HH24_MI_SIZE);
	for (int t = 0; t < NTIMES; t++)
	{
		tree_plain(tree, blank, time_texts[t].size);
		template->time_at[t] = place_of_text(tree, at, time_texts[t].size);
	}
	tree_close(tree);
	put_times(w, slot, tree->out.data + at, template);
	keep_template(template, slot, tree->out.data + at, tree->out.len - at);
}

static bool
is_like(const SlotsWriter *w, const SlotTemplate *template, const RangeSlot *slot)
{
	return template->size > 0 && template->of.price_cents == slot->price_cents &&
		   template->of.seats == slot->seats && template->of.reason == slot->reason &&
		   slot->display_size == NO_DISPLAY && template->of.display_size == NO_DISPLAY &&
		   memcmp(range_free(w->set, &template->of), range_free(w->set, slot),
				  w->set->nwords * sizeof(uint64)) == 0;
}

static void
put_slot(SlotsWriter *w, const RangeSlot *slot)
{
	SlotTemplate *template = &w->templates[slot->status];
	char *bytes;

	if (!is_like(w, template, slot))
	{
		lay_out_slot(w, slot, template);
		return;
	}
	bytes = tree_copy_of(w->tree, template->bytes, template->size);
	put_times(w, slot, bytes, template);
	memcpy(bytes + template->display_at, bytes + template->time_at[START_LOCAL] + CLOCK_TEXT_AT,
		   HH24_MI_SIZE);
}

static void
put_slots(Tree *tree, const RangeSet *set, int first, int n, const pg_uuid_t *stylists)
{
	SlotsWriter w = {.tree = tree, .set = set, .stylists = uuid_texts(stylists, set->nstylists)};

	for (int t = 0; t < NTIMES; t++)
		w.day[t] = PG_INT64_MIN / 2;
	tree_open_array(tree, n);
	for (int i = first; i < first + n; i++)
	{
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		put_slot(&w, &set->slots[i]);
	}
	tree_close(tree);
}

Datum
range_write_slots(const RangeSet *set, int first, int n, const pg_uuid_t *stylists,
				  const RangeOutcome *outcome, bool binary)
{
	Tree tree;

	tree_init(&tree, binary, 512 + n * 420);
	tree_open_object(&tree, &slots_keys);
	put_slots(&tree, set, first, n, stylists);
	put_outcome(&tree, outcome);
	tree_close(&tree);
	return PointerGetDatum(tree_finish(&tree));
}

/* ---- days ---- */

/* What a date's slots say. */
typedef struct DateSum
{
	int slots; /* starts that can be booked */
	int64 seats;
	const RangeSlot *first;
	int64 last;					/* start */
	int reasons[SLOT_NREASONS]; /* how many cannot for each */
} DateSum;

static void
add_to_sum(DateSum *sum, const RangeSet *set, const RangeSlot *slot)
{
	if (!range_is_free(set, slot))
	{
		/* What somebody does not offer at all cannot be booked with all. */
		if (!set->needs_all || slot->nasked == set->nstylists)
			sum->reasons[slot->reason]++;
		return;
	}
	if (sum->first == NULL)
		sum->first = slot;
	if (slot->start != sum->last)
		sum->slots++;
	sum->last = slot->start;
	sum->seats += slot->seats;
}

/* Of each date: the clock may go back over midnight, so that they do not follow each other. */
static DateSum *
sum_dates(const RangeSet *set, int n)
{
	DateSum *sums = palloc(n * sizeof(DateSum));

	for (int i = 0; i < n; i++)
		sums[i] = (DateSum){
			.last = PG_INT64_MIN,
		};
	for (int i = 0; i < set->n; i++)
		add_to_sum(&sums[day_of(set->slots[i].start_local) - set->from], set, &set->slots[i]);
	return sums;
}

/* That of most slots; without any, the stylists' own date's. */
static SlotReason
reason_of(const RangeSet *set, DateADT date, const DateSum *sum)
{
	SlotReason most = WHY_NONE;

	for (int r = WHY_NONE + 1; r < SLOT_NREASONS; r++)
	{
		if (sum->reasons[r] > (most == WHY_NONE ? 0 : sum->reasons[most]))
			most = r;
	}
	if (most == WHY_NONE)
		most = set->whys[date - set->from];
	return most == WHY_NONE ? WHY_CLOSED : most;
}

static void
put_date(Tree *tree, const RangeSet *set, DateADT date, const DateSum *sum)
{
	char text[DATE_TEXT_SIZE];
	char clock[CLOCK_TEXT_SIZE];
	int64 second;

	tree_open_object(tree, sum->slots > 0 ? &free_day_keys : &empty_day_keys);
	write_date(text, date);
	tree_plain(tree, text, DATE_TEXT_SIZE);
	if (sum->slots > 0)
	{
		second = sum->first->start_local - day_of(sum->first->start_local) * SECS_PER_DAY;
		write_clock(clock, second);
		tree_plain(tree, clock, second % SECS_PER_MINUTE == 0 ? HH24_MI_SIZE : CLOCK_TEXT_SIZE);
	}
	tree_int(tree, sum->seats);
	tree_int(tree, sum->slots);
	if (sum->slots == 0)
		put_text(tree, slot_reason_names[reason_of(set, date, sum)]);
	tree_close(tree);
}

Datum
range_write_days(const RangeSet *set, const RangeOutcome *outcome, bool binary)
{
	int n = set->to - set->from + 1;
	DateSum *sums = sum_dates(set, n);
	Tree tree;

	tree_init(&tree, binary, 512 + n * 144);
	tree_open_object(&tree, &days_keys);
	tree_open_array(&tree, n);
	for (int i = 0; i < n; i++)
		put_date(&tree, set, set->from + i, &sums[i]);
	tree_close(&tree);
	put_outcome(&tree, outcome);
	tree_close(&tree);
	return PointerGetDatum(tree_finish(&tree));
}
