"""What callers know of an item: its JSON, its versions, its id, and what refuses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from servicekit.errors import Problem, ServiceError, not_found, validation

__all__ = ["Match", "Stored", "changed_meanwhile", "missing", "no_category", "number"]


@dataclass(frozen=True, slots=True)
class Stored:
    """An item as JSON, and its version."""

    json: str
    version: int
    id: int


@dataclass(frozen=True, slots=True)
class Match:
    """What If-Match asks for: one of these versions; None is any that exists."""

    versions: tuple[int, ...] | None = None

    def accepts(self, version: int) -> bool:
        """Return whether an item of this version may be changed."""
        return self.versions is None or version in self.versions


def number(text: str, where: str) -> int:
    """Return an id as a number.

    Raises:
        ServiceError: it is not one.
    """
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) < 2**63:
        return int(text)
    raise validation(Problem(where, "an id is a whole number", "invalid_id"))


def missing(item: int) -> ServiceError:
    """Return what says that there is no such item."""
    return not_found(f"there is no item {item}")


def no_category() -> ServiceError:
    """Return what says that no active category has this name."""
    return validation(
        Problem("category", "there is no active category of this name", "not_active")
    )


def changed_meanwhile(row: Any) -> ServiceError:
    """Return what says that an item, a row of JSON and version, has another version."""
    return ServiceError(
        412,
        "PRECONDITION_FAILED",
        f"the item has version {row[1]} now",
        headers={"ETag": f'"{row[1]}"'},
        raw=row[0].encode(),
    )
