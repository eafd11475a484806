"""What lets a role into a database, as the server's catalog has it now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from branchpg.compute.proxy.pool import Standing
from branchpg.errors import BranchpgError

if TYPE_CHECKING:
    from branchpg.compute.activity import Observer

__all__ = ["standing"]

_SECRET: Final = "SCRAM-SHA-256$"

# The version has what a session takes over as it begins: whatever changes one of these
# rows, changes its xmin.
_QUERY: Final = """
SELECT rolpassword, concat_ws(' ', role.oid, role.xmin, base.oid, base.xmin, (
    SELECT string_agg(concat_ws(':', setdatabase, setrole, one.xmin), ' '
        ORDER BY setdatabase, setrole)
    FROM pg_db_role_setting AS one
    WHERE setdatabase IN (0, base.oid) AND setrole IN (0, role.oid)))
FROM pg_authid AS role, pg_database AS base
WHERE rolname = %s AND datname = %s AND rolcanlogin AND datallowconn
    AND (rolvaliduntil IS NULL OR rolvaliduntil > now())
    AND has_database_privilege(role.oid, base.oid, 'CONNECT')
"""


async def standing(observer: Observer, user: bytes, database: bytes) -> Standing | None:
    """Return what lets a role in; None if nothing does, or only PostgreSQL can tell."""
    try:
        names = user.decode(), database.decode()
        row = await asyncio.to_thread(observer.ask, _QUERY, names)
    except (BranchpgError, UnicodeDecodeError):
        return None
    if row is None or not (row[0] or "").startswith(_SECRET):
        return None
    return Standing(*row)
