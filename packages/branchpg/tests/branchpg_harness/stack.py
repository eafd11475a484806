"""All three services, started as a user would start them, each killable."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import psycopg2

from branchpg.http import codec
from branchpg.http.client import Address, HttpClient
from branchpg.lsn import Lsn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PASSWORD = "not-a-secret"
DEADLINE = 40.0


def wait_for(condition: Callable[[], Any], what: str, within: float = DEADLINE) -> Any:
    """Return the first truth that a condition has; fail where it takes too long."""
    deadline = time.monotonic() + within
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.01)


class Stack:
    """A project in a directory of its own, on ports of its own."""

    def __init__(
        self, safekeepers: int = 1, *, place: str = "/tmp", **settings: object
    ) -> None:
        # Short, for the sockets; and open to enter, for the user of PostgreSQL.
        self.root = tempfile.mkdtemp(prefix="bp-", dir=place)
        os.chmod(self.root, 0o755)
        with open(f"{self.root}/password", "w", encoding="ascii") as file:
            file.write(PASSWORD)
        self.keepers = [f"safekeeper{n + 1}" for n in range(safekeepers)]
        self.settings = settings
        self.ports: dict[str, dict[str, int]] = {}
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Stack:
        try:
            for name in (*self.keepers, "pageserver", "compute"):
                self.start(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for name in reversed(tuple(self.children)):
            self.stop(name)
        for link in glob.glob(f"{self.root}/compute*/run"):  # of one that was killed
            shutil.rmtree(os.readlink(link))
        shutil.rmtree(self.root, ignore_errors=True)

    def start(self, name: str) -> None:
        """Start a service and wait until it tells its ports; they stay the same."""
        ports = f"{self.root}/{name}/ports.json"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(ports)
        with open(f"{self.root}/{name}.log", "ab") as log:
            self.children[name] = subprocess.Popen(
                [sys.executable, "-m", *self._arguments(name)],
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        child = self.children[name]

        def told() -> Any:
            assert child.poll() is None, self.log(name)
            with contextlib.suppress(FileNotFoundError), open(ports, "rb") as file:
                return json.load(file)

        self.ports[name] = wait_for(told, f"{name} starts")

    def stop(self, name: str) -> None:
        """End a service as `kill` does."""
        self._end(name, signal.SIGTERM)

    def kill(self, name: str) -> None:
        """End a service as `kill -9` does."""
        self._end(name, signal.SIGKILL)

    def _end(self, name: str, number: signal.Signals) -> None:
        child = self.children.pop(name)
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)
        try:
            child.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            raise AssertionError(f"{name} does not end: {self.log(name)}") from None

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Let a service do nothing for a while."""
        child = self.children[name]
        child.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            child.send_signal(signal.SIGCONT)

    def log(self, name: str) -> str:
        """Return what a service wrote."""
        with open(f"{self.root}/{name}.log", encoding="utf-8") as file:
            return file.read()

    def _arguments(self, name: str) -> list[str]:
        def port(kind: str) -> str:
            return f"127.0.0.1:{self.ports.get(name, {}).get(kind, 0)}"

        common = ["-D", f"{self.root}/{name}", "--listen-http", port("http")]
        common += ["--listen-pg", port("pg")]
        if name.startswith("safekeeper"):
            return ["branchpg.safekeeper", *common, "--id", name[10:]]
        keepers = ",".join(f"127.0.0.1:{self.ports[k]['http']}" for k in self.keepers)
        common += ["--safekeepers", keepers]
        if name == "pageserver":
            common += ["--init-branch", "main", "--testing"]
            return ["branchpg.pageserver", *common]
        pageserver = self.ports["pageserver"]
        options = {
            "pageserver": f"127.0.0.1:{pageserver['http']}",
            "pageserver-pg": f"127.0.0.1:{pageserver['pg']}",
            "password-file": f"{self.root}/password",
            "database": "workspace",
            **self.settings,
        }
        pairs = ((f"--{name}", str(value)) for name, value in options.items())
        return ["branchpg.compute", *common, *(part for pair in pairs for part in pair)]

    # The interfaces

    def http(self, name: str) -> HttpClient:
        """Return a client of a service's HTTP interface."""
        return HttpClient(Address("127.0.0.1", self.ports[name]["http"]))

    def api(self, method: str, path: str, content: object = None) -> Any:
        """Call the pageserver; `path` begins after /v1 or is a whole one."""
        where = path if path.startswith("/api/") else f"/v1/tenant/{self.tenant}{path}"
        data = None if content is None else codec.encode(content)
        answer = self.http("pageserver").raw(method, where, data)
        return json.loads(answer) if answer else None

    def branch(self, method: str, path: str = "", **content: object) -> Any:
        """Call the interface of branches; `path` is what follows /branches."""
        whole = f"/api/v2/projects/-/branches{path}"
        return self.api(method, whole, content or None)

    def create(self, name: str, parent: str | None = None, **point: object) -> Any:
        """Create a branch; `point` is parent_lsn or parent_timestamp."""
        wanted = {"name": name, **point} | ({"parent_id": parent} if parent else {})
        return self.branch("POST", branch=wanted)["branch"]

    @property
    def tenant(self) -> str:
        """The id of the project's tenant."""
        answer = self.http("pageserver").raw("GET", "/v1/tenant")
        return str(json.loads(answer)[0]["id"])

    def timeline(self, branch: str) -> str:
        """Return the id of the timeline behind a branch."""
        return str(self.branch("GET", f"/{branch}")["branch"]["timeline_id"])

    # SQL

    @contextlib.contextmanager
    def connect(
        self, branch: str | None = None, **options: object
    ) -> Iterator[psycopg2.extensions.connection]:
        """Yield a connection through the proxy that commits by itself."""
        connection = self.open(branch, **options)
        try:
            yield connection
        finally:
            connection.close()

    def open(
        self, branch: str | None = None, **options: object
    ) -> psycopg2.extensions.connection:
        """Return a connection through the proxy that commits by itself."""
        database = f"workspace@{branch}" if branch else "workspace"
        connection = psycopg2.connect(
            **{
                "host": "127.0.0.1",
                "port": self.ports["compute"]["pg"],
                "user": "postgres",
                "password": PASSWORD,
                "dbname": database,
                "connect_timeout": 30,
                **options,
            }
        )
        connection.autocommit = True
        return connection

    def sql(self, statement: str, *values: object, branch: str | None = None) -> Any:
        """Run a statement; return its rows, or the one value of its only row."""
        with self.connect(branch) as connection, connection.cursor() as cursor:
            return query(cursor, statement, *values)

    def lsn(self, branch: str | None = None) -> Lsn:
        """Return where a branch's log is flushed to."""
        return Lsn.parse(self.sql("SELECT pg_current_wal_flush_lsn()", branch=branch))

    def endpoint(self, branch: str) -> dict[str, Any]:
        """Return what the compute says of a branch's writing endpoint."""
        answer = json.loads(self.http("compute").raw("GET", "/endpoints"))
        found = (e for e in answer if e["branch"] == branch)
        return next(e for e in found if e["type"] == "read_write")

    def suspend(self, branch: str = "main") -> None:
        """End the server of a branch's writing endpoint."""
        endpoint = self.endpoint(branch)["id"]
        self.http("compute").raw("POST", f"/endpoints/{endpoint}/suspend")

    def pgbench(self, *arguments: str, branch: str | None = None) -> list[str]:
        """Return the command of pgbench against a branch."""
        from branchpg.postgres import programs

        program = programs.find(os.environ).path("pgbench")
        database = f"workspace@{branch}" if branch else "workspace"
        uri = f"host=127.0.0.1 port={self.ports['compute']['pg']} user=postgres "
        uri += f"password={PASSWORD} dbname={database}"
        return [program, *arguments, uri]


def query(cursor: psycopg2.extensions.cursor, statement: str, *values: object) -> Any:
    """Run a statement; return its rows, or the one value of its only row."""
    cursor.execute(statement, values or None)
    if cursor.description is None:
        return None
    rows = cursor.fetchall()
    if len(rows) == 1 and len(rows[0]) == 1:
        return rows[0][0]
    return rows


def postmasters(root: str) -> dict[int, bytes]:
    """Return the servers that run below a directory: their ids and command lines.

    Servers end at any time, so nobody should read more of one by its id alone.
    """
    found = {}
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            place = os.readlink(f"/proc/{pid}/cwd")
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read()
            if re.match(re.escape(root), place) or root.encode() in command:
                found[int(pid)] = command
    return found
