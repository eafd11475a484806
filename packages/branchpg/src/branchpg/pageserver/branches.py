"""Branches: names for timelines, with Neon's rules for what may be done to which.

Every operation is one change of the catalog: the name stays, and with it the connection
string, while the timeline behind it is another one. It returns when every compute
connects to the new one.
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from branchpg.errors import BadRequest, Conflict, PreconditionFailed, Unsatisfiable
from branchpg.pageserver import branch_rules as rules
from branchpg.pageserver.tenants import now
from branchpg.store.catalog import Branch, Endpoint

if TYPE_CHECKING:
    from branchpg.lsn import Lsn
    from branchpg.pageserver.moments import Moments
    from branchpg.pageserver.tenants import Tenant
    from branchpg.pageserver.timelines import Timelines
    from branchpg.store.catalog import Catalog, EndpointType

__all__ = ["Branches"]

_LOG: Final = logging.getLogger(__name__)
_LONGEST_NAME: Final = 256
_LONGEST_TTL: Final = timedelta(days=30)
_SETTLE_SECONDS: Final = 30.0


class Branches:
    """What can be done with branches."""

    def __init__(self, timelines: Timelines, moments: Moments) -> None:
        self._timelines = timelines
        self._moments = moments

    def first(self, tenant: Tenant, name: str, timeline_id: str) -> Branch:
        """Name the first timeline of a tenant: its default branch."""
        moment = now()
        branch = Branch(
            id=rules.new_id("br"),
            name=rules.check_name(name),
            timeline_id=timeline_id,
            created_at=moment,
            updated_at=moment,
            default=True,
        )

        def add(catalog: Catalog) -> Catalog:
            rules.refuse_taken(catalog, name)
            return catalog.with_branch(branch).with_endpoint(
                rules.new_endpoint(branch.id)
            )

        tenant.change(add)
        return branch

    def create(self, tenant: Tenant, wanted: rules.Wanted) -> Branch:
        """Make a branch of another one; asking again for the same name is an error."""
        rules.check_name(wanted.name)
        catalog = tenant.catalog
        rules.refuse_taken(catalog, wanted.name)
        parent = (
            catalog.branch(wanted.parent) if wanted.parent else catalog.default_branch()
        )
        if parent.expires_at:
            raise PreconditionFailed(
                f'branch "{parent.name}" expires, and can have no children',
                hint=f"branchpg branch set-expiration {parent.name}",
            )
        expires_at, ttl = rules.expiry(wanted.expires_at)
        timeline_id = self._branch_off(tenant, parent.timeline_id, wanted.point)
        moment = now()
        branch = Branch(
            id=rules.new_id("br"),
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
            rules.refuse_taken(current, wanted.name)
            changed = current.with_branch(branch).named(timeline_id)
            if wanted.endpoint is None:
                return changed
            return changed.with_endpoint(
                rules.new_endpoint(
                    branch.id, wanted.endpoint, wanted.suspend_timeout_seconds
                )
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
            rules.refuse(
                current.default, f'branch "{current.name}" is the default branch'
            )
            rules.refuse(current.protected, f'branch "{current.name}" is protected')
            rules.refuse_children(catalog, current)
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
        change = rules.Replacement(branch, parent, rules.Point(), preserve_under)
        return self._replace(tenant, change)

    def restore(
        self,
        tenant: Tenant,
        name: str,
        source: str,
        point: rules.Point,
        *,
        preserve_under: str | None = None,
    ) -> Branch:
        """Give a branch what another one, or itself, was at a moment.

        `source` is a name or id, `^self` or `^parent`.
        """
        branch = tenant.catalog.branch(name)
        origin = rules.source_of(tenant.catalog, branch, source)
        if origin.id == branch.id and point == rules.Point():
            raise BadRequest(
                "a branch is restored from itself at some point",
                hint="write ^self@LSN or ^self@TIME",
            )
        if origin.id == branch.id and preserve_under is None:
            raise BadRequest(
                "restoring a branch from itself needs a name for what it is now",
                hint="add --preserve-under-name NAME",
            )
        change = rules.Replacement(branch, origin, point, preserve_under)
        return self._replace(tenant, change)

    def rename(self, tenant: Tenant, name: str, new: str) -> Branch:
        """Give a branch another name."""
        rules.check_name(new)

        def change(catalog: Catalog) -> Catalog:
            branch = catalog.branch(name)
            if branch.name != new:
                rules.refuse_taken(catalog, new)
            return catalog.with_branch(rules.changed(branch, name=new))

        branch_id = tenant.catalog.branch(name).id
        return self._settle(tenant, tenant.change(change)).branches[branch_id]

    def set_default(self, tenant: Tenant, name: str) -> Branch:
        """Make a branch the one that stands where none is named."""
        wanted = tenant.catalog.branch(name)
        rules.refuse(bool(wanted.expires_at), f'branch "{wanted.name}" expires')

        def change(catalog: Catalog) -> Catalog:
            others = [
                rules.changed(branch, default=branch.id == wanted.id)
                for branch in catalog.branches.values()
                if branch.default or branch.id == wanted.id
            ]
            return catalog.with_branch(*others)

        changed = tenant.change(change)
        return self._settle(tenant, changed).branches[wanted.id]

    def set_alias(self, tenant: Tenant, alias: str, name: str) -> Branch:
        """Let an alias lead to a branch; what is connected by it is told to go."""
        rules.check_name(alias)
        branch = tenant.catalog.branch(name)

        def change(catalog: Catalog) -> Catalog:
            if alias not in catalog.aliases:
                rules.refuse_taken(catalog, alias)
            return catalog.with_alias(alias, branch.id)

        self._settle(tenant, tenant.change(change))
        return branch

    def protect(self, tenant: Tenant, name: str, *, protected: bool) -> Branch:
        """Let a branch be neither deleted nor reset, or take that back."""
        branch = tenant.catalog.branch(name)
        if protected and branch.expires_at:
            raise PreconditionFailed(f'branch "{branch.name}" expires')
        changed = rules.changed(branch, protected=protected)
        tenant.change(lambda catalog: catalog.with_branch(changed))
        return changed

    def expire(self, tenant: Tenant, name: str, at: datetime | None) -> Branch:
        """Let a branch be deleted at a time, or with None never."""
        branch = tenant.catalog.branch(name)
        if at is not None:
            rules.refuse(
                branch.default, f'branch "{branch.name}" is the default branch'
            )
            rules.refuse(branch.protected, f'branch "{branch.name}" is protected')
            rules.refuse_children(tenant.catalog, branch)
        expires_at, ttl = rules.expiry(at)
        changed = rules.changed(branch, expires_at=expires_at, ttl_interval_seconds=ttl)
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
        endpoint = rules.new_endpoint(branch.id, kind, suspend_timeout_seconds, lsn)

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

    def _replace(self, tenant: Tenant, wanted: rules.Replacement) -> Branch:
        """Put another timeline behind a branch's name."""
        branch, name = wanted.branch, wanted.preserve_under
        rules.refuse(branch.protected, f'branch "{branch.name}" is protected')
        if name is not None:
            rules.check_name(name)
            rules.refuse_taken(tenant.catalog, name)
        else:
            rules.refuse_children(tenant.catalog, branch)
        timeline_id = self._branch_off(tenant, wanted.origin.timeline_id, wanted.point)

        def change(catalog: Catalog) -> Catalog:
            catalog = catalog.named(timeline_id)
            current = catalog.branch(branch.id)
            renewed = rules.renewed(current, timeline_id, wanted)
            if name is not None:
                rules.refuse_taken(catalog, name)
                return rules.preserved(catalog, current, renewed, name)
            rules.refuse_children(catalog, current, but=timeline_id)
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

    def _branch_off(self, tenant: Tenant, timeline_id: str, point: rules.Point) -> str:
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
