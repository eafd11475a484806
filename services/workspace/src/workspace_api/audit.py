"""The log of changes, as an administrator reads it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from servicekit.errors import Problem, validation

if TYPE_CHECKING:
    from servicekit.database import Database
    from workspace_api.models import AuditQuery

__all__ = ["page", "statement"]

_CURSOR: Final = re.compile(r"([0-9]{1,19})\.([0-9]{1,18})")
_PAGE: Final = """
SELECT coalesce(json_agg(p.entry), '[]')::text, count(*),
    (SELECT greatest(reltuples, 0)::bigint FROM pg_class
        WHERE oid = 'workspace.changes'::regclass),
    (array_agg(p.id))[count(*)]
FROM (SELECT xid::text || '.' || seq AS id, json_build_object(
        'id', xid::text || '.' || seq, 'at', at, 'action', kind, 'subject', subject,
        'version', version, 'actor', actor, 'before', before, 'after', after) AS entry
    FROM workspace.changes
    WHERE {conditions}
    ORDER BY xid DESC, seq DESC LIMIT $3) p"""
_COLUMNS: Final = (("action", "kind"), ("subject", "subject"))
"""What may be asked for, and where it stands."""


def statement(query: AuditQuery) -> tuple[str, list[Any]]:
    """Return the statement that reads a page, and its arguments.

    It has a condition only for what is asked for: a plan for all cases would not use
    the index by subject.
    """
    arguments: list[Any] = [*_position(query.cursor), query.limit]
    conditions = ["(xid, seq) < ($1::text::xid8, $2::bigint)"]
    for name, column in _COLUMNS:
        wanted: str | None = getattr(query, name)
        if wanted is not None:
            arguments.append(wanted)
            conditions.append(f"{column} = ${len(arguments)}::text")
    return _PAGE.format(conditions=" AND ".join(conditions)), arguments


async def page(database: Database, query: AuditQuery) -> bytes:
    """Return a page of the log, the newest entries first, as the body of an answer.

    `total` is PostgreSQL's own estimate of all entries.
    """
    words, arguments = statement(query)
    entries, count, total, last = await database.row(words, *arguments)
    cursor = f'"{last}"' if count == query.limit else "null"
    return (
        f'{{"success":true,"count":{count},"total":{max(total, count)},'
        f'"total_exact":false,"next_cursor":{cursor},"data":{entries}}}'
    ).encode()


def _position(cursor: str | None) -> tuple[str, int]:
    if cursor is None:
        return str(2**64 - 1), 0
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise validation(
            Problem("cursor", "is not one that this service gave", "invalid_cursor")
        )
    return found[1], int(found[2])
