"""What a branch may be called, what may be done to it, and what becomes of it: pure.

The rules are Neon's; each function takes the catalog as it is and returns what it is to
be, or raises what its caller is told.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.errors import BadRequest, Conflict, PreconditionFailed
from branchpg.pageserver.tenants import now
from branchpg.store.catalog import Branch, Endpoint

if TYPE_CHECKING:
    from branchpg.lsn import Lsn
    from branchpg.store.catalog import Catalog, EndpointType

_LONGEST_NAME: Final = 256
_LONGEST_TTL: Final = timedelta(days=30)


@dataclass(frozen=True)
class Point:
    """A moment of a branch: an LSN, a time, or with neither its head."""

    lsn: Lsn | None = None
    time: datetime | None = None


@dataclass(frozen=True)
class Wanted:
    """A branch to be made."""

    name: str
    parent: str | None = None
    point: Point = Point()
    protected: bool = False
    expires_at: datetime | None = None
    endpoint: EndpointType | None = "read_write"
    suspend_timeout_seconds: int = 0


@dataclass(frozen=True)
class Replacement:
    """Another timeline for a branch: one that goes on from `origin` at `point`."""

    branch: Branch
    origin: Branch
    point: Point
    preserve_under: str | None


def check_name(name: str) -> str:
    """Return a branch's name; raise BadRequest for what could not be written."""
    printable = name.isprintable() and not any(sign in name for sign in " @^\"'\\")
    if not name or len(name) > _LONGEST_NAME or not printable or name[0] == "-":
        raise BadRequest(
            f"invalid name of a branch: {name!r}"[:400],
            hint=f"up to {_LONGEST_NAME} characters, without spaces, quotes, @ and ^",
        )
    return name


def refuse(condition: bool, reason: str) -> None:
    """Raise PreconditionFailed, with a reason, where a condition holds."""
    if condition:
        raise PreconditionFailed(reason)


def refuse_taken(catalog: Catalog, name: str) -> None:
    """Raise Conflict for a name that a branch or an alias has."""
    if name in catalog.aliases or any(
        name in {branch.name, branch.id} for branch in catalog.branches.values()
    ):
        raise Conflict(f'branch "{name}" already exists')


def source_of(catalog: Catalog, branch: Branch, source: str) -> Branch:
    """Return the branch that a name, `^self` or `^parent` stands for."""
    if source == "^self":
        return branch
    if source != "^parent":
        return catalog.branch(source)
    if branch.parent_id is None:
        raise PreconditionFailed(f'branch "{branch.name}" has no parent')
    return catalog.branch(branch.parent_id)


def expiry(at: datetime | None) -> tuple[datetime | None, int | None]:
    """Return when a branch expires, and the seconds until then: 30 days at most."""
    if at is None:
        return None, None
    left = at - now()
    if not timedelta(0) < left <= _LONGEST_TTL:
        raise BadRequest(
            f"expires_at is in the future, at most {_LONGEST_TTL.days} days away"
        )
    return at, round(left.total_seconds())


def changed(branch: Branch, **changes: object) -> Branch:
    """Return a branch with some fields changed, as of now."""
    return msgspec.structs.replace(branch, updated_at=now(), **changes)


def renewed(branch: Branch, timeline_id: str, wanted: Replacement) -> Branch:
    """Return a branch with another timeline; the time it has to live begins anew."""
    moment = now()
    ttl = branch.ttl_interval_seconds
    is_own = wanted.origin.id == branch.id
    return msgspec.structs.replace(
        branch,
        timeline_id=timeline_id,
        parent_id=branch.parent_id if is_own else wanted.origin.id,
        parent_timestamp=wanted.point.time,
        last_reset_at=moment,
        updated_at=moment,
        expires_at=moment + timedelta(seconds=ttl) if ttl else branch.expires_at,
    )


def preserved(catalog: Catalog, current: Branch, renewed: Branch, name: str) -> Catalog:
    """Return the catalog with a new branch that keeps a branch's old timeline.

    The children go with the timeline that they came from.
    """
    kept = Branch(
        id=new_id("br"),
        name=name,
        timeline_id=current.timeline_id,
        parent_id=current.parent_id,
        parent_timestamp=current.parent_timestamp,
        created_at=current.created_at,
        updated_at=now(),
    )
    own = catalog.timeline(renewed.timeline_id).ancestor_timeline_id
    if own == current.timeline_id:
        renewed = msgspec.structs.replace(renewed, parent_id=kept.id)
    children = [
        changed(child, parent_id=kept.id)
        for child in catalog.branches.values()
        if child.parent_id == current.id and child.id != current.id
    ]
    with_kept = catalog.with_branch(renewed, kept, *children)
    return with_kept.with_endpoint(new_endpoint(kept.id))


def new_endpoint(
    branch_id: str,
    kind: EndpointType = "read_write",
    suspend_timeout_seconds: int = 0,
    lsn: Lsn | None = None,
) -> Endpoint:
    """Return a new endpoint for a branch."""
    return Endpoint(
        id=new_id("ep"),
        branch_id=branch_id,
        type=kind,
        suspend_timeout_seconds=suspend_timeout_seconds,
        lsn=lsn,
        created_at=now(),
    )


def new_id(prefix: str) -> str:
    """Return a new id, such as `br-9f86d081884c`."""
    return f"{prefix}-{secrets.token_hex(6)}"


def refuse_children(
    catalog: Catalog, branch: Branch, *, but: str | None = None
) -> None:
    """Raise PreconditionFailed for a branch that others came from, one left out."""
    names = {
        child.name
        for child in catalog.branches.values()
        if child.parent_id == branch.id
    }
    for child in catalog.children(branch.timeline_id):
        named = catalog.branch_of(child.timeline_id)
        if child.timeline_id != but and not child.is_deleting:
            names.add(named.name if named else child.timeline_id)
    if names:
        raise PreconditionFailed(
            f'branch "{branch.name}" has children: {", ".join(sorted(names))}',
            hint="delete them first, or keep what they need with --preserve-under-name",
        )
