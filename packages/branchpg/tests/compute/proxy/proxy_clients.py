"""What the proxy's tests start and speak to: servers, proxies, and bare clients."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
import uvloop
from scramp import ScramClient

from branchpg.compute.activity import Observer
from branchpg.compute.proxy.backend import Closing, Lease
from branchpg.compute.proxy.pool import Pool
from branchpg.compute.proxy.proxy import Proxy
from branchpg.compute.standing import standing
from branchpg.errors import NotFound
from branchpg.postgres import cluster, owner, programs
from branchpg.postgres.server import Server
from branchpg.wire.messages import frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from branchpg.compute.proxy.backend import Route
    from branchpg.compute.proxy.settings import Settings

_ACCESS = """\
local all cloud_admin trust
local all plain password
local all all scram-sha-256
local replication all scram-sha-256
"""
_ROLES = """\
CREATE ROLE alice LOGIN PASSWORD 'secret';
CREATE ROLE bob LOGIN PASSWORD 'secret';
CREATE ROLE plain LOGIN PASSWORD 'secret';
CREATE ROLE copier LOGIN REPLICATION PASSWORD 'secret';
GRANT pg_signal_backend TO bob;
"""


@dataclass(frozen=True)
class Cluster:
    """A running server."""

    name: str
    directory: str
    server: Server

    @property
    def socket_path(self) -> str:
        return os.path.join(self.directory, ".s.PGSQL.5432")

    def connect(self, database: str = "postgres") -> Any:
        """Connect as the superuser, past the proxy."""
        return psycopg2.connect(
            host=self.directory, user=cluster.SUPERUSER, dbname=database
        )

    def run(self, *statements: str, database: str = "postgres") -> None:
        with contextlib.closing(self.connect(database)) as connection:
            connection.autocommit = True
            for statement in statements:
                connection.cursor().execute(statement)

    def sessions(self) -> int:
        """Return how many clients it has, this one left out."""
        with contextlib.closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            return cursor.fetchone()[0]


@dataclass
class Yard:
    """Endpoints for the proxy: those of `clusters`, and main where none is named."""

    clusters: dict[str, Cluster]
    asked: list[Route] = field(default_factory=list)
    open_leases: int = 0
    closings: dict[str, Closing] = field(default_factory=dict)
    before: Callable[[Route], Any] | None = None
    """Awaited before the answer: an endpoint that takes its time, or fails."""
    paths: dict[str, str] = field(default_factory=dict)
    cancelled: int = 0
    pools: dict[str, Pool] = field(default_factory=dict)
    pooling: dict[str, Any] = field(default_factory=dict)
    """What pools are made with."""
    observers: list[Observer] = field(default_factory=list)

    async def connect(self, route: Route) -> Lease:
        self.asked.append(route)
        if self.before:
            try:
                await self.before(route)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        name = route.endpoint or route.branch or "main"
        if name not in self.clusters:
            raise NotFound(f'branch "{name}" not found', hint="branchpg branch list")
        self.open_leases += 1
        if name not in self.closings or self.closings[name].closed:
            self.closings[name] = Closing()
        return Lease(
            endpoint=name,
            socket_path=self.paths.get(name, self.clusters[name].socket_path),
            database=route.database,
            release=self._release,
            closing=self.closings[name],
            pool=self._pool(name),
        )

    def _pool(self, name: str) -> Pool:
        if name not in self.pools:
            directory = self.clusters[name].directory
            dsn = f"host={directory} user={cluster.SUPERUSER} dbname=postgres"
            self.observers.append(Observer(dsn, ()))
            look = partial(standing, self.observers[-1])
            self.pools[name] = Pool(look, **self.pooling)
        return self.pools[name]

    def close(self) -> None:
        """End what waits in pools."""
        for pool in self.pools.values():
            pool.close()
        for observer in self.observers:
            observer.close()

    def _release(self) -> None:
        self.open_leases -= 1


class Running:
    """A proxy on a thread of its own, as blocking clients want it."""

    def __init__(self, yard: Yard, settings: Settings) -> None:
        self.yard = yard
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(settings,))
        self._thread.start()
        self._ready.wait(20)
        if self._failure:
            raise self._failure

    @property
    def port(self) -> int:
        return self.proxy.addresses[0][1]

    def connect(self, database: str = "app", **options: Any) -> Any:
        settings = {"user": "alice", "password": "secret", "host": "127.0.0.1"}
        settings |= {"port": self.port, "dbname": database, "connect_timeout": 20}
        connection = psycopg2.connect(**settings | options)
        if "connection_factory" not in options:
            connection.autocommit = True
        return connection

    def ask(self, statement: str, database: str = "app", **options: Any) -> Any:
        """Return the one value of a statement in a session of its own."""
        with contextlib.closing(self.connect(database, **options)) as connection:
            return value(connection, statement)

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def call(self, work: Callable[[], Any]) -> Any:
        """Call a function in the proxy's loop."""

        async def called() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(called(), self.loop).result(20)

    def statistics(self) -> Any:
        work = self.proxy.statistics()
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def sample(self, name: str, **labels: str) -> float:
        """Return a metric's value."""
        return self.proxy.registry.get_sample_value(name, labels) or 0

    def stop(self) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(20)

    def _run(self, settings: Settings) -> None:
        uvloop.run(self._serve(settings))

    async def _serve(self, settings: Settings) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with Proxy(self.yard, settings) as self.proxy:
                self._ready.set()
                await self._stop.wait()
                self.yard.close()
        except BaseException as error:  # noqa: BLE001 - the test is told
            self._failure = error
        finally:
            self._ready.set()


