/*
 * sealed.c
 *		An answer as it lies in a row, with what its exactness rests on.
 *
 *	SealedHead	validity, what the catalogs said, and a checksum
 *	tags		of what it depends on
 *	payload		as the memory store has it
 *
 * The checksum is keyed, and of everything that the answer's exactness rests
 * on, so that a row that somebody made, edited, moved to another key or brought
 * from another cluster is no answer.
 *
 * Locking: none.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_control.h"
#include "common/hmac.h"
#include "common/sha2.h"

#include "base/compat.h"
#include "base/environment.h"
#include "table/sealed.h"

/* To be raised when a row means something else. */
#define SEALED_FORMAT 10

typedef struct SealedHead
{
	uint64 checksum; /* of the rest, the tags, the payload, the key and the snapshot */
	int64 valid_from;
	int64 valid_until;
	uint64 definitions; /* see RowScope */
	uint64 log_state;
	uint64 environment;
	uint16 format;
	uint16 key_format; /* says who cleans, that keeps no key */
	uint32 ntags;
} SealedHead;

static void
add(pg_hmac_ctx *hmac, const void *bytes, Size size)
{
	if (pg_hmac_update(hmac, bytes, size) < 0)
		elog(ERROR, "could not compute a checksum: %s", pg_hmac_error(hmac));
}

/*
 * Whoever may write rows cannot make it: its key is the cluster's own secret,
 * which its standbys share and SQL does not show.
 */
static uint64
checksum(const SealedHead *head, const StoreKey *key, Datum snapshot, const Tag *tags, const char *payload,
		 uint32 payload_size)
{
	Pointer seen = DatumGetPointer(snapshot);
	uint32 sizes[3] = {key->format, key->size, payload_size};
	pg_hmac_ctx *hmac = pg_hmac_create(PG_SHA256);
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	uint64 sum;

	if (hmac == NULL || pg_hmac_init(hmac, (uint8 *) GetMockAuthenticationNonce(), MOCK_AUTH_NONCE_LEN) < 0)
		elog(ERROR, "could not begin a checksum");
	add(hmac, (const char *) head + sizeof(head->checksum), sizeof(*head) - sizeof(head->checksum));
	add(hmac, sizes, sizeof(sizes));
	/* With the database: a copy of it starts anew. */
	add(hmac, key->bytes, key->size);
	add(hmac, tags, head->ntags * sizeof(Tag));
	add(hmac, payload, payload_size);
	add(hmac, VARDATA_ANY(seen), VARSIZE_ANY_EXHDR(seen));
	if (pg_hmac_final(hmac, digest, sizeof(digest)) < 0)
		elog(ERROR, "could not compute a checksum: %s", pg_hmac_error(hmac));
	pg_hmac_free(hmac);
	memcpy(&sum, digest, sizeof(sum));
	return sum;
}

Datum
sealed_make(const StoreKey *key, const Computed *result, const RowScope *scope)
{
	SealedHead head = {.valid_from = result->valid_from,
					   .valid_until = result->valid_until,
					   .definitions = scope->definitions,
					   .log_state = scope->log_state,
					   .environment = environment(),
					   .format = SEALED_FORMAT,
					   .key_format = key->format,
					   .ntags = scope->ntags};
	Size tags_size = scope->ntags * sizeof(Tag);
	Size size = sizeof(head) + tags_size + result->payload_size;
	bytea *answer = palloc(VARHDRSZ + size);

	head.checksum = checksum(&head, key, scope->snapshot, scope->tags, result->payload, result->payload_size);
	SET_VARSIZE(answer, VARHDRSZ + size);
	memcpy(VARDATA(answer), &head, sizeof(head));
	memcpy(VARDATA(answer) + sizeof(head), scope->tags, tags_size);
	memcpy(VARDATA(answer) + sizeof(head) + tags_size, result->payload, result->payload_size);
	return PointerGetDatum(answer);
}

bool
sealed_open(Datum value, Sealed *sealed)
{
	struct varlena *answer = PG_DETOAST_DATUM_COPY(value);
	Size size = VARSIZE(answer) - VARHDRSZ;
	SealedHead head;
	Size before;

	memset(sealed, 0, sizeof(*sealed));
	if (size <= sizeof(head))
		return false;
	memcpy(&head, VARDATA(answer), sizeof(head));
	before = sizeof(head) + head.ntags * sizeof(Tag);
	if (head.format != SEALED_FORMAT || head.environment != environment() || head.ntags > MAX_DEPENDENCIES ||
		size <= before)
		return false;
	/* Where the varlena begins is aligned to eight bytes, its data to four. */
	sealed->tags = memcpy(palloc(Max(head.ntags, 1) * sizeof(Tag)), VARDATA(answer) + sizeof(head),
						  head.ntags * sizeof(Tag));
	sealed->ntags = head.ntags;
	sealed->valid_from = head.valid_from;
	sealed->valid_until = head.valid_until;
	sealed->definitions = head.definitions;
	sealed->log_state = head.log_state;
	sealed->key_format = head.key_format;
	sealed->payload = VARDATA(answer) + before;
	sealed->payload_size = size - before;
	sealed->all = VARDATA(answer);
	return true;
}

bool
sealed_is_of(const Sealed *sealed, const StoreKey *key, Datum snapshot)
{
	SealedHead head;

	memcpy(&head, sealed->all, sizeof(head));
	return head.checksum ==
		   checksum(&head, key, snapshot, sealed->tags, sealed->payload, sealed->payload_size);
}
