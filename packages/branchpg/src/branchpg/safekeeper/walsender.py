"""The replication protocol, 5454: standbys and pg_receivewal stream WAL from here."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import re
import socket
import struct
from typing import TYPE_CHECKING, Final

from branchpg.errors import BadRequest, BranchpgError, Conflict, NotFound
from branchpg.lsn import history_name
from branchpg.safekeeper import commands
from branchpg.safekeeper.downstream import Downstream
from branchpg.safekeeper.readers import Slot
from branchpg.safekeeper.state import TimelineKey
from branchpg.wire import messages, startup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from branchpg.safekeeper.registry import Registry
    from branchpg.safekeeper.settings import Settings
    from branchpg.safekeeper.timeline import Timeline

__all__ = ["serving"]

_LONGEST_MESSAGE: Final = 64 * 1024
_FIRSTS: Final = 3  # requests of encryption, then the startup message
_TEXT_OID, _INT8_OID = 25, 20
_PASSWORD: Final = messages.frame(b"R", struct.pack("!I", 3))
_ROUTE: Final = re.compile(
    r"(?:^|\s)(?:-c\s*)?z?(tenant|timeline)_?id=([0-9a-f]{32})(?=\s|$)"
)
_STATES: Final = {
    BadRequest: "42601",
    Conflict: "42710",
    NotFound: "58P01",
}
_DEFAULT_VERSION: Final = 170000

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def serving(
    registry: Registry, listener: socket.socket, *, settings: Settings
) -> AsyncIterator[None]:
    """Serve streams on a listening socket during a block."""
    writers: set[asyncio.StreamWriter] = set()
    ended = asyncio.Event()

    async def connected(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writers.add(writer)
        try:
            await _Session(registry, reader, writer, settings).run()
        finally:
            writers.discard(writer)
            writer.transport.abort()
            if not writers:
                ended.set()

    server = await asyncio.start_server(connected, sock=listener)
    try:
        yield
    finally:
        server.close()
        ended.clear()
        for writer in tuple(writers):
            writer.transport.abort()
        if writers:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), 2.0)


class _Bye(Exception):
    """The client left, or was refused."""


class _Session:
    def __init__(
        self,
        registry: Registry,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        settings: Settings,
    ) -> None:
        self._registry = registry
        self._reader = reader
        self._writer = writer
        self._settings = settings
        self._temporary: list[str] = []
        self._name = "unnamed"

    async def run(self) -> None:
        """Serve one client until it leaves."""
        self._keep_alive()
        timeline: Timeline | None = None
        try:
            async with asyncio.timeout(self._settings.startup_seconds):
                timeline = await self._start()
            while True:
                await self._command(timeline)
        except (_Bye, TimeoutError, OSError, asyncio.IncompleteReadError):
            pass
        except BranchpgError as error:
            await self._refuse(error)
        finally:
            if timeline:
                self._drop_temporary(timeline)

    def _drop_temporary(self, timeline: Timeline) -> None:
        for name in self._temporary:
            with contextlib.suppress(NotFound):
                timeline.readers.drop_slot(name)

    def _keep_alive(self) -> None:
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def _start(self) -> Timeline:
        first = await self._first()
        if self._settings.token:
            await self._ask_password(self._settings.token)
        parameters = {
            name.decode(errors="replace"): value.decode(errors="replace")
            for name, value in first.parameters.items()
        }
        if parameters.get("replication", "").lower() not in {"true", "on", "yes", "1"}:
            raise BranchpgError(
                "a safekeeper takes physical replication only",
                hint="connect with replication=true",
            )
        self._name = parameters.get("application_name", "unnamed")[:64]
        timeline = self._route(parameters)
        version = timeline.state.pg_version or _DEFAULT_VERSION
        told = {
            "server_version": f"{version // 10000}.{version % 10000}",
            "server_encoding": "UTF8",
            "client_encoding": "UTF8",
            "DateStyle": "ISO, MDY",
            "TimeZone": "UTC",
            "integer_datetimes": "on",
            "standard_conforming_strings": "on",
            "in_hot_standby": "off",
        }
        answer = messages.authentication_ok()
        for name, value in told.items():
            answer += messages.parameter_status(name, value)
        answer += messages.key_data(os.getpid(), os.urandom(4))
        self._writer.write(answer + messages.ready())
        await self._writer.drain()
        return timeline

    async def _first(self) -> startup.Startup:
        for _ in range(_FIRSTS):
            (length,) = struct.unpack("!I", await self._reader.readexactly(4))
            if not 8 <= length <= startup.LONGEST:
                raise _Bye
            first = startup.parse(await self._reader.readexactly(length - 4))
            if isinstance(first, startup.Startup):
                return first
            if isinstance(first, startup.Cancel):
                break
            self._writer.write(b"N")
        raise _Bye

    async def _ask_password(self, token: str) -> None:
        self._writer.write(_PASSWORD)
        kind, body = await self._message()
        given = body.removesuffix(b"\0")
        if kind != b"p" or not hmac.compare_digest(given, token.encode()):
            self._writer.write(
                messages.error(
                    "password authentication failed", code="28P01", severity="FATAL"
                )
            )
            await self._writer.drain()
            raise _Bye

    def _route(self, parameters: dict[str, str]) -> Timeline:
        ids = dict(_ROUTE.findall(parameters.get("options", "")))
        timeline_id = ids.get("timeline") or parameters.get("database", "")
        if "tenant" in ids:
            return self._registry.get(TimelineKey.of(ids["tenant"], timeline_id))
        return self._registry.find(TimelineKey.of("0" * 32, timeline_id).timeline_id)

    async def _message(self) -> tuple[bytes, bytes]:
        header = await self._reader.readexactly(5)
        length = int.from_bytes(header[1:]) - 4
        if not 0 <= length <= _LONGEST_MESSAGE:
            raise BranchpgError(f"invalid message length {length + 4}")
        return header[:1], await self._reader.readexactly(length)

    async def _command(self, timeline: Timeline) -> None:
        kind, body = await self._message()
        if kind == b"X":
            raise _Bye
        if kind in {b"c", b"d", b"f", b"H", b"S"}:  # left over from a stream
            return
        if kind != b"Q":
            raise BranchpgError("a safekeeper takes simple queries only")
        try:
            text = body.removesuffix(b"\0").decode()
            answer = await self._answer(timeline, commands.parse(text))
        except UnicodeDecodeError as error:
            raise BadRequest("a query is not UTF-8") from error
        except BranchpgError as error:
            answer = _words(error, "ERROR")
        self._writer.write(answer + messages.ready())
        await self._writer.drain()

    async def _refuse(self, error: BranchpgError) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            self._writer.write(_words(error, "FATAL"))
            async with asyncio.timeout(self._settings.startup_seconds):
                await self._writer.drain()
                self._writer.close()
                await self._writer.wait_closed()

    async def _answer(self, timeline: Timeline, command: commands.Command) -> bytes:
        match command:
            case commands.StartReplication():
                stream = Downstream(
                    timeline, self._writer, self._message, name=self._name
                )
                _log.info(
                    "%s streams %s from %s", self._name, timeline.key, command.lsn
                )
                await stream.run(command)
                return messages.command_complete(
                    "START_STREAMING"
                ) + messages.command_complete("START_REPLICATION")
            case commands.CreateSlot() | commands.DropSlot():
                return await asyncio.to_thread(self._change, timeline, command)
            case commands.Nothing():
                return messages.frame(b"I")
            case _:
                return _read(timeline, command)

    def _change(
        self, timeline: Timeline, command: commands.CreateSlot | commands.DropSlot
    ) -> bytes:
        if isinstance(command, commands.DropSlot):
            timeline.readers.drop_slot(command.name)
            return messages.command_complete("DROP_REPLICATION_SLOT")
        end = timeline.end
        slot = Slot(command.name, end if command.reserve else None)
        timeline.readers.make_slot(slot, temporary=command.temporary)
        if command.temporary:
            self._temporary.append(command.name)
        names = ("slot_name", "consistent_point", "snapshot_name", "output_plugin")
        point = str(end) if command.reserve else "0/0"
        return _row(
            [(name, _TEXT_OID) for name in names],
            (command.name, point, None, None),
            tag="CREATE_REPLICATION_SLOT",
        )


def _read(timeline: Timeline, command: commands.Command) -> bytes:
    """Answer what changes nothing."""
    state = timeline.state
    match command:
        case commands.IdentifySystem():
            columns = [
                ("systemid", _TEXT_OID),
                ("timeline", _INT8_OID),
                ("xlogpos", _TEXT_OID),
                ("dbname", _TEXT_OID),
            ]
            position = str(timeline.flush_lsn or state.start_lsn)
            number = str(state.postgres_timeline)
            values = (str(state.system_id), number, position, None)
            return _row(columns, values, tag="IDENTIFY_SYSTEM")
        case commands.Show():
            value = _setting(timeline, command.name)
            return _row([(command.name, _TEXT_OID)], (value,), tag="SHOW")
        case commands.ReadSlot():
            slot = timeline.readers.slot(command.name)
            place = slot and slot.restart_lsn
            columns = [
                ("slot_type", _TEXT_OID),
                ("restart_lsn", _TEXT_OID),
                ("restart_tli", _INT8_OID),
            ]
            row = (
                "physical" if slot else None,
                str(place) if place else None,
                str(state.postgres_timeline) if place else None,
            )
            return _row(columns, row, tag="READ_REPLICATION_SLOT")
        case commands.TimelineHistory():
            return _history(timeline, command.postgres_timeline)
        case _:
            return _row([("set_config", _TEXT_OID)], ("",), tag="SELECT 1")


def _setting(timeline: Timeline, name: str) -> str:
    state = timeline.state
    version = state.pg_version or _DEFAULT_VERSION
    settings = {
        "wal_segment_size": f"{state.wal_seg_size // 1024**2}MB",
        "data_directory_mode": "0700",
        "server_version": f"{version // 10000}.{version % 10000}",
        "server_version_num": str(version),
        "block_size": "8192",
        "wal_block_size": "8192",
        "integer_datetimes": "on",
        "primary_slot_name": "",
    }
    if name not in settings:
        raise NotFound(f'unrecognized configuration parameter "{name}"')
    return settings[name]


def _history(timeline: Timeline, postgres_timeline: int) -> bytes:
    name = history_name(postgres_timeline)
    try:
        path = os.path.join(timeline.directory, name)
        with open(path, encoding="utf-8", errors="replace") as file:
            content = file.read()
    except FileNotFoundError:
        raise NotFound(f'could not open file "pg_wal/{name}"') from None
    columns = [("filename", _TEXT_OID), ("content", _TEXT_OID)]
    return _row(columns, (name, content), tag="TIMELINE_HISTORY")


def _row(
    columns: Sequence[tuple[str, int]], values: Sequence[str | None], *, tag: str
) -> bytes:
    return (
        messages.row_description(columns)
        + messages.data_row(values)
        + messages.command_complete(tag)
    )


def _words(error: BranchpgError, severity: str) -> bytes:
    return messages.error(
        error.message,
        code=_STATES.get(type(error), "XX000"),
        severity=severity,
        hint=error.hint,
    )
