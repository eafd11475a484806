"""The HTTP interface of a compute: compute_ctl's, for the default branch's endpoint."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import prometheus_client
import psycopg2
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from branchpg.errors import Conflict, NotFound, TryLater
from branchpg.http.app import body, json
from branchpg.postgres.cluster import SUPERUSER

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from branchpg.compute.endpoint import Endpoint
    from branchpg.compute.fleet import Fleet
    from branchpg.compute.proxy.proxy import Proxy
    from branchpg.compute.running import Running
    from branchpg.postgres.programs import Programs

__all__ = ["metrics", "routes"]


def routes(fleet: Fleet, programs: Programs) -> list[Route]:
    """Return the routes; `?endpoint=ID` asks for another than the default one."""
    compute = _Compute(fleet, programs)
    return [
        Route("/status", compute.status),
        Route("/metrics.json", compute.timings),
        Route("/endpoints", compute.endpoints),
        Route("/endpoints/{endpoint}/start", compute.start, methods=["POST"]),
        Route("/endpoints/{endpoint}/suspend", compute.suspend, methods=["POST"]),
        Route("/database_schema", compute.schema),
        Route("/dbs_and_roles", compute.databases_and_roles),
        Route("/check_writability", compute.writability, methods=["POST"]),
        Route("/terminate", compute.terminate, methods=["POST"]),
        Route("/v1/follower", compute.follow, methods=["POST"]),
        Route("/v1/follower/{name}/promote", compute.promote, methods=["POST"]),
        Route("/v1/follower/{name}/settle", compute.settle, methods=["POST"]),
        Route("/v1/follower/{name}", compute.end_follower, methods=["DELETE"]),
    ]


def metrics(fleet: Fleet, proxy: Proxy) -> Route:
    """Return the route of the metrics of the proxy and of the endpoints."""
    up = prometheus_client.Gauge(
        "compute_ctl_up", "Endpoints by status", ("status",), registry=proxy.registry
    )

    async def answer(_request: Request) -> Response:
        await proxy.statistics()
        up.clear()
        for endpoint in fleet.endpoints.values():
            up.labels(endpoint.status).inc()
        text = prometheus_client.generate_latest(proxy.registry)
        kind = prometheus_client.CONTENT_TYPE_LATEST
        return PlainTextResponse(text, media_type=kind)

    return Route("/metrics", answer)


class _Follower(msgspec.Struct, forbid_unknown_fields=True):
    """A server that is to follow an endpoint's, as long as that has a generation."""

    name: str
    pgdata: str
    endpoint_id: str
    generation: int


