"""The supervisor's HTTP interface on a Unix socket (protocol.py), by h11."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import h11
import msgspec

from stackyard import __version__
from stackyard.engine.errors import EngineError
from stackyard.engine.process.protocol import (
    COMMANDS,
    ContextRequest,
    Foreground,
    Message,
    Problem,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from stackyard.engine.process.supervisor.supervisor import Supervisor

_LARGEST = 256 * 1024 * 1024
_CHUNK = 1024 * 1024
_JSON = "application/json"
_LINES = "application/x-ndjson"


class Api:
    """Serves one supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._connected = 0

    async def serve(self, listener: socket.socket) -> asyncio.Server:
        """Start to accept connections."""
        return await asyncio.start_unix_server(self._client, sock=listener)

    async def _client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        exchange = _Exchange(reader, writer)
        self._connected += 1
        try:
            await self._answer(exchange)
        except (ConnectionError, h11.ProtocolError):
            pass
        finally:
            self._connected -= 1
            if not self._connected:
                self._supervisor.end_if_unused()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, exchange: _Exchange) -> None:
        method, target, body = await exchange.request()
        if self._supervisor.ended.is_set():
            # No answer: the client comes again when the next supervisor may be started.
            raise ConnectionAbortedError("the project goes down")
        parts = urlsplit(target)
        path = parts.path
        try:
            if method == "POST" and path.startswith("/commands/"):
                await self._command(path.removeprefix("/commands/"), body, exchange)
            elif (method, path) == ("GET", "/events"):
                since = int(parse_qs(parts.query).get("since", ["0"])[0])
                await self._events(since, exchange)
            elif (method, path) in _PLAIN:
                reply = await _PLAIN[method, path](self._supervisor, body)
                exchange.reply(200, reply)
            else:
                exchange.reply(404, Problem(message=f"no such resource: {path}"))
        except (msgspec.MsgspecError, ValueError) as error:
            exchange.reply(400, Problem(message=f"malformed request: {error}"))
        except EngineError as error:
            exchange.reply(409, Problem(message=error.message, hint=error.hint))

    async def _command(self, name: str, body: bytes, exchange: _Exchange) -> None:
        if name not in COMMANDS:
            exchange.reply(404, Problem(message=f"no such command: {name}"))
            return
        command = msgspec.json.decode(body, type=COMMANDS[name])
        exchange.begin(_LINES)
        work = self._supervisor.command(name, command, exchange.line)
        await exchange.unless_gone(work)
        exchange.line(Message(done=True, ends=self._supervisor.ended.is_set()))
        exchange.end()

    async def _events(self, since: int, exchange: _Exchange) -> None:
        exchange.begin(_LINES)

        async def tell() -> None:
            async for happening in self._supervisor.board.happenings(since):
                exchange.line(happening)

        await exchange.unless_gone(tell())


async def _containers(supervisor: Supervisor, _body: bytes) -> msgspec.Struct:
    return supervisor.snapshot()


async def _health(_supervisor: Supervisor, _body: bytes) -> dict[str, str]:
    return {"version": __version__}


async def _context(supervisor: Supervisor, body: bytes) -> msgspec.Struct:
    return supervisor.context(msgspec.json.decode(body, type=ContextRequest))


async def _members(supervisor: Supervisor, body: bytes) -> list[int]:
    return await supervisor.members(msgspec.json.decode(body, type=str))


async def _foreground(supervisor: Supervisor, body: bytes) -> dict[str, str]:
    await supervisor.foreground(msgspec.json.decode(body, type=Foreground))
    return {}


_PLAIN: dict[tuple[str, str], Callable[[Supervisor, bytes], Awaitable[object]]] = {
    ("GET", "/containers"): _containers,
    ("GET", "/health"): _health,
    ("POST", "/context"): _context,
    ("POST", "/members"): _members,
    ("POST", "/foreground"): _foreground,
}


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def request(self) -> tuple[str, str, bytes]:
        """Return method, target and body."""
        method = target = ""
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                data = await self._reader.read(_CHUNK)
                self._http.receive_data(data)
            elif isinstance(event, h11.Request):
                method, target = event.method.decode(), event.target.decode()
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _LARGEST:
                    raise ConnectionAbortedError("the request is too large")
            elif isinstance(event, h11.EndOfMessage):
                return method, target, bytes(body)
            else:
                raise ConnectionAbortedError("the client went away")

    def begin(self, kind: str, status: int = 200) -> None:
        """Begin an answer."""
        headers = [("content-type", kind), ("connection", "close")]
        self._send(h11.Response(status_code=status, headers=headers))

    def reply(self, status: int, value: object) -> None:
        """Answer with one value."""
        self.begin(_JSON, status)
        self._send(h11.Data(msgspec.json.encode(value)))
        self.end()

    def line(self, value: object) -> None:
        """Add a line to the answer."""
        if not self._writer.is_closing():
            self._send(h11.Data(msgspec.json.encode(value) + b"\n"))

    def end(self) -> None:
        """End the answer."""
        if not self._writer.is_closing():
            self._send(h11.EndOfMessage())

    async def unless_gone(self, work: Awaitable[None]) -> None:
        """Wait for something, but cancel it when the client goes away."""
        gone = asyncio.ensure_future(self._reader.read())
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait([gone, task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)
