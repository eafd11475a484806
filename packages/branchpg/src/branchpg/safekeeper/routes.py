"""The HTTP interface, 7676: Neon's subset, and what computes and pageservers need."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.routing import Route

from branchpg.errors import BadRequest, BranchpgError
from branchpg.http.app import application, body, json, lsn_query, metrics_route
from branchpg.safekeeper import answers, wal_bytes
from branchpg.safekeeper.metrics import collector
from branchpg.safekeeper.peers import Peers, pull_timeline
from branchpg.safekeeper.receiver import Order
from branchpg.safekeeper.source import checked_slot, place_of
from branchpg.safekeeper.state import State, TimelineKey

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from branchpg.safekeeper.registry import Registry
    from branchpg.safekeeper.timeline import Timeline

__all__ = ["Api"]

_LONGEST_WAIT: Final = 600.0
_TIMELINE: Final = "/v1/tenant/{tenant_id}/timeline/{timeline_id}"


class _Timeout(BranchpgError):
    status = HTTPStatus.REQUEST_TIMEOUT


class Api:
    """The handlers. What touches the disk or another server runs in a thread."""

    def __init__(self, registry: Registry, *, number: int, token: str | None) -> None:
        self._registry = registry
        self._number = number
        self._token = token

    def application(self) -> ASGIApp:
        """Return the ASGI application."""
        routes = [
            Route("/v1/status", self.status),
            Route("/v1/utilization", self.utilization),
            Route("/v1/debug_dump", self.debug_dump),
            Route("/v1/tenant/timeline", self.list),
            Route("/v1/tenant/timeline", self.create, methods=["POST"]),
            Route("/v1/tenant/{tenant_id}", self.delete_tenant, methods=["DELETE"]),
            Route("/v1/pull_timeline", self.pull_timeline, methods=["POST"]),
            Route(_TIMELINE, self.get),
            Route(_TIMELINE, self.delete, methods=["DELETE"]),
            Route(f"{_TIMELINE}/fence", self.fence, methods=["POST"]),
            Route(f"{_TIMELINE}/receive", self.receive, methods=["POST"]),
            Route(f"{_TIMELINE}/receive", self.stop, methods=["DELETE"]),
            Route(f"{_TIMELINE}/wait", self.wait, methods=["POST"]),
            Route(f"{_TIMELINE}/control_file", self.forget, methods=["PATCH"]),
            Route(f"{_TIMELINE}/copy", self.copy, methods=["POST"]),
            Route(f"{_TIMELINE}/term_bump", self.term_bump, methods=["POST"]),
            Route(f"{_TIMELINE}/digest", self.digest),
            Route(f"{_TIMELINE}/wal/{{segment}}", self.segment),
            metrics_route(collector(self._registry)),
        ]
        return application(routes, token=self._token)

    async def status(self, _request: Request) -> Response:
        """Answer a health check."""
        return json({"id": self._number})

    async def utilization(self, _request: Request) -> Response:
        """Say how many timelines there are."""
        return json({"timeline_count": len(self._registry.all())})

    async def debug_dump(self, _request: Request) -> Response:
        """Say all there is to say."""
        timelines = [
            {
                "status": answers.status_of(timeline),
                "control_file": timeline.state,
                "segments": [s.name for s in timeline.segments.present()],
                "written_wal_bytes": timeline.counts.written_bytes,
            }
            for timeline in self._registry.all()
        ]
        return json({"id": self._number, "timelines": timelines})

    async def list(self, _request: Request) -> Response:
        """List the timelines."""
        return json([timeline.key for timeline in self._registry.all()])

    async def create(self, request: Request) -> Response:
        """Make a timeline, as Neon's storage controller does."""
        wanted = await body(request, answers.CreateBody)
        key = TimelineKey.of(wanted.tenant_id, wanted.timeline_id)
        state = State(
            tenant_id=key.tenant_id,
            timeline_id=key.timeline_id,
            start_lsn=wanted.start_lsn,
            pg_version=wanted.pg_version,
            system_id=wanted.system_id or 0,
            wal_seg_size=_segment_size(wanted.wal_seg_size),
        )
        timeline, _ = await asyncio.to_thread(self._registry.create, state)
        return json(answers.status_of(timeline))

    async def get(self, request: Request) -> Response:
        """Answer what a timeline is."""
        return json(answers.status_of(self._timeline(request)))

    async def delete(self, request: Request) -> Response:
        """Remove a timeline."""
        key = _key(request)
        existed = await asyncio.to_thread(self._registry.delete, key)
        return json({"dir_existed": existed})

    async def delete_tenant(self, request: Request) -> Response:
        """Remove all timelines of a tenant."""
        tenant_id = request.path_params["tenant_id"]
        TimelineKey.of(tenant_id, "0" * 32)
        existed = await asyncio.to_thread(self._registry.delete_tenant, tenant_id)
        told = {name: {"dir_existed": here} for name, here in existed.items()}
        return json(told)

    async def fence(self, request: Request) -> Response:
        """Promise a generation; the timeline is made if it is not there."""
        wanted, key = await body(request, answers.FenceBody), _key(request)
        if wanted.generation < 1:
            raise BadRequest("generations begin with 1")
        state = State(
            key.tenant_id,
            key.timeline_id,
            wanted.start_lsn,
            generation=wanted.generation,
            pg_version=wanted.pg_version,
            system_id=wanted.system_id or 0,
        )

        def fence() -> object:
            timeline, is_new = self._registry.create(state)
            fenced = timeline.fence(
                wanted.generation,
                pg_version=wanted.pg_version,
                system_id=wanted.system_id or 0,
            )
            # One that is new was made with the promise: it is written down once.
            return msgspec.structs.replace(fenced, generation=0) if is_new else fenced

        return json(await asyncio.to_thread(fence))

    async def receive(self, request: Request) -> Response:
        """Pull from a compute from now on."""
        wanted = await body(request, answers.ReceiveBody)
        timeline = self._timeline(request)
        place_of(wanted.dsn)
        order = Order(
            wanted.generation,
            wanted.dsn,
            checked_slot(wanted.slot) if wanted.slot else None,
            f"safekeeper_{self._number}",
            Peers.of(timeline.key, wanted.peers, self._token),
        )
        await asyncio.to_thread(
            timeline.receive,
            order,
            wanted.history,
            start_lsn=wanted.start_lsn,
            within=_bounded(wanted.timeout),
        )
        return json(answers.status_of(timeline))

    async def stop(self, request: Request) -> Response:
        """Pull no more."""
        wanted = await body(request, answers.StopBody)
        timeline = self._timeline(request)
        await asyncio.to_thread(timeline.stop_receiving, wanted.generation)
        return json(answers.status_of(timeline))

    async def wait(self, request: Request) -> Response:
        """Answer when WAL is on disk up to a position."""
        wanted = await body(request, answers.WaitBody)
        timeline = self._timeline(request)
        deadline = time.monotonic() + _bounded(wanted.timeout)
        with timeline.progress.watch() as watch:
            while True:
                watch.arm()
                flush = timeline.flush_lsn or timeline.state.start_lsn
                is_of_it = timeline.last_generation >= wanted.generation
                if flush >= wanted.lsn and is_of_it:
                    return json({"flush_lsn": flush})
                left = deadline - time.monotonic()
                if left <= 0 or not await watch.wait(left):
                    here = f"{flush} of generation {timeline.last_generation}"
                    raise _Timeout(f"WAL is here up to {here}, not {wanted.lsn}")

    async def forget(self, request: Request) -> Response:
        """Remove WAL that is in snapshots."""
        wanted = await body(request, answers.ForgetBody)
        timeline = self._timeline(request)
        await asyncio.to_thread(timeline.forget_before, wanted.remote_consistent_lsn)
        return json(answers.status_of(timeline))

    async def copy(self, request: Request) -> Response:
        """Make a timeline of another one's WAL up to a position."""
        wanted = await body(request, answers.CopyBody)
        source = self._timeline(request)
        tenant_id = wanted.target_tenant_id or source.key.tenant_id
        target = TimelineKey.of(tenant_id, wanted.target_timeline_id)
        timeline = await asyncio.to_thread(
            self._registry.copy, source, target, wanted.until_lsn
        )
        return json(answers.status_of(timeline))

    async def pull_timeline(self, request: Request) -> Response:
        """Fetch a timeline that was lost here from the other safekeepers."""
        wanted = await body(request, answers.PullBody)
        key = TimelineKey.of(wanted.tenant_id, wanted.timeline_id)
        host = await asyncio.to_thread(
            pull_timeline,
            self._registry,
            Peers.of(key, wanted.http_hosts, self._token),
        )
        return json({"safekeeper_host": host})

    async def term_bump(self, request: Request) -> Response:
        """Promise a higher generation by hand."""
        wanted = await body(request, answers.TermBody)
        timeline = self._timeline(request)
        before, now = await asyncio.to_thread(timeline.bump, wanted.term)
        return json({"previous_term": before, "current_term": now})

    async def digest(self, request: Request) -> Response:
        """Answer the SHA-256 of a range of WAL."""
        start, until = lsn_query(request, "from_lsn"), lsn_query(request, "until_lsn")
        if start is None or until is None:
            raise BadRequest("from_lsn and until_lsn are needed")
        timeline = self._timeline(request)
        found = await asyncio.to_thread(wal_bytes.digest, timeline, start, until)
        return json({"sha256": found})

    async def segment(self, request: Request) -> Response:
        """Answer a segment's bytes."""
        return wal_bytes.segment_response(
            self._timeline(request),
            request.path_params["segment"],
            request.headers.get("range"),
        )

    def _timeline(self, request: Request) -> Timeline:
        return self._registry.get(_key(request))


def _key(request: Request) -> TimelineKey:
    given = request.path_params
    return TimelineKey.of(given["tenant_id"], given["timeline_id"])


def _bounded(seconds: float) -> float:
    if not 0 <= seconds <= _LONGEST_WAIT:
        raise BadRequest(f"a timeout is between 0 and {_LONGEST_WAIT:.0f} seconds")
    return seconds


def _segment_size(size: int) -> int:
    if not 1024**2 <= size <= 1024**3 or size & (size - 1):
        raise BadRequest("wal_seg_size is a power of two from 1 MB to 1 GB")
    return size
