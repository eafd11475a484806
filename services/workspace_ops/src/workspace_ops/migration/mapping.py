"""Rows of an old workspace database -> rows of ours. Pure: no database here.

Old databases had two shapes: items numbered by an integer with categories known by
name, and items numbered by a UUID (hypertables) with categories that have a UUID, too.
Both become the same rows; whatever does not fit ours is a problem, never cut short.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from workspace_ops.schema import PRIORITIES, STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "Category",
    "Item",
    "Mapped",
    "Problem",
    "category_of",
    "checksum",
    "item_of",
    "slug",
]

_TITLE: Final = 200
_DESCRIPTION: Final = 2000
_TAG, _TAGS = 50, 20
_NAME, _DISPLAY = 50, 100
_METADATA_BYTES: Final = 16 * 1024
_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_DEFAULT_COLOR: Final = "#6B7280"
_NOT_SLUG: Final = re.compile(r"[^a-z0-9]+")


class Problem(msgspec.Struct, frozen=True):
    """A row that cannot be taken over as it is."""

    table: str
    row: str
    field: str
    message: str


class Category(msgspec.Struct, frozen=True):
    """A category as ours has it; `legacy` is what the old one was known by."""

    legacy: str
    name: str
    display_name: str
    description: str | None
    color: str
    icon: str | None
    sort_order: int
    is_active: bool


class Item(msgspec.Struct, frozen=True):
    """An item as ours has it; `legacy` is its old id, a number or a UUID."""

    legacy: str
    title: str
    description: str
    category: str
    priority: str
    status: str
    tags: tuple[str, ...]
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None
    created_by: str | None
    updated_by: str | None


class Mapped(msgspec.Struct, frozen=True):
    """What became of a row, or why nothing did; `mended` says what was filled in."""

    problems: tuple[Problem, ...] = ()
    mended: tuple[str, ...] = ()


def slug(text: str) -> str:
    """Return a category's name as ours are: accents dropped, words joined by `-`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _NOT_SLUG.sub("-", plain.lower()).strip("-")


def category_of(row: Mapping[str, Any], position: int) -> tuple[Category, Mapped]:
    """Return a category; `position` is where it stands if the row does not say."""
    old = str(row["name"])
    name, mended = slug(old), []
    if name != old:
        mended.append(f"name {old!r} became {name!r}")
    display = str(row.get("display_name") or old)
    color = str(row.get("color") or _DEFAULT_COLOR)
    order = row.get("sort_order", row.get("display_order"))
    active = row.get("is_active")
    found = Category(
        legacy=old,
        name=name,
        display_name=display,
        description=_text(row.get("description")),
        color=color,
        icon=_text(row.get("icon")),
        sort_order=position if order is None else int(order),
        is_active=True if active is None else bool(active),
    )
    checks = (
        ("name", 2 <= len(name) <= _NAME, f"{old!r} makes no name of 2..{_NAME}"),
        ("display_name", 1 <= len(display) <= _DISPLAY, f"longer than {_DISPLAY}"),
        ("color", bool(_COLOR.fullmatch(color)), f"{color!r} is no #RRGGBB"),
        ("sort_order", found.sort_order >= 0, "below 0"),
        ("description", len(found.description or "") <= 500, "longer than 500"),
        ("icon", len(found.icon or "") <= 50, "longer than 50"),
    )
    return found, Mapped(_problems("categories", old, checks), tuple(mended))


def item_of(row: Mapping[str, Any], names: Mapping[str, str]) -> tuple[Item, Mapped]:
    """Return an item; `names` leads from old names of categories to ours."""
    legacy, title = str(row["id"]), str(row["title"] or "").strip()
    mended = []
    description = str(row.get("description") or "")
    if not description.strip():
        description = title
        mended.append("an empty description became the title")
    category = str(row["category"])
    tags = tuple(str(tag) for tag in row.get("tags") or ())
    metadata = row.get("metadata") or {}
    status = str(row.get("status") or "new")
    priority = str(row.get("priority") or "")
    found = Item(
        legacy=legacy,
        title=title,
        description=description,
        category=names.get(category, slug(category)),
        priority=priority,
        status=status,
        tags=tags,
        metadata=metadata if isinstance(metadata, dict) else {},
        created_at=_moment(row["created_at"]),
        updated_at=_moment(row["updated_at"]) if row.get("updated_at") else None,
        created_by=_text(row.get("created_by")),
        updated_by=_text(row.get("updated_by")),
    )
    size = len(msgspec.json.encode(found.metadata))
    checks = (
        (
            "title",
            1 <= len(title) <= _TITLE,
            f"{len(title)} characters, not 1..{_TITLE}",
        ),
        ("description", len(description) <= _DESCRIPTION, f"over {_DESCRIPTION}"),
        ("category", 2 <= len(found.category) <= _NAME, f"{category!r} makes no name"),
        ("priority", priority in PRIORITIES, f"{priority!r} is none of ours"),
        ("status", status in STATUSES, f"{status!r} is none of ours"),
        ("tags", len(tags) <= _TAGS, f"{len(tags)} tags, not up to {_TAGS}"),
        ("tags", all(1 <= len(t) <= _TAG for t in tags), f"one is not 1..{_TAG} long"),
        ("metadata", isinstance(metadata, dict), "is no object"),
        ("metadata", size <= _METADATA_BYTES, f"{size} bytes"),
    )
    return found, Mapped(_problems("items", legacy, checks), tuple(mended))


def checksum(found: Iterable[Item | Category]) -> str:
    """Return the sum of 64 bits of each row's SHA-256, whatever their order."""
    total = 0
    for row in found:
        digest = hashlib.sha256(msgspec.json.encode(row, order="sorted")).digest()
        total = (total + int.from_bytes(digest[:8], "big")) % (1 << 64)
    return f"{total:016x}"


def _problems(
    table: str, row: str, checks: Iterable[tuple[str, bool, str]]
) -> tuple[Problem, ...]:
    return tuple(
        Problem(table, row, field, words) for field, holds, words in checks if not holds
    )


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _moment(value: datetime) -> datetime:
    zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
    return zoned.astimezone(UTC)
