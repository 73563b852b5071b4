-- Makes one service its schema and its two roles. Run as a superuser in the database, once per service; a second run
-- changes nothing but the passwords:
--
--   psql -v ON_ERROR_STOP=1 -v service=patients -v owner_password=… -v app_password=… -f migrations/provision.sql
--
-- <service>_owner  owns the schema and runs `migrate`
-- <service>_app    reads and writes rows, for `serve` and `worker`; it sees no other service's schema
\set owner :service _owner
\set app :service _app

SELECT format('CREATE ROLE %I LOGIN', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') \gexec
SELECT format('CREATE ROLE %I LOGIN', :'app')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'app') \gexec
ALTER ROLE :"owner" PASSWORD :'owner_password';
ALTER ROLE :"app" PASSWORD :'app_password';

-- Extensions are the database's, not a service's. 72617369 is "rasi": one provisioner at a time.
SELECT pg_advisory_lock(72617369) \g /dev/null
CREATE SCHEMA IF NOT EXISTS extensions;
CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA extensions;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch SCHEMA extensions;
SELECT pg_advisory_unlock(72617369) \g /dev/null

CREATE SCHEMA IF NOT EXISTS :"service" AUTHORIZATION :"owner";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA :"service" FROM PUBLIC;
GRANT USAGE ON SCHEMA :"service" TO :"app";
GRANT USAGE ON SCHEMA extensions TO :"owner", :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA :"service"
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA :"service"
    GRANT USAGE ON SEQUENCES TO :"app";
ALTER ROLE :"owner" SET search_path = :"service", extensions;
ALTER ROLE :"app" SET search_path = :"service", extensions;
