"""Branches: names for timelines, with Neon's rules for what may be done to which.

Every operation is one change of the catalog: the name stays, and with it the connection
string, while the timeline behind it is another one. It returns when every compute
connects to the new one.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from branchpg.errors import BadRequest, Conflict, PreconditionFailed, Unsatisfiable
from branchpg.pageserver.tenants import now
from branchpg.store.catalog import Branch, Endpoint

if TYPE_CHECKING:
    from branchpg.lsn import Lsn
    from branchpg.pageserver.moments import Moments
    from branchpg.pageserver.tenants import Tenant
    from branchpg.pageserver.timelines import Timelines
    from branchpg.store.catalog import Catalog, EndpointType

__all__ = ["Branches", "Point", "Wanted"]

_LOG: Final = logging.getLogger(__name__)
_LONGEST_NAME: Final = 256
_LONGEST_TTL: Final = timedelta(days=30)
_SETTLE_SECONDS: Final = 30.0


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


class Branches:
    """What can be done with branches."""

    def __init__(self, timelines: Timelines, moments: Moments) -> None:
        self._timelines = timelines
        self._moments = moments

    def first(self, tenant: Tenant, name: str, timeline_id: str) -> Branch:
        """Name the first timeline of a tenant: its default branch."""
        moment = now()
        branch = Branch(
            id=_new_id("br"),
            name=check_name(name),
            timeline_id=timeline_id,
            created_at=moment,
            updated_at=moment,
            default=True,
        )

        def add(catalog: Catalog) -> Catalog:
            _refuse_taken(catalog, name)
            return catalog.with_branch(branch).with_endpoint(_endpoint(branch.id))

        tenant.change(add)
        return branch

    def create(self, tenant: Tenant, wanted: Wanted) -> Branch:
        """Make a branch of another one; asking again for the same name is an error."""
        check_name(wanted.name)
        catalog = tenant.catalog
        _refuse_taken(catalog, wanted.name)
        parent = (
            catalog.branch(wanted.parent) if wanted.parent else catalog.default_branch()
        )
        if parent.expires_at:
            raise PreconditionFailed(
                f'branch "{parent.name}" expires, and can have no children',
                hint=f"branchpg branch set-expiration {parent.name}",
            )
        expires_at, ttl = _expiry(wanted.expires_at)
        timeline_id = self._branch_off(tenant, parent.timeline_id, wanted.point)
        moment = now()
        branch = Branch(
            id=_new_id("br"),
            name=wanted.name,
            timeline_id=timeline_id,
            parent_id=parent.id,
            parent_timestamp=wanted.point.time,
            created_at=moment,
            updated_at=moment,
            protected=wanted.protected,
            expires_at=expires_at,
            ttl_interval_seconds=ttl,
        )

        def add(current: Catalog) -> Catalog:
            _refuse_taken(current, wanted.name)
            changed = current.with_branch(branch).named(timeline_id)
            if wanted.endpoint is None:
                return changed
            return changed.with_endpoint(
                _endpoint(branch.id, wanted.endpoint, wanted.suspend_timeout_seconds)
            )

        try:
            tenant.change(add)
        except Conflict:  # somebody took the name meanwhile
            self._discard(tenant, timeline_id)
            raise
        return branch

    def delete(self, tenant: Tenant, name: str) -> Branch:
        """Delete a branch and what only it has."""
        branch = tenant.catalog.branch(name)

        def remove(catalog: Catalog) -> Catalog:
            current = catalog.branch(branch.id)
            _refuse(current.default, f'branch "{current.name}" is the default branch')
            _refuse(current.protected, f'branch "{current.name}" is protected')
            self._refuse_children(catalog, current)
            return catalog.without_branch(branch.id).doomed(branch.timeline_id)

        changed = tenant.change(remove)
        self._settle(tenant, changed)
        self._timelines.finish_deletion(tenant, branch.timeline_id)
        return branch

    def reset(
        self, tenant: Tenant, name: str, *, preserve_under: str | None = None
    ) -> Branch:
        """Give a branch the head of its parent; its own changes are gone."""
        branch = tenant.catalog.branch(name)
        if branch.parent_id is None:
            raise PreconditionFailed(
                f'branch "{branch.name}" has no parent to reset to',
                hint="branchpg branch restore takes it to an earlier moment",
            )
        parent = tenant.catalog.branch(branch.parent_id)
        change = _Replacement(branch, parent, Point(), preserve_under)
        return self._replace(tenant, change)

    def restore(
        self,
        tenant: Tenant,
        name: str,
        source: str,
        point: Point,
        *,
        preserve_under: str | None = None,
    ) -> Branch:
        """Give a branch what another one, or itself, was at a moment.

        `source` is a name or id, `^self` or `^parent`.
        """
        branch = tenant.catalog.branch(name)
        origin = _source(tenant.catalog, branch, source)
        if origin.id == branch.id and point == Point():
            raise BadRequest(
                "a branch is restored from itself at some point",
                hint="write ^self@LSN or ^self@TIME",
            )
        if origin.id == branch.id and preserve_under is None:
            raise BadRequest(
                "restoring a branch from itself needs a name for what it is now",
                hint="add --preserve-under-name NAME",
            )
        change = _Replacement(branch, origin, point, preserve_under)
        return self._replace(tenant, change)

    def rename(self, tenant: Tenant, name: str, new: str) -> Branch:
        """Give a branch another name."""
        check_name(new)

        def change(catalog: Catalog) -> Catalog:
            branch = catalog.branch(name)
            if branch.name != new:
                _refuse_taken(catalog, new)
            return catalog.with_branch(_changed(branch, name=new))

        branch_id = tenant.catalog.branch(name).id
        return self._settle(tenant, tenant.change(change)).branches[branch_id]

    def set_default(self, tenant: Tenant, name: str) -> Branch:
        """Make a branch the one that stands where none is named."""
        wanted = tenant.catalog.branch(name)
        _refuse(bool(wanted.expires_at), f'branch "{wanted.name}" expires')

        def change(catalog: Catalog) -> Catalog:
            others = [
                _changed(branch, default=branch.id == wanted.id)
                for branch in catalog.branches.values()
                if branch.default or branch.id == wanted.id
            ]
            return catalog.with_branch(*others)

        changed = tenant.change(change)
        return self._settle(tenant, changed).branches[wanted.id]

    def set_alias(self, tenant: Tenant, alias: str, name: str) -> Branch:
        """Let an alias lead to a branch; what is connected by it is told to go."""
        check_name(alias)
        branch = tenant.catalog.branch(name)

        def change(catalog: Catalog) -> Catalog:
            if alias not in catalog.aliases:
                _refuse_taken(catalog, alias)
            return catalog.with_alias(alias, branch.id)

        self._settle(tenant, tenant.change(change))
        return branch

    def protect(self, tenant: Tenant, name: str, *, protected: bool) -> Branch:
        """Let a branch be neither deleted nor reset, or take that back."""
        branch = tenant.catalog.branch(name)
        if protected and branch.expires_at:
            raise PreconditionFailed(f'branch "{branch.name}" expires')
        changed = _changed(branch, protected=protected)
        tenant.change(lambda catalog: catalog.with_branch(changed))
        return changed

    def expire(self, tenant: Tenant, name: str, at: datetime | None) -> Branch:
        """Let a branch be deleted at a time, or with None never."""
        branch = tenant.catalog.branch(name)
        if at is not None:
            _refuse(branch.default, f'branch "{branch.name}" is the default branch')
            _refuse(branch.protected, f'branch "{branch.name}" is protected')
            self._refuse_children(tenant.catalog, branch)
        expires_at, ttl = _expiry(at)
        changed = _changed(branch, expires_at=expires_at, ttl_interval_seconds=ttl)
        tenant.change(lambda catalog: catalog.with_branch(changed))
        return changed

    def add_endpoint(
        self,
        tenant: Tenant,
        name: str,
        kind: EndpointType,
        *,
        lsn: Lsn | None = None,
        suspend_timeout_seconds: int = 0,
    ) -> Endpoint:
        """Give a branch another endpoint: only one of them may write."""
        branch = tenant.catalog.branch(name)
        endpoint = _endpoint(branch.id, kind, suspend_timeout_seconds, lsn)

        def add(catalog: Catalog) -> Catalog:
            present = catalog.endpoints_of(branch.id)
            if kind == "read_write" and any(e.type == kind for e in present):
                raise Conflict(
                    f'branch "{branch.name}" has a read_write endpoint already'
                )
            return catalog.with_endpoint(endpoint)

        tenant.change(add)
        return endpoint

    def delete_expired(self, tenant: Tenant) -> None:
        """Delete the branches whose time has come."""
        moment = now()
        for branch in tuple(tenant.catalog.branches.values()):
            if branch.expires_at and branch.expires_at <= moment:
                _LOG.info("branch %s has expired", branch.name)
                try:
                    self.delete(tenant, branch.id)
                except PreconditionFailed as error:
                    _LOG.warning("branch %s stays: %s", branch.name, error)

    def _replace(self, tenant: Tenant, wanted: _Replacement) -> Branch:
        """Put another timeline behind a branch's name."""
        branch, name = wanted.branch, wanted.preserve_under
        _refuse(branch.protected, f'branch "{branch.name}" is protected')
        if name is not None:
            check_name(name)
            _refuse_taken(tenant.catalog, name)
        else:
            self._refuse_children(tenant.catalog, branch)
        timeline_id = self._branch_off(tenant, wanted.origin.timeline_id, wanted.point)

        def change(catalog: Catalog) -> Catalog:
            catalog = catalog.named(timeline_id)
            current = catalog.branch(branch.id)
            renewed = _renewed(current, timeline_id, wanted)
            if name is not None:
                _refuse_taken(catalog, name)
                return _preserved(catalog, current, renewed, name)
            self._refuse_children(catalog, current, but=timeline_id)
            return catalog.with_branch(renewed).doomed(current.timeline_id)

        try:
            changed = tenant.change(change)
        except (Conflict, PreconditionFailed):
            self._discard(tenant, timeline_id)
            raise
        self._settle(tenant, changed)
        if name is None:
            self._timelines.finish_deletion(tenant, branch.timeline_id)
        return changed.branches[branch.id]

    def _branch_off(self, tenant: Tenant, timeline_id: str, point: Point) -> str:
        lsn = point.lsn
        if point.time is not None:
            lsn = self.lsn_at(tenant, timeline_id, point.time)
        new = uuid.uuid4().hex
        self._timelines.branch(tenant, new, timeline_id, lsn, is_draft=True)
        return new

    def lsn_at(self, tenant: Tenant, timeline_id: str, time: datetime) -> Lsn | None:
        """Return the LSN of a time; None is the head.

        Raises:
            Unsatisfiable: it is before all that is kept.
        """
        if time > now() + timedelta(seconds=1):
            raise BadRequest(f"{time.isoformat()} is in the future")
        timeline = tenant.catalog.timeline(timeline_id)
        moment = self._moments.lsn_of(
            tenant.catalog, timeline_id, time, oldest=timeline.gc_cutoff_lsn
        )
        if moment.kind == "past" or (
            moment.kind == "nodata" and time < timeline.created_at
        ):
            raise Unsatisfiable(
                f"{time.isoformat()} is before the history that is kept, which begins "
                f"at {moment.lsn}",
                hint="see pitr_interval; or branch off the parent",
            )
        return None if moment.kind == "future" else moment.lsn

    def _discard(self, tenant: Tenant, timeline_id: str) -> None:
        """Remove a timeline that got no name after all."""
        tenant.change(lambda catalog: catalog.doomed(timeline_id))
        self._timelines.finish_deletion(tenant, timeline_id)

    def _settle(self, tenant: Tenant, catalog: Catalog) -> Catalog:
        if not tenant.settle(catalog.version, _SETTLE_SECONDS):
            _LOG.warning("a compute did not take notice of a change in time")
        return catalog

    def _refuse_children(
        self, catalog: Catalog, branch: Branch, *, but: str | None = None
    ) -> None:
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
                hint="delete them first, or keep what they need with "
                "--preserve-under-name",
            )


