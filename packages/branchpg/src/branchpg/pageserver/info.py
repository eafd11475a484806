"""What Neon's interface says of tenants and timelines, and its console of branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from branchpg.pageserver import settings
from branchpg.store import sizes, snapshots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from branchpg.pageserver.pageserver import Pageserver
    from branchpg.pageserver.tenants import Tenant
    from branchpg.store.catalog import Branch, Catalog, Endpoint, Timeline

__all__ = ["branch", "endpoint", "project", "tenant", "tenant_config", "timeline"]


def tenant(one: Tenant) -> dict[str, Any]:
    """Return TenantInfo."""
    catalog = one.catalog
    blocked = [t for t, about in catalog.timelines.items() if about.is_gc_blocked]
    return {
        "id": catalog.tenant_id,
        "state": {"slug": "Active"},
        "attachment_status": {"slug": "attached"},
        "generation": catalog.generation,
        "gc_blocking": f"blocked for {', '.join(blocked)}" if blocked else None,
    }


def tenant_config(catalog: Catalog) -> dict[str, Any]:
    """Return a tenant's settings, those of its own apart."""
    return {
        "tenant_specific_overrides": catalog.config,
        "effective_config": settings.effective(catalog.config),
    }


def timeline(
    service: Pageserver, catalog: Catalog, about: Timeline, *, sized: bool = True
) -> dict[str, Any]:
    """Return TimelineInfo, with how much of its space is shared beside."""
    head = service.wal.head(catalog, about)
    layout, tenant_id = service.layout, catalog.tenant_id
    own = snapshots.all_of(layout, tenant_id, about.timeline_id)
    told: dict[str, Any] = {
        "tenant_id": tenant_id,
        "timeline_id": about.timeline_id,
        "ancestor_timeline_id": about.ancestor_timeline_id,
        "ancestor_lsn": about.ancestor_lsn,
        "last_record_lsn": head,
        "disk_consistent_lsn": head,
        "remote_consistent_lsn": head,
        "remote_consistent_lsn_visible": head,
        "initdb_lsn": about.start_lsn,
        "min_readable_lsn": about.gc_cutoff_lsn,
        "applied_gc_cutoff_lsn": about.gc_cutoff_lsn,
        "latest_gc_cutoff_lsn": about.gc_cutoff_lsn,
        "pg_version": catalog.pg_version,
        "state": "Stopping" if about.is_deleting else "Active",
        "is_archived": about.is_archived,
        "is_invisible": False,
        "generation": about.generation,
        "snapshots": [one.lsn for one in own],
        "created_at": about.created_at,
    }
    if sized:
        told |= _sizes(service, catalog, about)
    return told


def _sizes(service: Pageserver, catalog: Catalog, about: Timeline) -> Mapping[str, int]:
    layout, tenant_id = service.layout, catalog.tenant_id
    own = snapshots.all_of(layout, tenant_id, about.timeline_id)
    running = about.attachment
    logical = sizes.of_tree(running.pgdata if running else own[-1].path if own else "")
    shares = service.driver.shares
    physical = sizes.of_tree(layout.timeline(tenant_id, about.timeline_id))
    shared = sizes.of_tree(
        layout.snapshots(tenant_id, about.timeline_id), shared=shares
    ).shared
    history = sizes.of_tree(layout.wal(tenant_id, about.timeline_id))
    return {
        "current_logical_size": logical.logical,
        "current_physical_size": physical.physical,
        "shared_physical_size": shared,
        "pitr_history_size": history.physical,
    }


def project(service: Pageserver, catalog: Catalog) -> dict[str, Any]:
    """Return a project as Neon's console does, how its files are copied beside."""
    retention = settings.seconds(catalog.config, "pitr_interval")
    return {
        "id": catalog.tenant_id,
        "pg_version": catalog.pg_version,
        "created_at": catalog.created_at,
        "history_retention_seconds": round(retention),
        "driver": service.driver.value,
        "directory": service.layout.root,
    }


def branch(catalog: Catalog, about: Branch) -> dict[str, Any]:
    """Return a branch as Neon's console does, its timeline beside."""
    timeline = catalog.timeline(about.timeline_id)
    return {
        "id": about.id,
        "project_id": catalog.tenant_id,
        "name": about.name,
        "parent_id": about.parent_id,
        "parent_lsn": timeline.ancestor_lsn,
        "parent_timestamp": about.parent_timestamp,
        "timeline_id": about.timeline_id,
        "current_state": "archived" if timeline.is_archived else "ready",
        "default": about.default,
        "protected": about.protected,
        "expires_at": about.expires_at,
        "ttl_interval_seconds": about.ttl_interval_seconds,
        "last_reset_at": about.last_reset_at,
        "created_at": about.created_at,
        "updated_at": about.updated_at,
        "endpoints": [endpoint(catalog, e) for e in catalog.endpoints_of(about.id)],
    }


def endpoint(catalog: Catalog, about: Endpoint) -> dict[str, Any]:
    """Return an endpoint as Neon's console does."""
    timeline = catalog.timeline(catalog.branches[about.branch_id].timeline_id)
    running = timeline.attachment
    active = running is not None and running.endpoint_id == about.id
    return {
        "id": about.id,
        "branch_id": about.branch_id,
        "project_id": catalog.tenant_id,
        "type": about.type,
        "lsn": about.lsn,
        "current_state": "active" if active else "idle",
        "suspend_timeout_seconds": about.suspend_timeout_seconds,
        "created_at": about.created_at,
    }
