"""How a PostgreSQL is set up here: settings, roles, functions."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg2
from psycopg2 import sql

from branchpg.errors import BranchpgError
from branchpg.postgres import local

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from branchpg.http.safekeepers import Safekeepers
    from branchpg.postgres.programs import Programs

__all__ = ["First", "first_start", "settings", "write_control"]

_CONTROL: Final = "branchpg.dsn"
_RESERVED: Final = frozenset({"postgres", "template0", "template1"})

_FUNCTIONS: Final = """
GRANT USAGE ON SCHEMA neon TO PUBLIC;

CREATE OR REPLACE FUNCTION neon._ask(command text, VARIADIC arguments text[])
RETURNS TABLE (name text, id text, parent text, parent_lsn pg_lsn, timeline_id text,
    is_default boolean, is_protected boolean, created_at timestamptz,
    expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $body$
DECLARE
    quoted text;
BEGIN
    SELECT string_agg(quote_nullable(coalesce(one, '')), ' ' ORDER BY position)
        INTO quoted FROM unnest(arguments) WITH ORDINALITY AS a (one, position);
    RETURN QUERY SELECT * FROM @dblink@.dblink(
        pg_read_file('branchpg.dsn'), command || coalesce(' ' || quoted, '')
    ) AS answer (name text, id text, parent text, parent_lsn pg_lsn, timeline_id text,
        is_default boolean, is_protected boolean, created_at timestamptz,
        expires_at timestamptz);
END $body$;
REVOKE ALL ON FUNCTION neon._ask FROM PUBLIC;

CREATE OR REPLACE FUNCTION neon.create_branch(parent text, name text, at text = NULL)
RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $body$
    SELECT name FROM neon._ask('create_branch', parent, name, at,
        (SELECT datname::text FROM pg_database WHERE datname = parent));
$body$;

CREATE OR REPLACE FUNCTION neon.drop_branch(name text)
RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $body$
    SELECT name FROM neon._ask('drop_branch', name);
$body$;

REVOKE ALL ON FUNCTION neon.create_branch, neon.drop_branch FROM PUBLIC;

CREATE OR REPLACE FUNCTION neon._branches() RETURNS TABLE (name text, id text,
    parent text, parent_lsn pg_lsn, timeline_id text, is_default boolean,
    is_protected boolean, created_at timestamptz, expires_at timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $body$
    SELECT * FROM neon._ask('list_branches', VARIADIC ARRAY[]::text[]);
$body$;
REVOKE ALL ON FUNCTION neon._branches FROM PUBLIC;
CREATE OR REPLACE VIEW neon.branches AS SELECT * FROM neon._branches();
"""


@dataclass(frozen=True)
class First:
    """What the first start of a new cluster makes.

    Attributes:
        role: the owner, a superuser whom people log in as.
        password: its password.
        databases: those that it is to own.
    """

    role: str
    password: str
    databases: Sequence[str]


def settings(
    programs: Programs, run: str, port: int, *, keepers: Safekeepers
) -> Mapping[str, str]:
    """Return the settings that a user must not change, of a server that writes."""
    standbys = ", ".join(keepers.names)
    return {
        **local.settings(run, port),
        "synchronous_standby_names": f"ANY {keepers.quorum} ({standbys})",
        "wal_compression": programs.log_compression,
    }


def write_control(pgdata: str, dsn: str, programs: Programs) -> None:
    """Let the functions in the schema `neon` know where the pageserver is."""
    path = os.path.join(pgdata, _CONTROL)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(dsn)
        if programs.identity:
            os.fchown(handle, programs.identity.uid, programs.identity.gid)


def first_start(dsn: str, first: First) -> None:
    """Make roles, databases and functions; what is there stays."""
    try:
        with _connected(dsn, "postgres") as cursor:
            _make_role(cursor, first)
            for database in first.databases:
                _make_database(cursor, database, first.role)
        for database in ("template1", "postgres", *first.databases):
            _make_functions(dsn, database)
    except psycopg2.Error as error:
        raise BranchpgError(f"setting up the cluster failed: {error}") from error


def _make_role(cursor: psycopg2.extensions.cursor, first: First) -> None:
    name = sql.Identifier(first.role)
    cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (first.role,))
    if cursor.fetchone() is None:
        cursor.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER").format(name))
        # Hashed here, so that no log of statements holds it.
        hashed = psycopg2.extensions.encrypt_password(
            first.password, first.role, cursor.connection, "scram-sha-256"
        )
        cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD %s").format(name), (hashed,))


def _make_database(
    cursor: psycopg2.extensions.cursor, database: str, role: str
) -> None:
    cursor.execute("SELECT FROM pg_database WHERE datname = %s", (database,))
    if database not in _RESERVED and cursor.fetchone() is None:
        statement = sql.SQL("CREATE DATABASE {} OWNER {}")
        cursor.execute(statement.format(sql.Identifier(database), sql.Identifier(role)))


def _make_functions(dsn: str, database: str) -> None:
    with _connected(dsn, database) as cursor:
        cursor.execute("SET client_min_messages = warning")
        cursor.execute("CREATE SCHEMA IF NOT EXISTS neon")
        cursor.execute("CREATE EXTENSION IF NOT EXISTS dblink SCHEMA neon")
        cursor.execute(
            "SELECT nspname FROM pg_extension JOIN pg_namespace n ON "
            "extnamespace = n.oid WHERE extname = 'dblink'"
        )
        row = cursor.fetchone()
        schema = row[0] if row else "neon"
        cursor.execute(_FUNCTIONS.replace("@dblink@", f'"{schema}"'))


class _connected:
    """An autocommitting connection's cursor, for a block."""

    def __init__(self, dsn: str, database: str) -> None:
        self._connection = psycopg2.connect(dsn, dbname=database)
        self._connection.autocommit = True

    def __enter__(self) -> psycopg2.extensions.cursor:
        return self._connection.cursor()

    def __exit__(self, *_error: object) -> None:
        self._connection.close()