@dataclass(frozen=True)
class _Replacement:
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


def _refuse(condition: bool, reason: str) -> None:
    if condition:
        raise PreconditionFailed(reason)


def _refuse_taken(catalog: Catalog, name: str) -> None:
    if name in catalog.aliases or any(
        name in {branch.name, branch.id} for branch in catalog.branches.values()
    ):
        raise Conflict(f'branch "{name}" already exists')


def _source(catalog: Catalog, branch: Branch, source: str) -> Branch:
    if source == "^self":
        return branch
    if source != "^parent":
        return catalog.branch(source)
    if branch.parent_id is None:
        raise PreconditionFailed(f'branch "{branch.name}" has no parent')
    return catalog.branch(branch.parent_id)


def _expiry(at: datetime | None) -> tuple[datetime | None, int | None]:
    if at is None:
        return None, None
    left = at - now()
    if not timedelta(0) < left <= _LONGEST_TTL:
        raise BadRequest(
            f"expires_at is in the future, at most {_LONGEST_TTL.days} days away"
        )
    return at, round(left.total_seconds())


def _changed(branch: Branch, **changes: object) -> Branch:
    return msgspec.structs.replace(branch, updated_at=now(), **changes)


def _renewed(branch: Branch, timeline_id: str, wanted: _Replacement) -> Branch:
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


def _preserved(
    catalog: Catalog, current: Branch, renewed: Branch, name: str
) -> Catalog:
    """Return the catalog with a new branch that keeps a branch's old timeline.

    The children go with the timeline that they came from.
    """
    kept = Branch(
        id=_new_id("br"),
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
        _changed(child, parent_id=kept.id)
        for child in catalog.branches.values()
        if child.parent_id == current.id and child.id != current.id
    ]
    changed = catalog.with_branch(renewed, kept, *children)
    return changed.with_endpoint(_endpoint(kept.id))


def _endpoint(
    branch_id: str,
    kind: EndpointType = "read_write",
    suspend_timeout_seconds: int = 0,
    lsn: Lsn | None = None,
) -> Endpoint:
    return Endpoint(
        id=_new_id("ep"),
        branch_id=branch_id,
        type=kind,
        suspend_timeout_seconds=suspend_timeout_seconds,
        lsn=lsn,
        created_at=now(),
    )


def _new_id(prefix: str) -> str:
    return f"{prefix}-{secrets.token_hex(6)}"
