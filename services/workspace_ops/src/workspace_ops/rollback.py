"""Back to what was before a migration: the branch that was made then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.client.attached import AttachedProject
from branchpg.client.points import Point
from workspace_ops import safety
from workspace_ops.errors import OperationError

if TYPE_CHECKING:
    from branchpg.client.answers import BranchInfo
    from workspace_ops.settings import Settings

__all__ = ["RolledBack", "rollback"]

_KEPT: Final = ("before-migration-", "before-load-")


class RolledBack(msgspec.Struct, frozen=True):
    """The default branch, what it is again, and where its last state is kept."""

    branch: str
    to: str
    preserved: str
    seconds: float


def rollback(
    settings: Settings, name: str | None, *, dry_run: bool = False
) -> RolledBack:
    """Give the default branch what a branch has: the newest one made before something.

    What the default branch is now stays under another name. Connections end; the
    address stays.

    Raises:
        OperationError: there is no such branch.
    """
    began = time.perf_counter()
    api = AttachedProject(settings.branchpg()).api
    found = api.branches()
    default = api.branch(settings.branch)
    wanted = _named(found, name) if name else _newest(found)
    preserved = f"rolled-back-{safety.stamp()}"
    if not dry_run:
        api.restore(default.id, wanted.id, Point(), preserve_under=preserved)
    seconds = round(time.perf_counter() - began, 3)
    return RolledBack(default.name, wanted.name, "" if dry_run else preserved, seconds)


def _named(found: list[BranchInfo], name: str) -> BranchInfo:
    for branch in found:
        if name in {branch.name, branch.id}:
            return branch
    names = ", ".join(branch.name for branch in found)
    raise OperationError(f"there is no branch {name}", hint=f"there are {names}")


def _newest(found: list[BranchInfo]) -> BranchInfo:
    kept = [one for one in found if one.name.startswith(_KEPT)]
    if not kept:
        raise OperationError(
            "there is no branch from before a migration or a load",
            hint="name the branch to go back to: yard -s workspace branch list",
        )
    return max(kept, key=lambda one: one.created_at)
