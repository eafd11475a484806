"""What `bench_proxy` measures: the proxy, PgBouncer, HAProxy, and a server behind them.

All three reach the server by its Unix socket, and clients reach all by TCP.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from processes import children

from branchpg.compute.activity import Observer
from branchpg.compute.proxy.backend import Lease
from branchpg.compute.proxy.pool import Pool
from branchpg.compute.proxy.proxy import Proxy
from branchpg.compute.proxy.settings import Settings
from branchpg.compute.standing import standing
from branchpg.postgres import cluster, owner, programs
from branchpg.postgres.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchpg.compute.proxy.backend import Route
    from branchpg.postgres.programs import Programs

TOOLS = {"pgbouncer": "pgbouncer", "haproxy": "haproxy"}
USER, PASSWORD, DATABASE = "bench", "bench", "bench"
SCALE = 10
COPIED = 200_000_000  # bytes
ROW = 1000

_PGBOUNCER = """\
[databases]
{database} = host={directory} port=5432
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {directory}/users.txt
pool_mode = session
max_client_conn = 1000
default_pool_size = 200
logfile = {directory}/pgbouncer.log
log_connections = 0
log_disconnections = 0
"""
_HAPROXY = """\
global
    nbthread 1
    maxconn 400
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen postgres
    bind 127.0.0.1:{port} backlog 4096
    server one unix@{directory}/.s.PGSQL.5432
"""


@dataclass(frozen=True)
class Way:
    """A way to the server: its name, its port, and the processes on it.

    `options` are for whom is met there, in the startup message.
    """

    name: str
    port: int
    pids: tuple[int, ...] = ()
    options: str = ""


@dataclass(frozen=True)
class Yard:
    """The ways, and what is needed to go them."""

    ways: list[Way]
    programs: Programs
    bulk: str
    """A file of what COPY brings in."""

    def environment(self, way: Way) -> dict[str, str]:
        """Return the variables that make a client go this way."""
        return {
            **self.programs.environment,
            "PGHOST": "127.0.0.1",
            "PGPORT": str(way.port),
            "PGUSER": USER,
            "PGPASSWORD": PASSWORD,
            "PGDATABASE": DATABASE,
            "PGOPTIONS": way.options,
            "PGSSLMODE": "disable",
            "PGGSSENCMODE": "disable",
        }


def missing() -> list[str]:
    """Return the Debian packages that have to be installed first."""
    return [package for tool, package in TOOLS.items() if shutil.which(tool) is None]


@contextmanager
def yard(*, pumps: int = 1) -> Iterator[Yard]:
    """Start everything; nothing is left of it afterwards."""
    directory = tempfile.mkdtemp(prefix="bp", dir="/tmp")
    os.chmod(directory, 0o755)
    installed = programs.find(os.environ)
    running: list[subprocess.Popen[bytes]] = []
    server, port = _server(installed, directory)
    try:
        _fill(installed, directory)
        found = [Way("direct", port)]
        for name, start in (("pgbouncer", _pgbouncer), ("haproxy", _haproxy)):
            if shutil.which(name):
                port = _free_port()
                running.append(start(installed, directory, port))
                found.append(Way(name, port, (running[-1].pid,)))
        port = _free_port()
        running.append(
            _start(sys.executable, __file__, directory, str(port), str(pumps))
        )
        _wait(port)
        pids = (running[-1].pid, *children(running[-1].pid))
        found.insert(1, Way("branchpg", port, pids))
        found.insert(2, Way("branchpg, pooled", port, pids, "pooler=true"))
        for way in found:
            _wait(way.port)
        yield Yard(found, installed, _bulk(directory))
    finally:
        for process in running:
            process.terminate()
            process.wait()
        asyncio.run(server.stop(fast=False))
        shutil.rmtree(directory, ignore_errors=True)


def _server(installed: Programs, directory: str) -> tuple[Server, int]:
    data = os.path.join(directory, "data")
    os.mkdir(data, 0o700)
    for path in (directory, data):
        owner.give(path, installed.identity)
    cluster.initialise(installed, data)
    with open(os.path.join(data, "pg_hba.conf"), "w") as file:
        file.write("local all cloud_admin trust\nlocal all all scram-sha-256\n")
        file.write("host all all 127.0.0.1/32 scram-sha-256\n")
    port = _free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": directory,
        "max_connections": "250",
        "shared_buffers": "512MB",
    }
    log = os.path.join(directory, "log")
    server = Server.start(installed, data, settings=settings, log=log)
    asyncio.run(server.wait_until_ready())
    os.symlink(f".s.PGSQL.{port}", os.path.join(directory, ".s.PGSQL.5432"))
    return server, port


def _fill(installed: Programs, directory: str) -> None:
    def run(user: str, name: str, *arguments: str) -> None:
        subprocess.run(
            [os.path.join(installed.directory, name), *arguments],
            check=True,
            env={
                **installed.environment,
                "PGHOST": directory,
                "PGUSER": user,
                "PGPASSWORD": PASSWORD,
            },
            capture_output=True,
        )

    owner_of_all = cluster.SUPERUSER
    role = f"-cCREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'"
    run(owner_of_all, "psql", "-dpostgres", role)
    database = f"-cCREATE DATABASE {DATABASE} OWNER {USER}"
    run(owner_of_all, "psql", "-dpostgres", database)
    run(USER, "pgbench", "-i", "-q", f"-s{SCALE}", DATABASE)
    run(
        USER,
        "psql",
        f"-d{DATABASE}",
        f"-cCREATE UNLOGGED TABLE bulk AS SELECT repeat('x', {ROW - 1}) AS text"
        f" FROM generate_series(1, {COPIED // ROW})",
        "-cCREATE UNLOGGED TABLE sink (text text)",
        "-cVACUUM ANALYZE bulk",
    )
    run(owner_of_all, "psql", "-dpostgres", "-cCHECKPOINT")


def _bulk(directory: str) -> str:
    path = os.path.join(directory, "bulk.txt")
    with open(path, "w") as file:
        for _ in range(COPIED // ROW // 1000):
            file.write(("x" * (ROW - 1) + "\n") * 1000)
    return path


def _pgbouncer(
    installed: Programs, directory: str, port: int
) -> subprocess.Popen[bytes]:
    config = os.path.join(directory, "pgbouncer.ini")
    with open(config, "w") as file:
        file.write(_PGBOUNCER.format(directory=directory, port=port, database=DATABASE))
    with open(os.path.join(directory, "users.txt"), "w") as file:
        file.write(f'"{USER}" "{PASSWORD}"\n')
    who = ["-u", installed.identity.name] if installed.identity else []
    return _start("pgbouncer", "-q", *who, config)


def _haproxy(
    _installed: Programs, directory: str, port: int
) -> subprocess.Popen[bytes]:
    config = os.path.join(directory, "haproxy.cfg")
    with open(config, "w") as file:
        file.write(_HAPROXY.format(directory=directory, port=port))
    return _start("haproxy", "-db", "-q", "-f", config)


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def _wait(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


class _OneServer:
    """Where every client goes."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, ".s.PGSQL.5432")
        dsn = f"host={directory} user={cluster.SUPERUSER} dbname=postgres"
        self._pool = Pool(partial(standing, Observer(dsn, ())))

    async def connect(self, route: Route) -> Lease:
        return Lease("one", self._path, route.database, lambda: None, pool=self._pool)


async def _serve(directory: str, port: str, pumps: str) -> None:
    backends = _OneServer(directory)
    settings = Settings(listen=(("127.0.0.1", int(port)),), pumps=int(pumps))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with Proxy(backends, settings):
        await ended.wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(*sys.argv[1:]))
