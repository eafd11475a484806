"""What the edge's tests share: addresses, servers, waiting for what will be."""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from stackyard.engine.process.edge.client import (
    EdgeClient,
    EdgeGoneError,
    Failure,
    Route,
)
from stackyard.engine.process.edge.spawn import spawn_edge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE = 20.0
MODULE = "stackyard.engine.process.edge"


def until(condition: Callable[[], Any], what: str = "") -> Any:
    """Wait for a condition to hold and return its value."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, what or condition
        time.sleep(0.005)
    return value


class Addresses:
    """Loopback addresses of one test, its own by chance."""

    def __init__(self) -> None:
        # Other tests run at the same time, and know nothing of this one.
        self._block = f"127.{random.SystemRandom().randrange(2, 250)}"
        self._block += f".{random.SystemRandom().randrange(256)}"
        self._last = 0

    def new(self, port: int = 8000) -> tuple[str, int]:
        self._last += 1
        return f"{self._block}.{self._last}", port


class Server:
    """A listening socket whose test accepts by hand."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.listener = socket.create_server(address, backlog=4096)
        self.listener.settimeout(PATIENCE)
        self._opened: list[socket.socket] = []

    def accept(self) -> socket.socket:
        sock, _ = self.listener.accept()
        sock.settimeout(PATIENCE)
        self._opened.append(sock)
        return sock

    def close(self) -> None:
        for sock in (self.listener, *self._opened):
            sock.close()


class NamedServer(Server):
    """Answers each connection with its name, and then what it is sent."""

    def __init__(self, address: tuple[str, int], name: str) -> None:
        super().__init__(address)
        self._name = name.encode()
        self._threads: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for sock in self._opened:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        super().close()

    def _serve(self) -> None:
        self.listener.settimeout(None)
        while True:
            try:
                sock = self.accept()
            except OSError:
                return
            sock.settimeout(None)
            thread = threading.Thread(target=self._answer, args=(sock,))
            thread.start()
            self._threads.append(thread)

    def _answer(self, sock: socket.socket) -> None:
        with suppress(OSError), sock:
            sock.sendall(self._name)
            while data := sock.recv(65536):
                sock.sendall(data)


class Edge:
    """An edge process and its client."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "edge" / "edge.sock"
        self.log = folder / "edge.log"
        self.client = EdgeClient(self.path, timeout=PATIENCE)
        self.pid: int | None = None
        self._sockets: list[socket.socket] = []

    def start(self, *, descriptors: int | None = None) -> None:
        """Start the process, with so many open files at most."""
        if descriptors is None:
            self.pid = spawn_edge(self.path, mark="test", log=self.log)
        else:
            limited = "import resource as r, runpy, sys\n"
            limited += f"r.setrlimit(r.RLIMIT_NOFILE, ({descriptors},) * 2)\n"
            limited += f"runpy.run_module({MODULE!r}, run_name='__main__', alter_sys=1)"
            self.pid = self._run("-P", "-c", limited, "--socket", str(self.path))
            until(self._connects)
        self.client.connect()

    def _run(self, *arguments: str) -> int:
        command = [sys.executable, *arguments]
        return os.posix_spawn(sys.executable, command, {}, setsid=True)

    def _connects(self) -> bool:
        try:
            self.client.connect()
        except EdgeGoneError:
            return False
        return True

    def kill(self) -> None:
        assert self.pid is not None
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.pid = None

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()
        self.client.close()
        if self.pid is not None:
            self.kill()

    def route(
        self, listen: tuple[str, int], *targets: tuple[str, int]
    ) -> tuple[Failure, ...]:
        """Make this the only route."""
        return self.client.apply([Route(listen, targets)])

    def connect(self, address: tuple[str, int]) -> socket.socket:
        sock = socket.create_connection(address, timeout=PATIENCE)
        self._sockets.append(sock)
        return sock

    def status(self, index: int = 0) -> dict[str, Any]:
        """Describe a route."""
        found: dict[str, Any] = self.client.status()["routes"][index]
        return found

    def memory(self) -> int:
        """Return the resident kilobytes of the process."""
        with open(f"/proc/{self.pid}/status") as status:
            line = next(line for line in status if line.startswith("VmRSS:"))
        return int(line.split()[1])


def read_all(sock: socket.socket) -> bytes:
    """Read to the end."""
    data = bytearray()
    while part := sock.recv(1 << 20):
        data += part
    return bytes(data)


def read_exactly(sock: socket.socket, count: int) -> bytes:
    """Read so many bytes."""
    data = bytearray()
    while len(data) < count:
        part = sock.recv(count - len(data))
        assert part, f"ended after {len(data)} of {count} bytes"
        data += part
    return bytes(data)


def send_what_fits(sock: socket.socket, at_most: int) -> int:
    """Send until nothing is taken any more; return how much was."""
    sock.setblocking(False)
    block = bytes(1 << 16)
    sent = 0
    last = time.monotonic()
    while sent < at_most and time.monotonic() < last + 0.3:
        try:
            sent += sock.send(block)
            last = time.monotonic()
        except BlockingIOError:
            time.sleep(0.005)
    sock.settimeout(PATIENCE)
    return sent
