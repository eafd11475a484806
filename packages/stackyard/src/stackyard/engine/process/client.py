"""The command line's side of the supervisor: starts it, asks it, reads its answers."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import h11
import msgspec

from stackyard.engine.errors import CommandError, SupervisorError
from stackyard.engine.process.identity import wait_for
from stackyard.engine.process.lock import HELD
from stackyard.engine.process.protocol import (
    Context,
    ContextRequest,
    Foreground,
    Message,
    Problem,
    Snapshot,
)
from stackyard.engine.process.sockets import connect, peer_pid

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from stackyard.engine.process.protocol import Command
    from stackyard.engine.process.state import ProjectState

T = TypeVar("T")
_CHUNK = 1024 * 1024
_TRIES = 20
_STARTS = 5
_PAUSE = 0.2


@dataclass(frozen=True)
class Client:
    """One project's supervisor.

    `patience` is the seconds in which one that is there has to answer.
    """

    state: ProjectState
    patience: float = 10.0

    @property
    def running(self) -> bool:
        """Whether there is a supervisor."""
        connection = connect(self.state.socket("supervisor"))
        if connection is None:
            return False
        connection.close()
        return True

    def snapshot(self) -> Snapshot:
        """Return all containers; none where nothing was brought up."""
        for _ in range(_TRIES):
            if not self.has_state:
                return Snapshot(project=self.state.name, containers=())
            if answer := self._try("GET", "/containers"):
                return msgspec.json.decode(answer, type=Snapshot)
        raise _unanswered()

    @property
    def has_state(self) -> bool:
        """Whether there is anything a supervisor would have to look after."""
        names = ("containers.json", "goal.json", "keeper.journal")
        return any((self.state.path / name).exists() for name in names) or self.running

    def context(self, container: str, environment: dict[str, str]) -> Context:
        """Return what a command beside a container runs with."""
        request = ContextRequest(container=container, environment=environment)
        body = msgspec.json.encode(request)
        return msgspec.json.decode(self._ask("POST", "/context", body), type=Context)

    def foreground(self, container: str, pid: int) -> None:
        """Tell that a one-off container is this process, on our terminal."""
        body = msgspec.json.encode(Foreground(container=container, pid=pid))
        self._ask("POST", "/foreground", body)

    def members(self, container: str) -> list[int]:
        """Return the pids of a container, the main process first."""
        body = msgspec.json.encode(container)
        return msgspec.json.decode(self._ask("POST", "/members", body), type=list[int])

    def command(self, name: str, command: Command) -> Iterator[Message]:
        """Have a command carried out, and yield what is told of it.

        Closing the iterator before its end cancels the command.

        Raises:
            SupervisorError: the supervisor ended before the command did.
        """
        body = msgspec.json.encode(command)
        last: Message | None = None
        supervisor = 0
        for _ in range(_TRIES):
            with self._connection() as connection:
                supervisor = peer_pid(connection)
                answer = _exchange(connection, "POST", f"/commands/{name}", body)
                for line in _lines(answer):
                    last = msgspec.json.decode(line, type=Message)
                    yield last
            if last is not None:
                break
            # It has not begun: the supervisor was on its way out, or began anew.
            wait_for(supervisor, limit=_PAUSE)
        if last is not None and last.ends:
            wait_for(supervisor)
        if last is None or not last.done:
            raise SupervisorError(
                "the supervisor ended before the command was done",
                hint="run the command again: it goes on from where it stopped",
            )

    def lines(self, path: str) -> Iterator[bytes]:
        """Yield the lines of an answer that goes on."""
        return self._lines("GET", path, b"")

    def await_end(self) -> None:
        """Wait until the supervisor is gone, if there is one."""
        connection = connect(self.state.socket("supervisor"))
        if connection is not None:
            with connection:
                wait_for(peer_pid(connection))

    # HTTP

    def _ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        for _ in range(_TRIES):
            if answer := self._try(method, path, body):
                return answer
        raise _unanswered()

    def _try(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Return an answer; nothing if the supervisor was on its way out."""
        with self._connection() as connection:
            supervisor = peer_pid(connection)
            answer = b"".join(_exchange(connection, method, path, body))
        if not answer:  # it began anew, with the same pid, or is gone soon
            wait_for(supervisor, limit=_PAUSE)
        return answer

    def _lines(self, method: str, path: str, body: bytes) -> Iterator[bytes]:
        return _lines(self._body(method, path, body))

    def _body(self, method: str, path: str, body: bytes) -> Iterator[bytes]:
        with self._connection() as connection:
            yield from _exchange(connection, method, path, body)

    def _connection(self) -> socket.socket:
        """Connect; start a supervisor if there is none.

        One that has just begun, begins anew, or ends, is there and does not answer.
        """
        log = self.state.path / "supervisor.log"
        deadline, pause, starts = time.monotonic() + self.patience, _PAUSE / 8, 0
        while True:
            connection = connect(self.state.socket("supervisor"))
            if connection is not None:
                return connection
            if starts == _STARTS:
                raise SupervisorError("cannot start the supervisor", hint=f"see {log}")
            if self._start() != HELD:
                starts += 1
            elif time.monotonic() > deadline:
                raise SupervisorError(
                    f"the supervisor has not answered for {self.patience:.0f} s",
                    hint=f"on a busy machine, run the command again; see {log}",
                )
            else:
                threading.Event().wait(pause)
                pause = min(2 * pause, _PAUSE)

    def _start(self) -> bytes:
        """Begin a supervisor; return what it said of itself."""
        # Imported where it is needed: most commands find a supervisor.
        from stackyard.engine.process.spawn import begin_daemon

        self.state.prepare()
        return begin_daemon(
            "stackyard.engine.process.supervisor",
            [str(self.state.root.path), self.state.name],
            errors=self.state.path / "supervisor.log",
            mark=self.state.mark,
        ).finish()


