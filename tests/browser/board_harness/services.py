"""Services started as a stack would start them, each killable, on ports of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, Self

from branchpg_harness.stack import PASSWORD, Stack, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = "127.0.0.1"
DEADLINE = 120.0
"""Seconds; a very busy machine has to make it."""


def free_port() -> int:
    """Return a port that nobody uses, below those that the system hands out itself."""
    while True:
        port = random.SystemRandom().randint(20_000, 32_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind((HOST, port))
            return port


class Service:
    """One process that answers HTTP."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        self.module = module
        self.port = free_port()
        self.environment = {
            **{k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG"}},
            **environment,
            "HOST": HOST,
            "PORT": str(self.port),
        }
        self.output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop
        self.child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Start it; `wait` says when it answers."""
        self.child = subprocess.Popen(
            [sys.executable, "-m", self.module],
            env=self.environment,
            stdout=self.output,
            stderr=self.output,
            cwd="/",
            start_new_session=True,
        )

    def wait(self) -> None:
        """Wait until it says that it is ready."""
        try:
            wait_for(self._ready, f"{self.module} is ready", DEADLINE)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.log()}") from error

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, if it runs, by a signal."""
        child, self.child = self.child, None
        if child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)
        child.wait(DEADLINE)

    def log(self) -> str:
        """Return what it wrote."""
        self.output.seek(0)
        return self.output.read().decode(errors="replace")[-4000:]

    def _ready(self) -> bool:
        assert self.child is not None
        assert self.child.poll() is None, self.log()
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.call("GET", "/ready")[0] == 200
        return False

    def call(self, method: str, path: str, content: object = None) -> tuple[int, Any]:
        """Return the status of a request and its JSON."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=DEADLINE)
        try:
            body = None if content is None else json.dumps(content).encode()
            headers = {"content-type": "application/json"} if body else {}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()


class Api(Service):
    """The workspace API, and short ways to what tests want of it."""

    def want(self, method: str, path: str, content: object = None) -> Any:
        """Call the API; return the data of an answer that must be a good one."""
        status, answer = self.call(method, f"/api/v1{path}", content)
        assert status < 300, f"{method} {path}: {status} {answer}"
        return answer.get("data")

    def add(self, title: str, **fields: object) -> Any:
        """Make an item."""
        item = {"title": title, "description": f"About {title}."}
        return self.want("POST", "/items", item | {"category": "dashboard"} | fields)

    def titles(self, status: str, branch: str = "main") -> list[str]:
        """Return the titles of a column, from the top down."""
        path = f"/items?status={status}&sort=position&limit=1000&branch={branch}"
        return [item["title"] for item in self.want("GET", path)]

    def has(self, status: str, titles: list[str]) -> None:
        """Wait until a column has these titles: a board shows them before it sends."""
        what = f"{status} has {titles}"
        wait_for(lambda: self.titles(status) == titles, what, DEADLINE)

    def item(self, id: str) -> Any:
        """Return an item as it is now."""
        return self.want("GET", f"/items/{id}")


class Served:
    """An API, and a board of it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.board = Service("workspace_board", {})
        self.api = Api("workspace_api", environment)

    def __enter__(self) -> Self:
        self.api.environment["CORS_ORIGIN"] = self.board.url
        self.board.environment["BOARD_API_URL"] = self.api.url
        try:
            for service in (self.api, self.board):
                service.start()
            for service in (self.api, self.board):
                service.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for service in (self.board, self.api):
            service.end()
            service.output.close()


class World(Served):
    """Everything behind a browser: database, API, board."""

    def __init__(self) -> None:
        super().__init__({})
        self.database = Stack()

    def __enter__(self) -> Self:
        self.database.__enter__()
        self.api.environment |= self.api_environment()
        return super().__enter__()

    def __exit__(self, *_error: object) -> None:
        super().__exit__()
        self.database.__exit__()

    def api_environment(self) -> dict[str, str]:
        """Return the settings of an API on this database."""
        return {
            "LIBRARY_DB_STRATEGY": "neon",
            "NEON_HOST": HOST,
            "NEON_PORT": str(self.database.ports["compute"]["pg"]),
            "NEON_PASSWORD": PASSWORD,
            "BRANCHPG_API": f"http://{HOST}:{self.database.ports['pageserver']['http']}",
            "RATE_LIMIT_MAX": "0",
            "DRAIN_SECONDS": "0",
            "LOG_LEVEL": "warning",
        }

    def clean(self) -> None:
        """Make the database what it was when it was new."""
        self.database.sql("DELETE FROM workspace.workspace_items")
