/*
 * keys_file.c
 *		The file in which keys outlive the server.
 *
 * It lies in the data directory, with keys and never answers, and is written
 * beside and renamed.  Whoever warms with it renames it first: a key that
 * brings the server down does so once, since what is found under that name
 * when the server starts is only removed.
 *
 * Of a file that is damaged, of another version of ours or of another
 * cluster nothing is used: a checksum over all of it stands at its end.
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xlog.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"

#include "entry/keys_file.h"

#define KEYS_FILE "availability_cache.keys"
#define KEYS_FILE_NEW KEYS_FILE ".new"
#define KEYS_FILE_TAKEN KEYS_FILE ".taken"
#define KEYS_FILE_MAGIC 0x41434B31 /* changes with what is in it */

typedef struct FileHeader
{
	uint32 magic;
	uint32 nkeys;
	uint64 system_identifier;
} FileHeader;

/* What stands before each key. */
typedef struct FileKey
{
	uint8 asked;
	uint8 format;
	uint16 size;
} FileKey;

/* ---- writing ---- */

typedef struct KeysWriter
{
	FILE *file;
	pg_crc32c crc;
	bool failed;
} KeysWriter;

static void
put(KeysWriter *writer, const void *bytes, Size size)
{
	COMP_CRC32C(writer->crc, bytes, size);
	if (!writer->failed)
		writer->failed = fwrite(bytes, 1, size, writer->file) != size;
}

static void
put_all(KeysWriter *writer, const HotKeys *hot)
{
	FileHeader header = {KEYS_FILE_MAGIC, hot->n, GetSystemIdentifier()};
	pg_crc32c crc;

	INIT_CRC32C(writer->crc);
	put(writer, &header, sizeof(header));
	for (int64 i = 0; i < hot->n; i++)
	{
		FileKey key = {hot->keys[i].asked, hot->keys[i].key.format, hot->keys[i].key.size};

		put(writer, &key, sizeof(key));
		put(writer, hot->keys[i].key.bytes, key.size);
	}
	crc = writer->crc;
	FIN_CRC32C(crc);
	put(writer, &crc, sizeof(crc));
}

void
keys_file_write(const HotKeys *hot)
{
	KeysWriter writer = {.file = AllocateFile(KEYS_FILE_NEW, PG_BINARY_W)};

	if (writer.file != NULL)
	{
		put_all(&writer, hot);
		writer.failed |= FreeFile(writer.file) != 0;
	}
	if (writer.file == NULL || writer.failed)
	{
		ereport(LOG, errcode_for_file_access(),
				errmsg("availability_cache could not write keys to file \"%s\": %m", KEYS_FILE_NEW));
		(void) unlink(KEYS_FILE_NEW);
		return;
	}
	(void) durable_rename(KEYS_FILE_NEW, KEYS_FILE, LOG);
}

/* ---- taking ---- */

bool
keys_file_take(void)
{
	if (access(KEYS_FILE_TAKEN, F_OK) == 0)
	{
		ereport(LOG,
				errmsg(
					"availability_cache does not warm: the server went down while it did so the last time"),
				errhint("It starts anew with what is asked for from now on."));
		(void) durable_unlink(KEYS_FILE_TAKEN, LOG);
		(void) unlink(KEYS_FILE);
		return false;
	}
	return access(KEYS_FILE, F_OK) == 0 && durable_rename(KEYS_FILE, KEYS_FILE_TAKEN, LOG) == 0;
}

void
keys_file_done(void)
{
	(void) durable_unlink(KEYS_FILE_TAKEN, LOG);
}

void
keys_file_give_back(void)
{
	(void) durable_rename(KEYS_FILE_TAKEN, KEYS_FILE, LOG);
}

/* ---- reading ---- */

typedef struct KeysReader
{
	FILE *file;
	pg_crc32c crc;
} KeysReader;

static bool
get(KeysReader *reader, void *bytes, Size size)
{
	if (fread(bytes, 1, size, reader->file) != size)
		return false;
	COMP_CRC32C(reader->crc, bytes, size);
	return true;
}

/* Keys of a file of which nothing is known yet: the caller uses none if it is not whole. */
static bool
get_all(KeysReader *reader, Oid dboid, HotKeys *hot)
{
	char *bytes = palloc(MAX_KEY_SIZE + 1);
	FileHeader header;
	pg_crc32c computed;
	pg_crc32c there;

	INIT_CRC32C(reader->crc);
	if (!get(reader, &header, sizeof(header)) || header.magic != KEYS_FILE_MAGIC ||
		header.system_identifier != GetSystemIdentifier())
		return false;
	for (uint32 i = 0; i < header.nkeys; i++)
	{
		FileKey key;
		StoreKey found = {.bytes = bytes};

		if (!get(reader, &key, sizeof(key)) || !get(reader, bytes, key.size))
			return false;
		found.format = key.format;
		found.size = key.size;
		if (OidIsValid(hot_database(&found)) && (!OidIsValid(dboid) || hot_database(&found) == dboid))
			hot_add(hot, &found, key.asked);
	}
	computed = reader->crc;
	FIN_CRC32C(computed);
	pfree(bytes);
	return get(reader, &there, sizeof(there)) && EQ_CRC32C(computed, there) && fgetc(reader->file) == EOF;
}

bool
keys_file_read(Oid dboid, bool logs, HotKeys *hot, MemoryContext context)
{
	KeysReader reader = {.file = AllocateFile(KEYS_FILE_TAKEN, PG_BINARY_R)};
	bool whole = false;

	*hot = (HotKeys){.context = context};
	if (reader.file != NULL)
	{
		whole = get_all(&reader, dboid, hot);
		FreeFile(reader.file);
	}
	if (!whole && logs)
		ereport(
			LOG,
			errmsg(
				"availability_cache does not warm: file \"%s\" is damaged, or of another version or server",
				KEYS_FILE),
			errhint("It is removed, and written again."));
	return whole;
}
