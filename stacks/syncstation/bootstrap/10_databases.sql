-- Databases. CREATE DATABASE cannot run in a transaction; each is created if missing.
-- Files are copied, which takes checkpoints: on a new server nobody is held up by them.
\set ON_ERROR_STOP on

SELECT format('CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' TEMPLATE template0 '
              'STRATEGY file_copy',
              name, name || '_owner')
FROM (VALUES ('users'), ('workstation'), ('syncstation')) AS wanted (name)
WHERE name NOT IN (SELECT datname FROM pg_database)
\gexec

-- Only the owner and the service of a database may connect to it.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', name)
FROM (VALUES ('users'), ('workstation'), ('syncstation'), ('postgres'), ('template1'))
    AS wanted (name)
\gexec

SELECT format('GRANT CONNECT ON DATABASE %I TO %I', name, 'svc_' || name)
FROM (VALUES ('users'), ('workstation'), ('syncstation')) AS wanted (name)
\gexec
