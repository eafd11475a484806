"""A keeper of its own for a test, spoken to as the supervisor does."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import termios
from typing import TYPE_CHECKING, Any

from process_support import eventually

from stackyard.engine.process import tree
from stackyard.engine.process.durable import make_directory
from stackyard.engine.process.identity import ProcessIdentity
from stackyard.engine.process.keeper.order import MARK, Order
from stackyard.engine.process.sockets import connect
from stackyard.engine.process.spawn import begin_daemon

if TYPE_CHECKING:
    from pathlib import Path


def unread(descriptor: int) -> int:
    """Bytes in a FIFO that nobody has read."""
    data = fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4)
    return struct.unpack("i", data)[0]


class KeeperProcess:
    """A keeper in a directory; `start` again after `kill` and another one goes on."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mark = f"test.{directory}/"
        make_directory(directory / "sockets")
        self.events: list[dict[str, Any]] = []
        self._number = 0
        self._socket: socket.socket | None = None
        self._buffer = b""

    def start(self) -> None:
        beginning = begin_daemon(
            "stackyard.engine.process.keeper",
            [str(self.directory), self.mark],
            errors=self.directory / "keeper.log",
            mark=self.mark,
            bare=True,
        )
        assert beginning.finish(), self.complaints
        self._socket = connect(self.directory / "sockets" / "keeper")
        assert self._socket is not None
        self._socket.settimeout(30)
        self._buffer = b""

    @property
    def complaints(self) -> str:
        return (self.directory / "keeper.log").read_text()

    @property
    def pid(self) -> int:
        assert self._socket is not None
        size = struct.calcsize("3i")
        data = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return struct.unpack("3i", data)[0]

    def kill(self) -> None:
        assert self._socket is not None
        os.kill(self.pid, signal.SIGKILL)
        assert self._socket.recv(1) == b"" if not self._buffer else True
        self._socket.close()

    def close(self) -> None:
        """End everything, the hard way."""
        if self._socket is not None:
            self._socket.close()

        def gone() -> bool:
            left = list(tree.marked(self.mark))
            for identity, _ in left:
                identity.send(signal.SIGKILL)
            return not left

        eventually(gone)

    # Requests

    def ask(self, op: str, **arguments: Any) -> dict[str, Any]:
        assert self._socket is not None
        self._number += 1
        request = {"id": self._number, "op": op, **arguments}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            message = self._message()
            if "event" in message:
                self.events.append(message)
            elif message["id"] == self._number:
                return message

    def order(self, key: str, *argv: str, **more: Any) -> Order:
        log = str(self.directory / "logs" / key / "log")
        values = {
            "environment": {"PATH": os.defpath, MARK: self.mark + key},
            "directory": str(self.directory),
            "log": log,
        }
        return Order(key=key, argv=argv, **{**values, **more})

    def run(self, key: str, *argv: str, **more: Any) -> dict[str, Any]:
        """Start a process; return its reply."""
        order = self.order(key, *argv, **more).to_json()
        return self.ask("start", orders=[order])["replies"][0]

    def shell(self, key: str, script: str, **more: Any) -> dict[str, Any]:
        reply = self.run(key, "/bin/sh", "-c", script, **more)
        assert "error" not in reply, reply
        return reply

    def end_of(self, key: str) -> dict[str, Any]:
        """Wait for the end of a process; return its event."""
        while True:
            for event in self.events:
                if event["record"]["key"] == key:
                    self.events.remove(event)
                    return event
            self.events.append(self._message())

    def code_of(self, key: str) -> int | None:
        return self.end_of(key)["record"]["code"]

    def identity(self, reply: dict[str, Any]) -> ProcessIdentity:
        return ProcessIdentity.from_json(reply["identity"])

    def _message(self) -> dict[str, Any]:
        assert self._socket is not None
        while b"\n" not in self._buffer:
            data = self._socket.recv(65536)
            assert data, f"the keeper ended: {self.complaints}"
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return json.loads(line)

    def await_reading(self, key: str) -> None:
        """Wait until the keeper has read all that a process has written."""
        fifo = self.open_fifo(key)
        eventually(lambda: unread(fifo) == 0)
        os.close(fifo)
        self.ask("list")  # it has dealt with what it read

    def open_fifo(self, key: str) -> int:
        path = self.directory / "fifos" / f"{key}.out"
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    # Logs

    def log(self, key: str) -> list[tuple[str, str, str]]:
        """The log as (stream, tag, content)."""
        path = self.directory / "logs" / key / "log"
        lines = path.read_bytes().decode().split("\n")[:-1] if path.exists() else []
        return [tuple(line.split(" ", 3)[1:]) for line in lines]  # type: ignore[misc]

    def await_log(self, key: str, text: str) -> None:
        eventually(
            lambda: any(text in line[2] for line in self.log(key)),
            what=f"{text!r} in the log of {key}",
        )
