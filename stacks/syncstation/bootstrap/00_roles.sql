-- Roles. Runs on an empty server and on one that has them: then only passwords are set.
--
--   DATABASE_owner  owns the database and its schema; migrations run as it
--   svc_DATABASE    reads and writes rows; the service connects as it
--
-- Passwords come from the server's environment, never from this file or the command line.
\set ON_ERROR_STOP on

\getenv users_owner_password USERS_OWNER_PASSWORD
\getenv users_service_password USERS_SERVICE_PASSWORD
\getenv workstation_owner_password WORKSTATION_OWNER_PASSWORD
\getenv workstation_service_password WORKSTATION_SERVICE_PASSWORD
\getenv syncstation_owner_password SYNCSTATION_OWNER_PASSWORD
\getenv syncstation_service_password SYNCSTATION_SERVICE_PASSWORD

BEGIN;

CREATE TEMPORARY TABLE wanted (role name, password text) ON COMMIT DROP;
INSERT INTO wanted VALUES
    ('users_owner', :'users_owner_password'),
    ('svc_users', :'users_service_password'),
    ('workstation_owner', :'workstation_owner_password'),
    ('svc_workstation', :'workstation_service_password'),
    ('syncstation_owner', :'syncstation_owner_password'),
    ('svc_syncstation', :'syncstation_service_password');

SELECT format(
    'CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', role)
FROM wanted
WHERE role NOT IN (SELECT rolname FROM pg_roles)
\gexec

SELECT format('ALTER ROLE %I PASSWORD %L', role, password) FROM wanted
\gexec

COMMIT;
