"""A project that really runs: its own state root, supervisor, keeper and edge."""

from __future__ import annotations

import os
import signal
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from process_support import eventually
from support import Workspace

from stackyard.engine.errors import SupervisorError
from stackyard.engine.process import tree
from stackyard.engine.process.client import Client
from stackyard.engine.process.compile.machine import Machine
from stackyard.engine.process.compile.mounts import write_files
from stackyard.engine.process.compile.project import compile_project
from stackyard.engine.process.protocol import (
    DownCommand,
    Message,
    ServicesCommand,
    UpCommand,
)
from stackyard.engine.process.sockets import connect
from stackyard.engine.process.state import StateRoot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackyard.engine.process.containers import Container
    from stackyard.engine.process.protocol import Command
    from stackyard.engine.process.state import ProjectState

SERVER = """
import os, socket, sys
address = (os.environ["HOST"], int(os.environ["PORT"]))
with socket.create_server(address) as server:
    while True:
        connection, _ = server.accept()
        connection.sendall(sys.argv[1].encode())
        connection.close()
"""


@dataclass
class Project:
    """The files are in `root/NAME`, the state is in `root/state`."""

    root: Path
    name: str = "demo"
    complaints: tuple[str, ...] = ()  # what a supervisor may say in its log

    @property
    def state(self) -> ProjectState:
        return StateRoot(self.root / "state").project(self.name)

    @property
    def client(self) -> Client:
        return Client(self.state)

    @property
    def directory(self) -> Path:
        path = self.root / self.name
        path.mkdir(exist_ok=True)
        return path

    # Commands

    def order(self, text: str, **options: Any) -> UpCommand:
        """An `up` of a Compose file with this text."""
        project = Workspace(self.directory).project(text)
        environment = {"PATH": os.defpath, "HOME": str(self.root)}
        native = compile_project(
            project, Machine(environment=environment, state=self.state)
        )
        self.state.prepare()
        write_files(native.files)
        options.setdefault("grace", 5.0)
        return UpCommand(desired=native.desired, **options)

    def up(self, text: str, **options: Any) -> list[Message]:
        return self.told("up", self.order(text, **options))

    def down(self, **options: Any) -> list[Message]:
        options = {"remove_orphans": True, "grace": 5.0, **options}
        return self.told("down", DownCommand(**options))

    def do(self, name: str, *services: str, **options: Any) -> list[Message]:
        return self.told(name, ServicesCommand(services=services, **options))

    def told(self, name: str, command: Command) -> list[Message]:
        return list(self.client.command(name, command))

    def interrupt(self, name: str, command: Command, *, after: int) -> bool:
        """Kill the supervisor at a message; return False if the command was faster."""
        messages = self.client.command(name, command)
        try:
            for number, message in enumerate(messages):
                if message.done:
                    list(messages)
                    return False
                if number == after:
                    self.kill_supervisor()
        except SupervisorError:
            return True
        return False

    # What there is

    def containers(self) -> list[Container]:
        items = [shown.container for shown in self.client.snapshot().containers]
        return sorted(items, key=lambda item: (item.service, item.number))

    def states(self) -> dict[str, str]:
        return {
            item.name.removeprefix(f"{self.name}-"): str(item.state)
            for item in self.containers()
        }

    def one(self, service: str, number: int = 1) -> Container:
        (found,) = [
            item
            for item in self.containers()
            if (item.service, item.number) == (service, number)
        ]
        return found

    def published(self, service: str) -> int:
        """The port that a service is published on."""
        for shown in self.client.snapshot().containers:
            if shown.container.service == service and shown.ports:
                return shown.ports[0].port
        raise AssertionError(f"{service} is not published")

    def log(self, service: str, number: int = 1) -> str:
        path = self.state.log(self.one(service, number).id)
        return path.read_text() if path.exists() else ""

    def settled(self) -> bool:
        """Whether no command is left to be finished; starts a supervisor to see."""
        self.client.snapshot()
        return not (self.state.path / "goal.json").exists()

    # Ends

    def pid_of(self, name: str) -> int:
        connection = connect(self.state.socket(name))
        assert connection is not None
        with connection:
            size = struct.calcsize("3i")
            data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
            return struct.unpack("3i", data)[0]

    def kill_supervisor(self) -> None:
        self._kill("supervisor")

    def kill_keeper(self) -> None:
        self._kill("keeper")

    def _kill(self, name: str) -> None:
        pid = self.pid_of(name)
        descriptor = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        os.close(descriptor)
        eventually(lambda: gone(pid))

    def marked(self) -> list[int]:
        return [identity.pid for identity, _ in tree.marked(self.state.mark)]

    def commands(self) -> dict[int, bytes]:
        """Return the command lines of those that have not ended meanwhile."""
        found = {}
        for pid in self.marked():
            with suppress(FileNotFoundError, ProcessLookupError):
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes()
        return found

    def close(self) -> None:
        """End everything, the hard way."""

        def nothing() -> bool:
            left = list(tree.marked(self.state.mark))
            for identity, _ in left:
                identity.send(signal.SIGKILL)
            return not left

        eventually(nothing)

    def supervisor_log(self) -> str:
        path = self.state.path / "supervisor.log"
        text = path.read_text() if path.exists() else ""
        return "\n".join(
            line
            for line in text.splitlines()
            if not any(part in line for part in self.complaints)
        )


def gone(pid: int) -> bool:
    """Whether a process has ended; what nobody has reaped yet has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


def ask(port: int, host: str = "127.0.0.1") -> str:
    """What a server of `SERVER` says; empty if it takes nobody."""
    try:
        with socket.create_connection((host, port), timeout=5) as connection:
            return connection.recv(100).decode()
    except OSError:
        return ""


def errors(messages: Iterable[Message]) -> list[str]:
    return [
        f"{item.error.message} | {item.error.hint}"
        for item in messages
        if item.error is not None
    ]


def steps(messages: Iterable[Message]) -> list[str]:
    return [f"{item.id} {item.text}" for item in messages if item.status == "Done"]
