"""The log of changes, as an administrator reads it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from servicekit.errors import Problem, validation

if TYPE_CHECKING:
    from servicekit.database import Database
    from workspace_api.models import AuditQuery

__all__ = ["page"]

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
    WHERE (xid, seq) < ($1::text::xid8, $2::bigint)
        AND ($4::text IS NULL OR kind = $4) AND ($5::text IS NULL OR subject = $5)
    ORDER BY xid DESC, seq DESC LIMIT $3) p"""


async def page(database: Database, query: AuditQuery) -> bytes:
    """Return a page of the log, the newest entries first, as the body of an answer.

    `total` is PostgreSQL's own estimate of all entries.
    """
    xid, seq = _position(query.cursor)
    entries, count, total, last = await database.row(
        _PAGE, xid, seq, query.limit, query.action, query.subject
    )
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
