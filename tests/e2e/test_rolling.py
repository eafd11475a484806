"""A rolling replacement behind one published port: no client notices."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER = """\
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["RELEASE"].encode())
    def log_message(self, *_): pass
address = (os.environ["HOST"], int(os.environ["PORT"]))
http.server.ThreadingHTTPServer(address, Answer).serve_forever()
"""
COMPOSE = """\
name: rolling
services:
  web:
    image: python
    command: python3 /app/server.py
    working_dir: /app
    volumes: [".:/app"]
    environment: {{RELEASE: "${{RELEASE}}"}}
    ports: ["{port}:8000"]
    healthcheck:
      test: wget -q --spider http://localhost:8000/
      interval: 500ms
      start_period: 20s
      start_interval: 50ms
    deploy: {{replicas: 3, update_config: {{order: start-first}}}}
"""


@dataclass(frozen=True)
class Rolling:
    """The project, in a directory and with state of its own."""

    root: Path
    port: int

    def yard(self, *arguments: str, release: str = "1") -> str:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "stackyard", *arguments],
            cwd=self.root,
            env={
                "PATH": os.defpath,
                "HOME": str(self.root),
                "XDG_STATE_HOME": str(self.root / "state"),
                "RELEASE": release,
            },
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self) -> str:
        """Return the release that answers, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read().decode()
        finally:
            connection.close()


@pytest.fixture
def rolling(tmp_path: Path) -> Iterator[Rolling]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (tmp_path / "server.py").write_text(SERVER)
    (tmp_path / "compose.yaml").write_text(COMPOSE.format(port=port))
    project = Rolling(tmp_path, port)
    try:
        project.yard("up", "-d", "--wait")
        yield project
    finally:
        project.yard("down", "-t", "0")


@dataclass
class Clients:
    """Ask all the time, from several threads; count the answers and the failures."""

    project: Rolling
    answers: Counter[str] = field(default_factory=Counter)
    _done: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Clients:
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def answered(self, answer: str, more: int) -> None:
        """Return once so many more answers of a kind have come."""
        enough = self.answers[answer] + more
        deadline = time.monotonic() + 60
        while self.answers[answer] < enough:
            assert time.monotonic() < deadline, self.answers
            self._done.wait(0.01)

    def _ask(self) -> None:
        while not self._done.is_set():
            try:
                self.answers[self.project.ask()] += 1
            except (OSError, http.client.HTTPException) as error:
                self.answers[repr(error)] += 1


@pytest.mark.timeout(120)
def test_no_request_fails_while_all_replicas_are_replaced(rolling: Rolling) -> None:
    with Clients(rolling) as clients:
        rolling.yard("up", "-d", "--wait", release="2")
    assert set(clients.answers) == {"1", "2"}
    assert {rolling.ask() for _ in range(9)} == {"2"}


@pytest.mark.timeout(120)
def test_the_port_is_balanced_and_outlives_a_killed_replica(rolling: Rolling) -> None:
    pid = next(iter(rolling.yard("top").splitlines()[1:])).split()[3]
    with Clients(rolling) as clients, suppress(ProcessLookupError):
        clients.answered("1", 30)
        os.kill(int(pid), 9)
        clients.answered("1", 30)
    # A connection the replica had when it was killed is lost; no other is.
    failures = clients.answers.total() - clients.answers["1"]
    assert failures <= 3
