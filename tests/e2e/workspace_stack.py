"""The stack `workspace`, in a copy and with a state of its own, on free ports."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from stack_processes import processes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STACK = Path(__file__).parents[2] / "stacks" / "workspace"
PORTS = (
    "WORKSPACE_API_PORT",
    "WORKSPACE_BOARD_PORT",
    "WORKSPACE_DB_PORT",
    "WORKSPACE_COMPUTE_HTTP_PORT",
    "WORKSPACE_PAGESERVER_PORT",
    "WORKSPACE_PAGESERVER_HTTP_PORT",
    "WORKSPACE_SAFEKEEPER_PORT",
    "WORKSPACE_SAFEKEEPER_HTTP_PORT",
    "WORKSPACE_PROMETHEUS_PORT",
)


@dataclass(frozen=True)
class Workspace:
    """One copy of the stack."""

    root: Path
    home: Path
    ports: dict[str, int]
    profiles: tuple[str, ...] = ()

    def yard(self, *arguments: str, code: int = 0, stdin: str = "") -> str:
        """Run `yard` in the copy; return what it prints."""
        try:
            done = self.run(*arguments, stdin=stdin)
        except subprocess.TimeoutExpired as error:
            log = self.run("logs", "--tail", "8").stdout
            raise AssertionError(f"{arguments}: {error.stderr!r}\n{log}") from error
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def run(
        self, *arguments: str, stdin: str = "", **more: str
    ) -> subprocess.CompletedProcess[str]:
        profiles = [word for name in self.profiles for word in ("--profile", name)]
        return subprocess.run(
            [sys.executable, "-P", "-m", "stackyard", *profiles, *arguments],
            cwd=self.root,
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": str(self.home),
                "LANG": "C.UTF-8",
                "XDG_STATE_HOME": str(self.home),
                "WORKSPACE_RATE_LIMIT_MAX": "0",
                **{name: str(port) for name, port in self.ports.items()},
                **more,
            },
            input=stdin,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    @property
    def variables(self) -> dict[str, str]:
        """What its .env says."""
        lines = (self.root / ".env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if line[:1] not in {"", "#"})

    def processes(self) -> Mapping[int, bytes]:
        """All that runs of it: ids and command lines."""
        return processes(self.home, "workspace")

    def get(self, port: str, path: str) -> Any:
        """Return the JSON that a published port answers."""
        return self.ask("GET", port, path)[1]

    def ask(
        self, method: str, port: str, path: str, content: object = None
    ) -> tuple[int, Any]:
        """Make a request; return its status and what its JSON holds."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[port]}{path}",
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status), json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def add(self, title: str) -> str:
        """Make an item, and return its id."""
        wanted = {"title": title, "description": "x", "category": "dashboard"}
        status, answer = self.ask("POST", "WORKSPACE_API_PORT", "/api/v1/items", wanted)
        assert status == 201, answer
        return str(answer["data"]["id"])

    def titles(self) -> set[str]:
        answer = self.get("WORKSPACE_API_PORT", "/api/v1/items?limit=1000")
        return {item["title"] for item in answer["data"]}

    @contextmanager
    def database(self, name: str = "workspace") -> Iterator[Any]:
        """Yield a cursor whose statements are committed at once."""
        connection = psycopg2.connect(
            host="127.0.0.1",
            port=self.ports["WORKSPACE_DB_PORT"],
            user="workspace",
            password=self.variables["WORKSPACE_DB_PASSWORD"],
            dbname=name,
            connect_timeout=30,
        )
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def is_ready(self) -> bool:
        """Return whether the API can reach its database."""
        try:
            return self.ask("GET", "WORKSPACE_API_PORT", "/ready")[0] == 200
        except (OSError, ValueError):
            return False

    def is_healthy(self) -> bool:
        """Return whether it can, and all health checks have found so."""
        shown = map(json.loads, self.yard("ps", "--format", "json").splitlines())
        found = {one["Health"] for one in shown}
        return self.is_ready() and found <= {"", "healthy"}


@contextmanager
def workspace(*profiles: str, up: tuple[str, ...] = ()) -> Iterator[Workspace]:
    """Yield the stack, up and healthy; afterwards it is down and nothing runs."""
    # Open to enter, and short: PostgreSQL may run as another user, and has sockets.
    folder = Path(tempfile.mkdtemp(prefix="ws-", dir="/tmp"))
    folder.chmod(0o755)
    hidden = shutil.ignore_patterns(".env")
    shutil.copytree(STACK, folder / "stack", ignore=hidden)
    found = Workspace(folder / "stack", folder / "state", _free_ports(), profiles)
    found.home.mkdir(mode=0o755)
    try:
        found.yard("up", "-d", "--wait", *up)
        yield found
    finally:
        found.run("--profile", "*", "down", "-v", "-y", "-t", "5")
        left = found.processes()
        shutil.rmtree(folder, ignore_errors=True)
    assert not left


def _free_ports() -> dict[str, int]:
    # All are held at once, so that no two are the same.
    with ExitStack() as held:
        ports = {}
        for name in PORTS:
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            ports[name] = int(probe.getsockname()[1])
        return ports
