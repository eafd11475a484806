"""From a query to the SQL of a page, and back to a cursor. No input or output here.

Filters, orders and pages are made of fixed pieces of SQL; what a client sent is only
ever an argument.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from servicekit.errors import Problem, validation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspace_api.models import ListQuery

__all__ = ["COUNT_LIMIT", "ITEM_JSON", "Page", "page"]

_MEMBERS: Final = {
    "id": "\"'||i.id||'\"",
    "title": "'||to_json(i.title)||'",
    "description": "'||to_json(i.description)||'",
    "category": "'||to_json(i.category)||'",
    "priority": "\"'||i.priority||'\"",
    "status": "\"'||i.status||'\"",
    "tags": "'||to_json(i.tags)||'",
    "metadata": "'||i.metadata||'",
    "position": "\"'||trim_scale(i.position)||'\"",
    "version": "'||i.version||'",
    "created_at": "'||to_json(i.created_at)||'",
    "updated_at": "'||coalesce(to_json(i.updated_at)::text, 'null')||'",
    "created_by": "'||coalesce(to_json(i.created_by)::text, 'null')||'",
    "updated_by": "'||coalesce(to_json(i.updated_by)::text, 'null')||'",
}

ITEM_JSON: Final = (
    "('{" + ",".join(f'"{name}":{value}' for name, value in _MEMBERS.items()) + "}')"
)
"""An item as clients get it, a text of JSON made where it is kept.

It is put together piece by piece: `json_build_object` looks up the type of each of its
arguments again in each row, and takes twice as long. What needs no escapes has none:
numbers, and the words that a CHECK constraint allows.
"""

COUNT_LIMIT: Final = 1_000
"""As far as items that match a text or a tag are counted."""

_DECODER: Final = msgspec.json.Decoder(tuple[str, str, int])
_ENCODER: Final = msgspec.json.Encoder()


@dataclass(frozen=True)
class _Order:
    """An order: what it sorts by, as its index has it, and that value's type."""

    expression: str
    kind: str


_ORDERS: Final[Mapping[str, _Order]] = {
    "created_at": _Order("i.created_at", "timestamptz"),
    "updated_at": _Order("COALESCE(i.updated_at, i.created_at)", "timestamptz"),
    "title": _Order("lower(i.title)", "text"),
    "priority": _Order("workspace.priority_rank(i.priority)", "int"),
    "status": _Order("workspace.status_rank(i.status)", "int"),
    "category": _Order("i.category", "text"),
    "position": _Order("i.position", "numeric"),
}


@dataclass(frozen=True)
class Page:
    """The statement of a page and its arguments.

    It returns one row: the items as the bytes of a JSON array, how many they are, how
    many match, and the sort value and id of the last one.
    """

    statement: str
    arguments: tuple[Any, ...]
    sort: str
    limit: int

    def cursor(self, count: int, value: str | None, last: int | None) -> str | None:
        """Return where the next page begins; None where this is the last one."""
        if count < self.limit or value is None or last is None:
            return None
        packed = _ENCODER.encode((self.sort, value, last))
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


@dataclass
class _Builder:
    conditions: list[str] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)

    def place(self, value: Any) -> str:
        self.arguments.append(tuple(value) if isinstance(value, list) else value)
        return f"${len(self.arguments)}"


def page(query: ListQuery) -> Page:
    """Return the statement that reads a page.

    Raises:
        ServiceError: the cursor is not one of this order.
    """
    built = _Builder()
    for name in ("category", "status", "priority"):
        wanted: list[str] = getattr(query, name)
        if wanted:
            _choose(built, name, wanted)
    exact = not (query.tag or query.q)
    if query.tag:
        built.conditions.append(f"i.tags && {built.place(query.tag)}::text[]")
    if query.q:
        _search(built, query.q)
    total = _total(built, exact=exact)
    where = list(built.conditions)
    name, descending = query.sort.removeprefix("-"), query.sort.startswith("-")
    order = _ORDERS[name]
    if query.cursor is not None:
        where.append(_after(built, query, order, "<" if descending else ">"))
    direction = "DESC" if descending else "ASC"
    condition = f"WHERE {' AND '.join(where)} " if where else ""
    limit = built.place(query.limit)
    offset = f" OFFSET {built.place(query.offset)}" if query.offset else ""
    # JSON only of what is shown: in the inner SELECT it would be made of each row that
    # an offset skips, too.
    statement = (
        f"SELECT convert_to('[' || coalesce(string_agg({ITEM_JSON}, ','), '') || ']', "
        f"'UTF8'), count(*), ({total}), ((array_agg(i.value))[count(*)])::text, "
        "(array_agg(i.id))[count(*)] "
        f"FROM (SELECT i.*, {order.expression} AS value "
        f"FROM workspace.workspace_items i {condition}"
        f"ORDER BY {order.expression} {direction}, i.id {direction} "
        f"LIMIT {limit}{offset}) i"
    )
    return Page(statement, tuple(built.arguments), query.sort, query.limit)


def _choose(built: _Builder, column: str, wanted: list[str]) -> None:
    place = built.place(wanted[0] if len(wanted) == 1 else wanted)
    # A single value by `=`: then an index on it can give the order too.
    shape = f"= {place}" if len(wanted) == 1 else f"= ANY({place}::text[])"
    built.conditions.append(f"i.{column} {shape}")
    built.counted.append(f"{column} {shape}")


def _search(built: _Builder, text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    # Three letters are what the index is made of; fewer are the beginning of a word.
    pattern = f"%{escaped}%" if len(text) > 2 else f"% {escaped}%"
    document = "workspace.search_text(i.title, i.description, i.tags)"
    built.conditions.append(f"{document} ILIKE {built.place(pattern)}")


def _total(built: _Builder, *, exact: bool) -> str:
    if exact:
        chosen = f" WHERE {' AND '.join(built.counted)}" if built.counted else ""
        return (
            "SELECT coalesce(sum(items), 0)::bigint FROM workspace.item_counts" + chosen
        )
    return (
        "SELECT count(*) FROM (SELECT FROM workspace.workspace_items i WHERE "
        f"{' AND '.join(built.conditions)} LIMIT {COUNT_LIMIT + 1}) m"
    )


def _after(built: _Builder, query: ListQuery, order: _Order, sign: str) -> str:
    sort, value, last = _unpack(query.cursor or "")
    if sort != query.sort:
        raise _bad_cursor("is of another order")
    values = f"{built.place(value)}::text::{order.kind}, {built.place(last)}"
    return f"({order.expression}, i.id) {sign} ({values})"


def _unpack(cursor: str) -> tuple[str, str, int]:
    try:
        packed = base64.b64decode(
            cursor.encode("ascii") + b"=" * (-len(cursor) % 4), b"-_", validate=True
        )
        sort, value, last = _DECODER.decode(packed)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise _bad_cursor("is not one that this service gave") from error
    if not 0 <= last < 2**63 or "\x00" in value:
        raise _bad_cursor("is not one that this service gave")
    return sort, value, last


def _bad_cursor(message: str) -> Exception:
    return validation(Problem("cursor", message, "invalid_cursor"))
