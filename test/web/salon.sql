-- The database of the booking page (docs/clients/booking), for the demo and its test: test/salon.sql with the
-- extension, the roles of an API, and the page's functions.
\ir ../salon.sql
CREATE EXTENSION availability_cache;
SELECT count(*) FROM availability_cache.attach() \g /dev/null
UPDATE availability_cache.rules SET show_reasons = true;
\ir ../../docs/clients/booking/booking.sql
CREATE ROLE authenticator LOGIN NOINHERIT;
CREATE ROLE anon NOLOGIN;
GRANT anon TO authenticator;
ALTER ROLE authenticator SET availability_cache.http_headers = on;
-- Of the database, so that what psql changes is told as well.
SELECT format('ALTER DATABASE %I SET availability_cache.notify = namespaces', current_database())
 WHERE EXISTS (SELECT FROM pg_settings WHERE name = 'availability_cache.notify') \gexec
