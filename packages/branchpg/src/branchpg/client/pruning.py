"""Which branches nobody needs any more. Everything here is pure."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime, timedelta

    from branchpg.client.answers import BranchInfo

__all__ = ["Choice", "Filters", "choose"]


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a branch has to be to be deleted: all of what is given.

    Attributes:
        older_than: it was made, and reset, longer ago.
        pattern: its name matches, as in a shell.
        live: branches of git; it is none of them.
        merged: branches of git that are merged; it is one of them.
    """

    older_than: timedelta | None = None
    pattern: str | None = None
    live: Collection[str] | None = None
    merged: Collection[str] | None = None


@dataclass(frozen=True)
class Choice:
    """What becomes of a branch that the filters found, and why."""

    branch: BranchInfo
    delete: bool
    reason: str


def choose(
    branches: Sequence[BranchInfo],
    filters: Filters,
    *,
    now: datetime,
    in_use: Collection[str],
) -> list[Choice]:
    """Return the branches that the filters find, children before their parents.

    Whatever they find, the default branch, protected ones, those with children that
    stay and those in `in_use` (names) are kept.
    """
    found = {one.id: one for one in branches if _fits(one, filters, now)}
    children: dict[str, list[BranchInfo]] = {}
    for one in branches:
        if one.parent_id:
            children.setdefault(one.parent_id, []).append(one)
    choices: dict[str, Choice] = {}

    def decide(branch: BranchInfo) -> Choice:
        if branch.id not in choices:
            staying = [
                child.name
                for child in children.get(branch.id, [])
                if child.id not in found or not decide(child).delete
            ]
            kept = _kept_for(branch, staying, in_use)
            reason = kept or _reason(branch, filters)
            choices[branch.id] = Choice(branch, kept is None, reason)
        return choices[branch.id]

    for one in found.values():
        decide(one)
    return list(choices.values())


def _kept_for(
    branch: BranchInfo, staying: list[str], in_use: Collection[str]
) -> str | None:
    if branch.default:
        return "is the default branch"
    if branch.protected:
        return "is protected"
    if branch.name in in_use:
        return "is in use"
    return f"has children: {', '.join(sorted(staying))}" if staying else None


def _fits(branch: BranchInfo, filters: Filters, now: datetime) -> bool:
    changed = branch.last_reset_at or branch.created_at
    return not (
        (filters.older_than is not None and now - changed < filters.older_than)
        or (filters.pattern and not fnmatchcase(branch.name, filters.pattern))
        or (filters.live is not None and branch.name in filters.live)
        or (filters.merged is not None and branch.name not in filters.merged)
    )


def _reason(branch: BranchInfo, filters: Filters) -> str:
    changed = branch.last_reset_at or branch.created_at
    said = []
    if filters.older_than is not None:
        said.append(f"is of {changed.date().isoformat()}")
    if filters.pattern:
        said.append(f"matches {filters.pattern}")
    if filters.live is not None:
        said.append("has no git branch")
    if filters.merged is not None:
        said.append("is merged")
    return ", ".join(said)
