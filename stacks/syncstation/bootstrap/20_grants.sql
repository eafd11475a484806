-- What a service may do in its own database: read and write rows of the owner's tables,
-- those there are and those to come. No TRUNCATE, no REFERENCES, no TRIGGER, no CREATE.
\set ON_ERROR_STOP on

\connect users
\set database users
\ir grants/schema.psql

\connect workstation
\set database workstation
\ir grants/schema.psql

\connect syncstation
\set database syncstation
\ir grants/schema.psql