def _unanswered() -> SupervisorError:
    return SupervisorError(
        "the supervisor ended before it answered", hint="run the command again"
    )


def _lines(parts: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for data in parts:
        *lines, rest = (rest + data).split(b"\n")
        yield from lines


def _exchange(
    connection: socket.socket, method: str, path: str, body: bytes
) -> Iterator[bytes]:
    http = h11.Connection(h11.CLIENT)
    headers = [("host", "yard"), ("content-length", str(len(body)))]
    request = h11.Request(method=method, target=path, headers=headers)
    parts: list[h11.Event] = [request, h11.EndOfMessage()]
    if body:
        parts.insert(1, h11.Data(body))
    # In one piece: the answer may come, and the connection end, before a second.
    data = b"".join(http.send(part) or b"" for part in parts)
    with suppress(ConnectionError):  # the supervisor ended: no answer will come
        connection.sendall(data)
    yield from _answer(http, connection)


def _answer(http: h11.Connection, connection: socket.socket) -> Iterator[bytes]:
    """Yield the body of an answer, or raise the problem that it tells of."""
    failed = False
    problem = b""
    for event in _events(http, connection):
        if isinstance(event, h11.Response):
            failed = event.status_code >= 400
        elif not isinstance(event, h11.Data):
            break
        elif failed:
            problem += event.data
        else:
            yield bytes(event.data)
    if failed:
        told = msgspec.json.decode(problem, type=Problem)
        raise CommandError(told.message, hint=told.hint)


def _events(http: h11.Connection, connection: socket.socket) -> Iterator[object]:
    while True:
        event = http.next_event()
        if event is not h11.NEED_DATA:
            yield event
            continue
        try:
            data = connection.recv(_CHUNK)
        except ConnectionError:
            data = b""
        if not data:
            return  # the supervisor ended; who reads notices that the end is missing
        http.receive_data(data)
