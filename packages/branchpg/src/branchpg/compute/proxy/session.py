"""One client's session: routed, waited for, logged in, passed on, and over."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchpg.compute.proxy import routing
from branchpg.compute.proxy.bridge import Bridge
from branchpg.compute.proxy.cancel import SessionKey
from branchpg.compute.proxy.login import Through, log_in
from branchpg.compute.proxy.presence import while_there
from branchpg.compute.proxy.servers import NotYetError, server_for
from branchpg.errors import Forbidden, TryLater

if TYPE_CHECKING:
    from branchpg.compute.proxy.arrival import Arrival
    from branchpg.compute.proxy.backend import Backends, Lease, Route
    from branchpg.compute.proxy.cancel import CancelKeys
    from branchpg.compute.proxy.login import Client
    from branchpg.compute.proxy.metrics import Metrics
    from branchpg.compute.proxy.pumps import Pumps
    from branchpg.compute.proxy.servers import ServerProcess
    from branchpg.compute.proxy.sessions import Sessions
    from branchpg.compute.proxy.settings import Settings
    from branchpg.compute.proxy.traffic import Traffic
    from branchpg.wire.startup import Startup

__all__ = ["Desk", "Session"]

_FIRST_DELAY, _LONGEST_DELAY = 0.005, 0.25  # seconds between tries


@dataclass(frozen=True)
class Desk:
    """What all sessions of a proxy share."""

    settings: Settings
    backends: Backends
    pumps: Pumps
    keys: CancelKeys
    sessions: Sessions
    metrics: Metrics
    traffic: Traffic


class Session:
    """From a startup message to the end of the session that it asks for."""

    def __init__(self, desk: Desk, arrival: Arrival, wish: Startup) -> None:
        self._desk = desk
        self._limits = desk.settings.limits
        self._channel = arrival.channel
        self._server_name = arrival.server_name
        self._wish = wish
        self._ordered_to_end = False
        self._task: asyncio.Task[object] | None = None

    async def run(self) -> None:
        """Serve the client until it, or the server, is gone.

        Raises:
            BranchpgError: it gets no session, and is to be told why.
            GoneError: it has closed.
            TimeoutError: it did not go on with the login.
        """
        self._task = asyncio.current_task()
        with self._desk.sessions.one():
            way, client = await self._routed()
            began = time.monotonic()
            delay = _FIRST_DELAY
            while True:
                lease = await self._lease(way, began + self._limits.wake_seconds)
                try:
                    await self._on(lease, way, client, began)
                except NotYetError:
                    await while_there(self._channel, asyncio.sleep(delay))
                    delay = min(2 * delay, _LONGEST_DELAY)
                else:
                    return

    async def _routed(self) -> tuple[Route, Client]:
        settings, channel = self._desk.settings, self._channel
        named = routing.endpoint_of_server_name(self._server_name, settings.domains)
        way = routing.route(self._wish, server_name_endpoint=named)
        if b"replication" in way.parameters and not settings.replication:
            raise Forbidden("replication connections are not allowed")
        kind = "sni" if named else "options" if way.endpoint else None
        kind = kind or ("database" if way.branch else "none")
        client: Client = Through(channel)
        if settings.password_routing and channel.is_encrypted and kind == "none":
            way, client = await self._routed_by_password(way)
            kind = "password" if way.endpoint else kind
        self._desk.metrics.accepted.labels("tcp", kind).inc()
        return way, client

    async def _routed_by_password(self, way: Route) -> tuple[Route, Client]:
        from branchpg.compute.proxy import password  # few need it, all would load it

        async with asyncio.timeout(self._limits.login_seconds):
            given = await password.asked_password(self._channel)
        way, given = routing.with_password(way, given)
        return way, password.InItsName(self._channel, user=way.user, password=given)

    async def _lease(self, way: Route, until: float) -> Lease:
        # Kept here as well: it may come at the very moment when the client goes.
        leases: list[Lease] = []

        async def take() -> None:
            leases.append(await self._desk.backends.connect(way))

        try:
            async with asyncio.timeout(until - time.monotonic()):
                await while_there(self._channel, take())
        except BaseException as error:
            for lease in leases:
                lease.release()
            if isinstance(error, TimeoutError):
                raise self._too_late() from error
            raise
        return leases[0]

    def _too_late(self) -> TryLater:
        return TryLater(
            f"the endpoint was not ready within {self._limits.wake_seconds:g} s",
            hint="try again, or look at the endpoint's log",
        )

    async def _on(self, lease: Lease, way: Route, client: Client, began: float) -> None:
        sent_before = self._channel.sent
        try:
            with self._desk.sessions.one_of(lease.endpoint):
                lease.closing.add(self._end)
                await self._through(lease, way, client, began)
        except asyncio.CancelledError:
            if not self._ordered_to_end or self._task is None:
                raise
            self._task.uncancel()
            self._ordered_to_end = False
            if self._channel.sent == sent_before:
                raise NotYetError from None
        finally:
            lease.closing.discard(self._end)
            lease.release()

    async def _through(
        self, lease: Lease, way: Route, client: Client, began: float
    ) -> None:
        desk = self._desk
        key = SessionKey(desk.keys, lease.socket_path)
        async with server_for(lease, way, self._wish.minor, desk.metrics) as server:
            try:
                async with asyncio.timeout(self._limits.login_seconds):
                    ready = await log_in(server.door, client, exchange=key.exchange)
                if not ready:
                    desk.metrics.failures.labels("user").inc()
                    return
                server.is_used = True
                desk.metrics.latency.observe(time.monotonic() - began)
                is_at_rest = await self._pass_on(server)
                key.discard()
                # What was to cancel a statement of this client must not meet another's.
                server.is_at_rest = is_at_rest and await key.is_settled()
            except TryLater as error:
                raise NotYetError from error
            finally:
                key.discard()

    async def _pass_on(self, process: ServerProcess) -> bool:
        """Pass bytes until the session is over; return whether the server is at rest.

        That is known of one only that may serve others afterwards.
        """
        client, server = self._channel, process.channel
        # Not where something was read with the login that is said after it.
        followed = process.is_known and not (server.ahead or client.ahead)
        if server.ahead:
            await client.send(server.take())
        if client.ahead:
            await server.send(client.take())
        traffic = self._desk.traffic
        if client.is_encrypted:
            bridge = Bridge(client, server, followed=followed)
            with traffic.bridged(bridge):
                return await bridge.run()
        pumps = self._desk.pumps
        passed = await pumps.run(client.sock, server.sock, followed=followed)
        traffic.add(passed.moved)
        return passed.is_at_rest

    def _end(self) -> None:
        self._ordered_to_end = True
        if self._task is not None:
            self._task.cancel()