class _Compute:
    def __init__(self, fleet: Fleet, programs: Programs) -> None:
        self._fleet = fleet
        self._programs = programs

    async def status(self, request: Request) -> Response:
        endpoint = self._endpoint(request)
        running = endpoint.running if endpoint else None
        active = None
        if running and endpoint:
            active = datetime.now(UTC).isoformat()
        started = running.started_at if running else None
        return json(
            {
                "start_time": _moment(started),
                "tenant": self._fleet.catalog.tenant_id,
                "timeline": running.timeline_id if running else None,
                "status": endpoint.status if endpoint else "empty",
                "last_active": active,
                "error": endpoint.error if endpoint else None,
            }
        )

    async def timings(self, request: Request) -> Response:
        endpoint = self._endpoint(request)
        return json(endpoint.timings if endpoint else {})

    async def endpoints(self, _request: Request) -> Response:
        with contextlib.suppress(TryLater):  # then by what was known last
            await self._fleet.load()
        catalog = self._fleet.catalog
        told: list[dict[str, Any]] = []
        for about in catalog.endpoints.values():
            used = self._fleet.endpoints.get(about.id)
            told.append(
                {
                    "id": about.id,
                    "branch": catalog.branches[about.branch_id].name,
                    "type": about.type,
                    "status": used.status if used else "empty",
                    "sessions": used.sessions if used else 0,
                    "timings": used.timings if used else {},
                }
            )
        return json(told)

    async def start(self, request: Request) -> Response:
        await self._fleet.start(await self._known(request))
        return await self.endpoints(request)

    async def suspend(self, request: Request) -> Response:
        endpoint = self._fleet.endpoints.get(await self._known(request))
        if endpoint:
            await endpoint.suspend()
        return await self.endpoints(request)

    async def schema(self, request: Request) -> Response:
        """Return what pg_dump says of a database's schema."""
        database = request.query_params.get("database", "postgres")
        running = await self._running(request)
        await asyncio.to_thread(_check_database, running, database)
        text = await asyncio.to_thread(
            self._programs.output,
            "pg_dump",
            "--schema-only",
            "--no-owner",
            f"--dbname={running.dsn} dbname={_quoted(database)}",
        )
        return PlainTextResponse(text)

    async def databases_and_roles(self, request: Request) -> Response:
        running = await self._running(request)
        return json(await asyncio.to_thread(_databases_and_roles, running))

    async def writability(self, request: Request) -> Response:
        running = await self._running(request)
        await asyncio.to_thread(_write, running)
        return json("true")

    async def terminate(self, request: Request) -> Response:
        endpoint = self._endpoint(request)
        lsn = None
        if endpoint and endpoint.running:
            lsn = await asyncio.to_thread(endpoint.running.observer.flushed)
            await endpoint.suspend()
        return json({"lsn": lsn})

    async def follow(self, request: Request) -> Response:
        """Start a follower; answer when it has caught up."""
        wanted = await body(request, _Follower)
        endpoint = self._fleet.endpoints.get(wanted.endpoint_id)
        running = endpoint.running if endpoint else None
        if running is None or running.generation != wanted.generation:
            raise Conflict(f"generation {wanted.generation} does not run here")
        await self._fleet.followers.start(wanted.name, wanted.pgdata, running.dsn)
        return json({})

    async def promote(self, request: Request) -> Response:
        """Let a follower go on by itself; answer from where on."""
        name = request.path_params["name"]
        return json(await self._fleet.followers.promote(name))

    async def settle(self, request: Request) -> Response:
        """End a follower between two records; answer where."""
        name = request.path_params["name"]
        return json(await self._fleet.followers.settle(name))

    async def end_follower(self, request: Request) -> Response:
        """End a follower, if it is there."""
        await self._fleet.followers.end(request.path_params["name"])
        return json({})

    def _endpoint(self, request: Request) -> Endpoint | None:
        return self._fleet.endpoints.get(self._wanted(request))

    def _wanted(self, request: Request) -> str:
        catalog = self._fleet.catalog
        wanted = request.query_params.get("endpoint")
        if wanted is None:
            found = catalog.endpoints_of(catalog.default_branch().id)
            return found[0].id if found else ""
        return wanted

    async def _known(self, request: Request) -> str:
        wanted = request.path_params["endpoint"]
        if wanted not in self._fleet.catalog.endpoints:
            await self._fleet.load()  # it may be new
        if wanted not in self._fleet.catalog.endpoints:
            raise NotFound(f'endpoint "{wanted}" was not found')
        return str(wanted)

    async def _running(self, request: Request) -> Running:
        wanted = self._wanted(request)
        if wanted not in self._fleet.catalog.endpoints:
            raise NotFound(f'endpoint "{wanted}" was not found')
        return await self._fleet.start(wanted)


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _rows(running: Running, statement: str, *values: object) -> list[tuple[Any, ...]]:
    try:
        connection = psycopg2.connect(running.dsn)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise TryLater(f"the endpoint does not answer: {error}") from error


def _check_database(running: Running, database: str) -> None:
    if not _rows(running, "SELECT 1 FROM pg_database WHERE datname = %s", database):
        raise NotFound(f'database "{database}" was not found')


def _databases_and_roles(running: Running) -> dict[str, list[dict[str, str]]]:
    databases = _rows(
        running,
        "SELECT datname, pg_get_userbyid(datdba) FROM pg_database "
        "WHERE NOT datistemplate ORDER BY 1",
    )
    roles = _rows(
        running,
        "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> %s "
        "ORDER BY 1",
        SUPERUSER,
    )
    return {
        "databases": [{"name": name, "owner": owner} for name, owner in databases],
        "roles": [{"name": name} for (name,) in roles],
    }


def _write(running: Running) -> None:
    """Commit something that has to reach the safekeepers."""
    _rows(running, "SELECT pg_logical_emit_message(true, 'branchpg', 'check')")
