"""One PostgreSQL for a test session, and a database of its own for each test."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import socket
import tempfile
import threading
from typing import TYPE_CHECKING, Any

import psycopg2

from branchpg.postgres import cluster, owner, programs
from branchpg.postgres.server import Server
from servicekit.database import Target
from workspace_api.migrations.runner import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "not-a-secret"
_TEMPLATE = "workspace_template"


def free_port() -> int:
    """Return a port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Postgres:
    """A server that can be stopped and started again, on the same port."""

    def __init__(self) -> None:
        self.root = tempfile.mkdtemp(prefix="ws-", dir="/tmp")
        os.chmod(self.root, 0o755)
        self.programs = programs.find(os.environ)
        self.data = f"{self.root}/data"
        os.mkdir(self.data, 0o700)
        owner.give(self.data, self.programs.identity)
        cluster.initialise(self.programs, self.data)
        with open(f"{self.data}/pg_hba.conf", "w", encoding="ascii") as file:
            file.write("local all all trust\nhost all all 127.0.0.1/32 trust\n")
        self.port = free_port()
        self._names = itertools.count(1)
        # A server dies with the thread that started it: that one has to live on.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.server: Server | None = None
        self.start()
        self.sql("postgres", "CREATE ROLE postgres SUPERUSER LOGIN", user="cloud_admin")
        self.sql("postgres", f"CREATE DATABASE {_TEMPLATE}")
        migrate(self.target(_TEMPLATE))

    def start(self) -> None:
        """Start it, and wait until it takes connections."""

        async def begin() -> None:
            self.server = Server.start(
                self.programs,
                self.data,
                settings={
                    "port": str(self.port),
                    "listen_addresses": "127.0.0.1",
                    "unix_socket_directories": "",
                    "max_connections": "200",
                    "fsync": "off",
                    "wal_level": "minimal",
                    "max_wal_senders": "0",
                },
                log=f"{self.root}/log",
            )
            await self.server.wait_until_ready()

        self._do(begin())

    def stop(self) -> None:
        """Stop it at once, as a crash would."""

        async def end() -> None:
            if self.server:
                await self.server.stop(fast=False)
                self.server = None

        self._do(end())

    def close(self) -> None:
        """Leave nothing behind."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def database(self, *, empty: bool = False) -> str:
        """Return the name of a new database."""
        name = f"test_{next(self._names)}"
        template = "template0" if empty else _TEMPLATE
        self.sql("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        self.sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def target(self, name: str) -> Target:
        """Return where a database is."""
        return Target(host="127.0.0.1", port=self.port, database=name, user="postgres")

    def sql(self, name: str, statement: str, *values: object, user: str = "postgres"):
        """Run a statement; return its rows, or the one value of its only row."""
        with self.connect(name, user) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            if cursor.description is None:
                return None
            rows = cursor.fetchall()
            return rows[0][0] if len(rows) == 1 == len(rows[0]) else rows

    @contextlib.contextmanager
    def connect(self, name: str, user: str = "postgres") -> Iterator[Any]:
        """Yield a connection that commits by itself."""
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, dbname=name, user=user
        )
        connection.autocommit = True
        try:
            yield connection
        finally:
            connection.close()