def value(connection: Any, statement: str, *arguments: Any) -> Any:
    """Return the first value of a statement's result."""
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments or None)
        return cursor.fetchone()[0]


def until(condition: Callable[[], Any], *, within: float = 20.0) -> Any:
    """Return a condition's value as soon as it is true."""
    deadline = time.monotonic() + within
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)
    return found


def startup(**parameters: str | bytes) -> bytes:
    """Return a startup message."""
    body = struct.pack("!I", 196608)
    for name, text in parameters.items():
        data = text.encode() if isinstance(text, str) else text
        body += name.encode() + b"\0" + data + b"\0"
    return packet(body + b"\0")


def packet(body: bytes) -> bytes:
    """Return a first packet with its length."""
    return struct.pack("!I", len(body) + 4) + body


def rest_of(sock: socket.socket) -> bytes:
    """Return all that comes until the other side closes."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while more := sock.recv(65536):
            data += more
    return data


def until_ready(sock: socket.socket) -> bytes:
    """Return what a server says until it waits for a statement, outside of any."""
    data = bytearray()
    while not data.endswith(b"Z\0\0\0\5I"):
        data += sock.recv(65536) or pytest.fail(f"closed after {data!r}")
    return bytes(data)


def logged_in(proxy: Running, **parameters: str) -> socket.socket:
    """Return a bare connection that has logged in by SCRAM, as alice."""
    sock = proxy.raw()
    given = {"user": "alice", "database": "app"} | parameters
    sock.sendall(startup(**given))
    client = ScramClient(["SCRAM-SHA-256"], given["user"], "secret")
    assert sasl_request(sock)[:4] == struct.pack("!I", 10)
    first = client.get_client_first().encode()
    sock.sendall(sasl_first(first))
    client.set_server_first(sasl_request(sock)[4:].decode())
    sock.sendall(frame(b"p", client.get_client_final().encode()))
    client.set_server_final(sasl_request(sock)[4:].decode())
    until_ready(sock)
    return sock


def sasl_first(data: bytes, mechanism: bytes = b"SCRAM-SHA-256") -> bytes:
    """Return the message with which a client begins."""
    return frame(b"p", mechanism + b"\0" + struct.pack("!I", len(data)) + data)


def sasl_request(sock: socket.socket) -> bytes:
    """Return the body of the next message, which is an authentication request."""
    head = sock.recv(5, socket.MSG_WAITALL)
    assert head[:1] == b"R", head + sock.recv(4096)
    return sock.recv(struct.unpack("!I", head[1:])[0] - 4, socket.MSG_WAITALL)


def make_cluster(directory: str, name: str) -> Cluster:
    """Start a server with the roles of all, and a database that says which it is."""
    installed = programs.find(os.environ)
    data = os.path.join(directory, "data")
    os.makedirs(data, mode=0o700)
    os.chmod(directory, 0o755)
    for path in (directory, data):
        owner.give(path, installed.identity)
    cluster.initialise(installed, data)
    with open(os.path.join(data, "pg_hba.conf"), "w") as file:
        file.write(_ACCESS)
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": directory,
        "max_connections": "1200",
        "shared_buffers": "16MB",
        "fsync": "off",
        "wal_level": "logical",
    }
    log = os.path.join(directory, "log")
    server = Server.start(installed, data, settings=settings, log=log)
    asyncio.run(server.wait_until_ready())
    made = Cluster(name, directory, server)
    made.run(*_ROLES.strip().splitlines())
    made.run("CREATE DATABASE app OWNER alice", 'CREATE DATABASE "at@home"')
    made.run(
        f"CREATE TABLE here AS SELECT '{name}'::text AS name",
        "GRANT SELECT ON here TO PUBLIC",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        database="app",
    )
    return made
