"""Runs the tools as programs, against servers that misbehave on demand."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]


class Handler(BaseHTTPRequestHandler):
    """/status/N answers N, /to/PATH redirects, /echo tells the request, /hang waits."""

    released: threading.Event

    def answer(self) -> None:
        kind, _, rest = self.path.strip("/").partition("/")
        if kind == "hang":
            self.released.wait(30)
            return
        if kind == "nothing":
            return
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        headers = "".join(f"{name}: {value}\n" for name, value in self.headers.items())
        text = f"{self.command} {self.path}\n{headers}\n{body}".encode()
        self.send_response(302 if kind == "to" else int(rest) if rest else 200)
        if kind == "to":
            self.send_header("Location", f"/{rest}")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = answer

    def log_message(self, *arguments: object) -> None:
        pass


@dataclass(frozen=True)
class Web:
    url: str
    port: int


@pytest.fixture
def web() -> Iterator[Web]:
    """A web server on a port of its own."""
    released = threading.Event()
    handler = type("Own", (Handler,), {"released": released})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        port = server.server_address[1]
        yield Web(f"http://127.0.0.1:{port}", port)
        released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken, and refuses: bound, and not listened on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a tool as a launcher does."""

    def run(
        name: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        module = f"stackyard.images.tools.{name}"
        return subprocess.run(
            [sys.executable, "-P", "-m", module, *arguments],
            env={"PATH": os.defpath, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd=tmp_path,
        )

    return run


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers whatever it is sent, once, with the same bytes."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                seen.append(connection.recv(4096))
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield str(listener.getsockname()[1]), seen
        thread.join(10)


@pytest.fixture(name="answering")
def answering_fixture() -> Callable[[bytes], object]:
    return answering
