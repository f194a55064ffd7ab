/*
 * attachments.c
 *		Which tables are attached, as their triggers say.
 *
 * The mapping is nowhere but in the arguments of the triggers that attach()
 * makes: a role, and a column of the table (or nothing) for each of the role's.
 * To make such a trigger takes the table's TRIGGER right and EXECUTE on the
 * trigger function, which is not everybody's.  The table's owner must have
 * it too: reading runs as the owner, so who may not attach tables has none
 * that counts, whatever triggers were made before the right was taken away.
 *
 * The row trigger and the TRUNCATE trigger both have the mapping, so a table
 * that loses one is still read, only not cached.  A trigger with a role alone
 * says nothing; so do those on partitions.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/members.h"
#include "slots/attachments.h"

Oid
attachments_function(void)
{
	return member_find(ProcedureRelationId, "invalidate_availability_cache");
}

/* ---- the function's triggers ---- */

typedef void (*TriggerVisitor)(Oid trigger, void *arg);

static void
visit_triggers(Oid function, TriggerVisitor visit, void *arg)
{
	Relation rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(ProcedureRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(function));
	scan = systable_beginscan(rel, DependReferenceIndexId, true, NULL, lengthof(keys), keys);
	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->classid == TriggerRelationId)
			visit(form->objid, arg);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
}

static void
add_to_fingerprint(Oid trigger, void *arg)
{
	/* In any order. */
	*(uint64 *) arg += hash_bytes_uint32_extended(trigger, 0);
}

uint64
attachments_fingerprint(Oid function)
{
	uint64 fingerprint = 0;

	visit_triggers(function, add_to_fingerprint, &fingerprint);
	return fingerprint;
}

/* ---- what they say ---- */

typedef struct Reading
{
	Relation pg_trigger;
	Oid function;
	List *attachments;
} Reading;

/* Of the table's owner: fills in who it is and whether it may attach. */
static bool
look_at_owner(Attachment *attachment, Oid function)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(attachment->relid));

	if (!HeapTupleIsValid(tuple))
		return false;
	attachment->owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	attachment->allowed = AC_MAY_EXECUTE(function, attachment->owner);
	if (!attachment->allowed)
		attachment->problem = psprintf("its owner %s may not attach tables",
									   quote_identifier(GetUserNameFromId(attachment->owner, false)));
	return true;
}

static bool
same_columns(const Attachment *a, const Attachment *b)
{
	for (int i = 0; i < MAX_ROLE_COLUMNS; i++)
	{
		if ((a->columns[i] == NULL) != (b->columns[i] == NULL) ||
			(a->columns[i] != NULL && strcmp(a->columns[i], b->columns[i]) != 0))
			return false;
	}
	return true;
}

/* The trigger's arguments end with a zero each. */
static bool
read_arguments(HeapTuple tuple, Relation pg_trigger, Attachment *attachment)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
	bool isnull;
	Datum value = heap_getattr(tuple, Anum_pg_trigger_tgargs, RelationGetDescr(pg_trigger), &isnull);
	const char *argument;

	if (isnull || OidIsValid(form->tgparentid) || form->tgnargs < 2 || form->tgnargs > MAX_ROLE_COLUMNS + 1)
		return false;
	argument = VARDATA(DatumGetByteaPCopy(value));
	attachment->role = role_by_name(argument);
	if (attachment->role >= SOURCE_RULES)
		return false;
	for (int i = 0; i < form->tgnargs - 1; i++)
	{
		argument += strlen(argument) + 1;
		if (source_roles[attachment->role].columns[i].name == NULL)
			break;
		attachment->columns[i] = argument_names_column(argument) ? argument : NULL;
		attachment->left_out[i] = strcmp(argument, LEFT_OUT) == 0;
	}
	return true;
}

/* Takes over what a trigger says, where another has not said it already. */
static void
add_attachment(Reading *reading, const Attachment *said)
{
	Attachment *attachment;
	ListCell *cell;

	foreach(cell, reading->attachments)
	{
		attachment = lfirst(cell);
		if (attachment->role != said->role || attachment->relid != said->relid)
			continue;
		if (!same_columns(attachment, said))
			attachment->problem = "its triggers name different columns";
		return;
	}
	attachment = palloc(sizeof(*attachment));
	*attachment = *said;
	if (look_at_owner(attachment, reading->function))
		reading->attachments = lappend(reading->attachments, attachment);
}

static void
read_trigger(Oid trigger, void *arg)
{
	Reading *reading = arg;
	Attachment said = {0};
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger));
	scan = systable_beginscan(reading->pg_trigger, TriggerOidIndexId, true, NULL, 1, &key);
	if ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);

		said.relid = form->tgrelid;
		if (form->tgfoid == reading->function && read_arguments(tuple, reading->pg_trigger, &said))
			add_attachment(reading, &said);
	}
	systable_endscan(scan);
}

static int
by_role(const ListCell *a, const ListCell *b)
{
	const Attachment *x = lfirst(a);
	const Attachment *y = lfirst(b);

	return x->role != y->role	 ? (int) x->role - (int) y->role
		   : x->relid < y->relid ? -1
								 : x->relid > y->relid;
}

static void
note_rivals(Attachment *attachment, const List *all)
{
	ListCell *cell;

	foreach(cell, all)
	{
		const Attachment *other = lfirst(cell);

		if (other != attachment && other->role == attachment->role && other->allowed && attachment->allowed &&
			attachment->problem == NULL)
			attachment->problem = psprintf("%s.%s is attached as %s too",
										   quote_identifier(
											   get_namespace_name(get_rel_namespace(other->relid))),
										   quote_identifier(get_rel_name(other->relid)),
										   source_roles[attachment->role].name);
	}
}

List *
attachments_read(Oid function)
{
	Reading reading = {.function = function};
	ListCell *cell;

	reading.pg_trigger = table_open(TriggerRelationId, AccessShareLock);
	visit_triggers(function, read_trigger, &reading);
	table_close(reading.pg_trigger, AccessShareLock);
	list_sort(reading.attachments, by_role);
	foreach(cell, reading.attachments)
		note_rivals(lfirst(cell), reading.attachments);
	return reading.attachments;
}
