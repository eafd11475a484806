"""A schema migration tried on a branch: what it does there, and how long it takes."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import msgspec

from branchpg.client import schemas
from branchpg.client.api import NewBranch
from branchpg.client.attached import AttachedProject
from workspace_ops import checks, revisions, tables
from workspace_ops.checks import Result
from workspace_ops.database import connected
from workspace_ops.errors import OperationError
from workspace_ops.schema import CATEGORIES, ITEMS, SCHEMA

if TYPE_CHECKING:
    from workspace_ops.settings import Settings

__all__ = ["Rehearsal", "rehearse"]

_ON_A_BRANCH = frozenset({3, 5, 6, 7, 9})
"""The connection tests that say something of a branch after a migration."""


class Rehearsal(msgspec.Struct, frozen=True):
    """What a migration did on a branch.

    Attributes:
        before, after: the revisions of the schema.
        branch_seconds, seconds: of making the branch, of the migration itself.
        error: why it failed; empty if it did not.
        lost: tables that have fewer rows than before.
    """

    revision: str
    branch: str
    before: str
    after: str
    branch_seconds: float
    seconds: float
    schema_diff: str
    lost: list[str]
    checks: list[Result]
    error: str = ""
    kept: bool = False

    @property
    def is_well(self) -> bool:
        """Whether the migration may be run on the real branch."""
        return not (self.error or self.lost) and all(one.passed for one in self.checks)


def rehearse(settings: Settings, revision: str, *, keep: bool = False) -> Rehearsal:
    """Make a branch, migrate it to a revision, look, and delete it.

    Nothing reaches the default branch. A migration that fails is a result, no error.
    """
    project = AttachedProject(settings.branchpg())
    api = project.api
    parent = api.branch(settings.branch)
    name = f"rehearse-{revision[:20].replace('@', '-')}-{secrets.token_hex(3)}"
    began = time.perf_counter()
    branch = api.create(NewBranch(name=name, parent_id=parent.id))
    made = time.perf_counter() - began
    try:
        old = _held(settings, name)
        before = revisions.current(settings, name)
        began, error = time.perf_counter(), ""
        try:
            revisions.migrate(settings, name, revision)
        except OperationError as failure:
            error = failure.message
        seconds = time.perf_counter() - began
        base = schemas.Side(project.target(parent.name), parent.name)
        compared = schemas.Side(project.target(name), name)
        new = _held(settings, name)
        subject = checks.Subject(settings, name)
        wanted = [one for one in checks.CHECKS if one.number in _ON_A_BRANCH]
        return Rehearsal(
            revision=revision,
            branch=name,
            before=before,
            after=revisions.current(settings, name),
            branch_seconds=round(made, 3),
            seconds=round(seconds, 3),
            schema_diff=schemas.difference(
                project, base, compared, [settings.database]
            ),
            lost=sorted(t for t in old if new.get(t, -1) < old[t]),
            checks=checks.run(subject, wanted),
            error=error,
            kept=keep,
        )
    finally:
        if not keep:
            api.delete(branch.id)


def _held(settings: Settings, branch: str) -> dict[str, int]:
    with connected(settings, branch) as connection:
        found = tables.of_schema(connection, SCHEMA)
        kept = (ITEMS, CATEGORIES)
        return {name: found[name].count for name in kept if name in found}
