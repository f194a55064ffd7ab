/*
 * json.c
 *		Writes an answer's json straight from its compact form.
 *
 * Cast to jsonb it equals what jsonb.c writes; test/sql/08_json.sql compares the two.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "slots/answer.h"
#include "slots/json.h"
#include "slots/text.h"
#include "slots/writer.h"

#define UTC_SKELETON "....-..-..T..:..:..+00:00"
#define LOCAL_SKELETON "....-..-..T..:..:.."

/* Every slot begins with the comma after the one before. */
#define BEFORE_START_UTC ",{\"slot_start_utc\":\""
#define BEFORE_END_UTC "\",\"slot_end_utc\":\""
#define BEFORE_START_LOCAL "\",\"slot_start_local\":\""
#define BEFORE_END_LOCAL "\",\"slot_end_local\":\""
#define BEFORE_DISPLAY "\",\"slot_display\":\""
#define BEFORE_STATUS "\",\"status\":\""
#define BEFORE_PRICE "\",\"price_cents\":"
#define BEFORE_SEATS ",\"seats_left\":"

#define SIZE(literal) ((int) sizeof(literal) - 1)

static const char slot_head[] = BEFORE_START_UTC UTC_SKELETON BEFORE_END_UTC UTC_SKELETON BEFORE_START_LOCAL
	LOCAL_SKELETON BEFORE_END_LOCAL LOCAL_SKELETON BEFORE_DISPLAY;

enum
{
	START_UTC_AT = SIZE(BEFORE_START_UTC),
	END_UTC_AT = START_UTC_AT + UTC_TEXT_SIZE + SIZE(BEFORE_END_UTC),
	START_LOCAL_AT = END_UTC_AT + UTC_TEXT_SIZE + SIZE(BEFORE_START_LOCAL),
	END_LOCAL_AT = START_LOCAL_AT + LOCAL_TEXT_SIZE + SIZE(BEFORE_END_LOCAL)
};

static void
append_literal(StringInfo out, const char *literal)
{
	appendBinaryStringInfo(out, literal, strlen(literal));
}

/* With its key. */
static void
append_reason(StringInfo out, SlotReason reason)
{
	if (slot_reason_names[reason] == NULL)
		append_literal(out, ",\"reason\":null");
	else
		appendStringInfo(out, ",\"reason\":\"%s\"", slot_reason_names[reason]);
}

/* A LayOutSlot. */
static void
lay_out_slot(SlotWriter *w, SlotReason reason, int seats, int display_size, SlotTemplate *template)
{
	StringInfo out = w->out;

	template->time_at[SLOT_START_UTC] = START_UTC_AT;
	template->time_at[SLOT_END_UTC] = END_UTC_AT;
	template->time_at[SLOT_START_LOCAL] = START_LOCAL_AT;
	template->time_at[SLOT_END_LOCAL] = END_LOCAL_AT;
	template->display_at = SIZE(slot_head);
	appendBinaryStringInfo(out, slot_head, SIZE(slot_head));
	enlargeStringInfo(out, display_size);
	out->len += display_size;
	append_literal(out, BEFORE_STATUS);
	append_literal(out, slot_status_names[slot_statuses[reason]]);
	append_literal(out, BEFORE_PRICE);
	appendBinaryStringInfo(out, w->price, w->price_size);
	if (seats >= 0)
		appendStringInfo(out, BEFORE_SEATS "%d", seats);
	if (w->with_reasons)
		append_reason(out, reason);
	appendStringInfoCharMacro(out, '}');
}

/* Puts JSON's escapes into a view's display, which buffer then holds. */
static void
escape_display(SlotView *view, StringInfo buffer)
{
	resetStringInfo(buffer);
	escape_json(buffer, view->display);
	/* Without the quotes. */
	view->display = buffer->data + 1;
	view->display_size = buffer->len - 2;
}

static void
add_slots(StringInfo out, AnswerReader *reader)
{
	char price[MAXINT8LEN + 1] = "null";
	int at = out->len;
	StringInfoData escaped;
	SlotWriter w;
	SlotView view;

	if (reader->header.has_price)
		pg_ltoa(reader->header.price_cents, price);
	if (reader->header.has_display)
		initStringInfo(&escaped);
	slot_writer_init(&w, out, lay_out_slot, reader->header.has_reasons, price, strlen(price));
	while (answer_next(reader, &view))
	{
		if (reader->header.has_display)
			escape_display(&view, &escaped);
		slot_writer_put(&w, &view);
	}
	if (reader->header.nslots == 0)
		appendStringInfoCharMacro(out, '[');
	else
		out->data[at] = '[';
	appendStringInfoCharMacro(out, ']');
}

text *
answer_to_json(const char *packed, bool from_cache)
{
	AnswerReader reader;
	StringInfoData out;
	char now[NOW_TEXT_SIZE];

	answer_open(&reader, packed);
	init_varlena(&out, 256 + reader.header.nslots * 320);
	append_literal(&out, "{\"success\":true,\"slots\":");
	add_slots(&out, &reader);
	if (reader.header.has_reasons)
		append_reason(&out, reader.header.why);
	append_literal(&out, from_cache ? ",\"cached\":true,\"cache_hit\":true,\"computed_at\":\""
									: ",\"cached\":false,\"cache_hit\":false,\"computed_at\":\"");
	write_now(now, reader.header.computed_at);
	appendBinaryStringInfo(&out, now, NOW_TEXT_SIZE);
	append_literal(&out, "\"}");
	return (text *) finish_varlena(&out);
}

text *
error_to_json(const char *message, const char *code)
{
	StringInfoData out;

	init_varlena(&out, 256);
	append_literal(&out, "{\"success\":false,\"error\":");
	escape_json(&out, message);
	append_literal(&out, ",\"code\":");
	escape_json(&out, code);
	appendStringInfoCharMacro(&out, '}');
	return (text *) finish_varlena(&out);
}
