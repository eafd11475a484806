"""The HTTP interface of the pageserver: Neon's, for what both can do."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import Response

from branchpg.errors import BadRequest, NotFound, PreconditionFailed, Unsatisfiable
from branchpg.http.app import Call, call, json
from branchpg.lsn import Lsn
from branchpg.pageserver import info, settings
from branchpg.pageserver.attachments import Wish
from branchpg.pageserver.tenants import now
from branchpg.store import failpoints
from branchpg.store.catalog import Lease
from branchpg.store.layout import check_id

if TYPE_CHECKING:
    from starlette.routing import Route

    from branchpg.pageserver.pageserver import Pageserver
    from branchpg.pageserver.tenants import Tenant
    from branchpg.store.catalog import Catalog, Timeline

__all__ = ["routes", "testing_routes"]

_LONGEST_WATCH: Final = 60.0
_FLUSH_SECONDS: Final = 10.0
_TENANT: Final = "/v1/tenant/{tenant}"
_TIMELINE: Final = _TENANT + "/timeline/{timeline}"


class _Location(msgspec.Struct, forbid_unknown_fields=True):
    mode: str
    generation: int | None = None
    tenant_conf: dict[str, Any] = {}
    secondary_conf: dict[str, Any] | None = None
    shard_number: int = 0
    shard_count: int = 0
    shard_stripe_size: int = 0


class _NewTimeline(msgspec.Struct):
    new_timeline_id: str
    ancestor_timeline_id: str | None = None
    ancestor_start_lsn: Lsn | None = None
    pg_version: int | None = None
    read_only: bool = False


class _Attach(msgspec.Struct, forbid_unknown_fields=True):
    endpoint_id: str
    pgdata: str
    held: int | None = None
    compute: str | None = None


class _Ready(msgspec.Struct, forbid_unknown_fields=True):
    generation: int
    dsn: str


class _Generation(msgspec.Struct, forbid_unknown_fields=True):
    generation: int


class _Materialise(msgspec.Struct, forbid_unknown_fields=True):
    pgdata: str
    lsn: Lsn | None = None


class _LeaseRequest(msgspec.Struct, forbid_unknown_fields=True):
    lsn: Lsn


class _Gc(msgspec.Struct, forbid_unknown_fields=True):
    gc_horizon: int | None = None
    dry_run: bool = False


class _Failpoint(msgspec.Struct, forbid_unknown_fields=True):
    kill_at: int


class _Archival(msgspec.Struct, forbid_unknown_fields=True):
    state: str


def testing_routes() -> list[Route]:
    """Return the routes that only tests may use."""

    def arm(told: Call) -> object:
        failpoints.arm(told.read(_Failpoint).kill_at)
        return {}

    return [call("/v1/failpoints", "PUT", arm)]


def routes(service: Pageserver, node_id: int) -> list[Route]:
    """Return the routes of tenants and timelines."""
    tenants, timelines = _Tenants(service), _Timelines(service)
    computes = _Computes(service)
    return [
        call("/v1/status", "GET", lambda _call: {"id": node_id}),
        call("/v1/tenant", "GET", tenants.all),
        call(_TENANT, "GET", tenants.one),
        call(_TENANT, "DELETE", tenants.delete),
        call(f"{_TENANT}/location_config", "PUT", tenants.locate),
        call(f"{_TENANT}/config", "GET", tenants.config),
        call("/v1/tenant/config", "PUT", tenants.set_config),
        call("/v1/tenant/config", "PATCH", tenants.patch_config),
        call(f"{_TENANT}/catalog", "GET", tenants.catalog),
        call(f"{_TENANT}/wait_lsn", "POST", tenants.wait),
        call(f"{_TENANT}/timeline", "GET", timelines.all),
        call(f"{_TENANT}/timeline", "POST", timelines.create),
        call(_TIMELINE, "GET", timelines.one),
        call(_TIMELINE, "DELETE", timelines.delete),
        call(f"{_TIMELINE}/get_lsn_by_timestamp", "GET", timelines.lsn_by_time),
        call(f"{_TIMELINE}/get_timestamp_of_lsn", "GET", timelines.time_of_lsn),
        call(f"{_TIMELINE}/lsn_lease", "POST", timelines.lease),
        call(f"{_TIMELINE}/do_gc", "PUT", timelines.collect),
        call(f"{_TIMELINE}/block_gc", "POST", timelines.block_gc),
        call(f"{_TIMELINE}/unblock_gc", "POST", timelines.unblock_gc),
        call(f"{_TIMELINE}/detach_ancestor", "PUT", timelines.detach_ancestor),
        call(f"{_TIMELINE}/archival_config", "PUT", timelines.archive),
        call(f"{_TIMELINE}/checkpoint", "PUT", timelines.checkpoint),
        call(f"{_TIMELINE}/attach", "POST", computes.attach),
        call(f"{_TIMELINE}/attach", "PUT", computes.ready),
        call(f"{_TIMELINE}/attach", "DELETE", computes.detach),
        call(f"{_TIMELINE}/materialise", "POST", computes.materialise),
    ]


class _Tenants:
    def __init__(self, service: Pageserver) -> None:
        self._service = service

    def all(self, _told: Call) -> object:
        return [info.tenant(tenant) for tenant in self._service.tenants.all()]

    def one(self, told: Call) -> object:
        tenant = _tenant(self._service, told)
        return info.tenant(tenant) | {"timelines": sorted(tenant.catalog.timelines)}

    def delete(self, told: Call) -> object:
        self._service.tenants.delete(check_id(told.parts["tenant"]))
        return {}

    def locate(self, told: Call) -> object:
        wanted = told.read(_Location)
        tenant_id = check_id(told.parts["tenant"])
        if wanted.mode == "Detached":
            raise BadRequest("detaching a tenant is not supported", hint="DELETE it")
        settings.check(wanted.tenant_conf)
        tenant = self._service.tenants.create(tenant_id)
        tenant.change(
            lambda catalog: msgspec.structs.replace(
                catalog,
                config=wanted.tenant_conf,
                generation=wanted.generation or catalog.generation,
            )
        )
        shard = {"shard_id": tenant_id, "node_id": 1}
        return {"shards": [shard], "stripe_size": None}

    def config(self, told: Call) -> object:
        return info.tenant_config(_tenant(self._service, told).catalog)

    def set_config(self, told: Call) -> object:
        return self._configure(told, keep=False)

    def patch_config(self, told: Call) -> object:
        return self._configure(told, keep=True)

    def _configure(self, told: Call, *, keep: bool) -> object:
        given = told.read(dict[str, Any])
        tenant = self._service.tenants.get(check_id(str(given.pop("tenant_id", ""))))
        settings.check({name: v for name, v in given.items() if v is not None})

        def change(catalog: Catalog) -> Catalog:
            merged = {**catalog.config, **given} if keep else given
            kept = {name: v for name, v in merged.items() if v is not None}
            return msgspec.structs.replace(catalog, config=kept)

        tenant.change(change)
        return {}

    def catalog(self, told: Call) -> object:
        """Return all of a tenant; with `after`, once it is newer than that."""
        tenant = _tenant(self._service, told)
        after = int(told.query.get("after", -1))
        wait = min(float(told.query.get("wait", 0)), _LONGEST_WATCH)
        if after < 0:
            return tenant.catalog
        return tenant.watch(told.query.get("watcher", ""), after, wait)

    def wait(self, told: Call) -> object:
        wanted = told.read(dict[str, Any])
        timeout = wanted.pop("timeout", None) or {"secs": 30, "nanos": 0}
        seconds = float(timeout.get("secs", 0)) + timeout.get("nanos", 0) / 1e9
        tenant = _tenant(self._service, told)
        known = {
            t: Lsn.parse(str(v))
            for t, v in wanted.items()
            if t in tenant.catalog.timelines
        }
        if not known:
            raise NotFound("none of these timelines is here")
        keepers = self._service.safekeepers
        reached = [
            keepers.wait(tenant.id, timeline_id, lsn, min(seconds, _LONGEST_WATCH))
            for timeline_id, lsn in known.items()
        ]
        done = all(reached) and len(known) == len(wanted)
        return Response(status_code=HTTPStatus.OK if done else HTTPStatus.ACCEPTED)


class _Timelines:
    def __init__(self, service: Pageserver) -> None:
        self._service = service

    def all(self, told: Call) -> object:
        catalog = _tenant(self._service, told).catalog
        sized = told.flag("include-non-incremental-logical-size")
        return [
            info.timeline(self._service, catalog, about, sized=sized)
            for about in catalog.timelines.values()
        ]

    def one(self, told: Call) -> object:
        catalog = _tenant(self._service, told).catalog
        return info.timeline(self._service, catalog, _timeline(catalog, told))

    def create(self, told: Call) -> object:
        wanted = told.read(_NewTimeline)
        tenant = _tenant(self._service, told)
        new = check_id(wanted.new_timeline_id)
        work = self._service.timelines
        if wanted.ancestor_timeline_id is None:
            about = work.bootstrap(tenant, new)
        else:
            ancestor = check_id(wanted.ancestor_timeline_id)
            about = work.branch(tenant, new, ancestor, wanted.ancestor_start_lsn)
        told_of = info.timeline(self._service, tenant.catalog, about, sized=False)
        return json(told_of, HTTPStatus.CREATED)

    def delete(self, told: Call) -> object:
        try:
            tenant = _tenant(self._service, told)
        except NotFound as error:
            raise PreconditionFailed("Requested tenant is missing") from error
        timeline_id = check_id(told.parts["timeline"])
        self._service.timelines.begin_deletion(tenant, timeline_id)
        finish = partial(self._service.timelines.finish_deletion, tenant, timeline_id)
        self._service.in_background(finish, f"deletion of {timeline_id}")
        return Response(status_code=HTTPStatus.ACCEPTED)

    def lsn_by_time(self, told: Call) -> object:
        tenant = _tenant(self._service, told)
        timeline = _timeline(tenant.catalog, told)
        moment = self._service.moments.lsn_of(
            tenant.catalog,
            timeline.timeline_id,
            told.time("timestamp"),
            oldest=timeline.gc_cutoff_lsn,
        )
        answer: dict[str, Any] = {"lsn": moment.lsn, "kind": moment.kind}
        if told.flag("with_lease") and "with_lease" in told.query:
            answer["valid_until"] = self._lease(
                tenant, timeline, moment.lsn, "lsn_lease_length_for_ts"
            )
        return answer

    def time_of_lsn(self, told: Call) -> object:
        catalog = _tenant(self._service, told).catalog
        lsn = told.lsn("lsn")
        if lsn is None:
            raise BadRequest("lsn is missing")
        about = _timeline(catalog, told)
        found = self._service.moments.time_of(catalog, about.timeline_id, lsn)
        return found.isoformat().replace("+00:00", "Z")

    def lease(self, told: Call) -> object:
        tenant = _tenant(self._service, told)
        timeline = _timeline(tenant.catalog, told)
        lsn = told.read(_LeaseRequest).lsn
        return {"valid_until": self._lease(tenant, timeline, lsn, "lsn_lease_length")}

    def _lease(
        self, tenant: Tenant, timeline: Timeline, lsn: Lsn, length: str
    ) -> datetime:
        seconds = settings.seconds(tenant.catalog.config, length)
        lease = Lease(timeline.timeline_id, lsn, now() + timedelta(seconds=seconds))

        def add(catalog: Catalog) -> Catalog:
            current = catalog.timeline(timeline.timeline_id)
            same = [
                one
                for one in catalog.leases
                if (one.timeline_id, one.lsn) == (lease.timeline_id, lsn)
            ]
            if lsn < current.gc_cutoff_lsn and not same:
                raise Unsatisfiable(
                    f"tried to request a page version that was garbage collected. "
                    f"requested at {lsn} gc cutoff {current.gc_cutoff_lsn}"
                )
            others = tuple(one for one in catalog.leases if one not in same)
            return msgspec.structs.replace(catalog, leases=(*others, lease))

        tenant.change(add)
        return lease.valid_until

    def collect(self, told: Call) -> object:
        tenant = _tenant(self._service, told)
        about, wanted = _timeline(tenant.catalog, told), told.read(_Gc)
        return self._service.collector.collect(
            tenant,
            about.timeline_id,
            horizon=wanted.gc_horizon,
            dry_run=wanted.dry_run,
        )

    def block_gc(self, told: Call) -> object:
        return self._block(told, blocked=True)

    def unblock_gc(self, told: Call) -> object:
        return self._block(told, blocked=False)

    def _block(self, told: Call, *, blocked: bool) -> object:
        tenant = _tenant(self._service, told)
        timeline_id = _timeline(tenant.catalog, told).timeline_id
        tenant.change(
            lambda catalog: catalog.with_timeline(
                msgspec.structs.replace(
                    catalog.timeline(timeline_id), is_gc_blocked=blocked
                )
            )
        )
        return {}

    def detach_ancestor(self, told: Call) -> object:
        tenant = _tenant(self._service, told)
        about = _timeline(tenant.catalog, told)
        moved = self._service.detaching.detach(tenant, about.timeline_id)
        return {"reparented_timelines": moved}

    def archive(self, told: Call) -> object:
        tenant, wanted = _tenant(self._service, told), told.read(_Archival).state
        if wanted not in {"Archived", "Unarchived"}:
            raise BadRequest(f'"{wanted}" is neither Archived nor Unarchived')
        about = _timeline(tenant.catalog, told)
        archived = wanted == "Archived"
        self._service.timelines.archive(tenant, about.timeline_id, archived=archived)
        return {}

    def checkpoint(self, told: Call) -> object:
        """Take a snapshot, and fetch what whole segments there are."""
        tenant = _tenant(self._service, told)
        about = _timeline(tenant.catalog, told)
        if told.query.get("wait") == "false":
            work = partial(self._service.timelines.snapshot, tenant, about.timeline_id)
            self._service.in_background(work, "snapshot")
            return {"lsn": None}
        lsn = self._service.timelines.snapshot(tenant, about.timeline_id)
        self._service.timelines.keep_snapshots(tenant, about.timeline_id)
        self._service.timelines.ingest(tenant, about.timeline_id)
        return {"lsn": lsn}


class _Computes:
    def __init__(self, service: Pageserver) -> None:
        self._service = service

    def attach(self, told: Call) -> object:
        wanted = told.read(_Attach)
        tenant = _tenant(self._service, told)
        wish = Wish(
            wanted.endpoint_id, wanted.pgdata, wanted.held, compute=wanted.compute
        )
        about = _timeline(tenant.catalog, told)
        return self._service.attachments.attach(tenant, about.timeline_id, wish)

    def ready(self, told: Call) -> object:
        wanted = told.read(_Ready)
        tenant = _tenant(self._service, told)
        about = _timeline(tenant.catalog, told)
        self._service.attachments.ready(
            tenant, about.timeline_id, wanted.generation, wanted.dsn
        )
        return {}

    def detach(self, told: Call) -> object:
        tenant, wanted = _tenant(self._service, told), told.read(_Generation)
        timeline_id = check_id(told.parts["timeline"])
        self._service.attachments.detach(tenant, timeline_id, wanted.generation)
        return {}

    def materialise(self, told: Call) -> object:
        """Make a data directory for who only reads, at an LSN or the head."""
        tenant, wanted = _tenant(self._service, told), told.read(_Materialise)
        about = _timeline(tenant.catalog, told)
        with tenant.history.reading():
            catalog = tenant.catalog
            head = self._service.wal.head(catalog, about)
            lsn = wanted.lsn or head
            if lsn > head:  # on its way to the safekeepers, where nobody waits for it
                self._service.safekeepers.wait(
                    tenant.id, about.timeline_id, lsn, _FLUSH_SECONDS
                )
            if about.start_lsn != lsn:
                lsn = self._service.wal.whole_end(catalog, about.timeline_id, lsn)
            self._service.store.materialise(
                catalog, about.timeline_id, lsn, wanted.pgdata, takes_seed=False
            )
        return {"lsn": lsn}


def _tenant(service: Pageserver, told: Call) -> Tenant:
    return service.tenants.get(check_id(told.parts["tenant"]))


def _timeline(catalog: Catalog, told: Call) -> Timeline:
    return catalog.timeline(check_id(told.parts["timeline"]))
