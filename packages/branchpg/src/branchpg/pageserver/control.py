"""Port 6400: a few commands over PostgreSQL's protocol, for psql and for SQL functions.

A command is a word and quoted arguments: `create_branch 'main' 'preview' '0/15D0A28'`.
The functions in the schema `neon` send them by dblink; see compute.configure.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import re
import struct
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from branchpg.errors import BadRequest, BranchpgError, NotFound
from branchpg.lsn import Lsn
from branchpg.pageserver.branch_rules import Point, Wanted
from branchpg.wire import messages, startup

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from branchpg.pageserver.pageserver import Pageserver
    from branchpg.store.catalog import Branch, Catalog

    Rows: TypeAlias = Sequence[Sequence[str | None]]

__all__ = ["Control"]

_LOG: Final = logging.getLogger(__name__)
_TEXT: Final = 25  # the OID of the type text
_LOGIN_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 3600.0
_LONGEST: Final = 64 * 1024
_COMMAND: Final = re.compile(r"\s*(\w+)((?:\s+'(?:[^']|'')*')*)\s*;?\s*", re.ASCII)
_ARGUMENT: Final = re.compile(r"'((?:[^']|'')*)'")
_COLUMNS: Final = (
    "name",
    "id",
    "parent",
    "parent_lsn",
    "timeline_id",
    "is_default",
    "is_protected",
    "created_at",
    "expires_at",
)
_SQLSTATES: Final[Mapping[type[BranchpgError], str]] = {
    BadRequest: "22023",
    NotFound: "42704",
}


class Control:
    """Serves the control port of a pageserver."""

    def __init__(self, service: Pageserver, token: str | None) -> None:
        self._service = service
        self._token = token
        self._commands: Mapping[str, Callable[[Sequence[str]], Rows]] = {
            "create_branch": self._create,
            "drop_branch": self._drop,
            "list_branches": self._list,
        }

    @contextlib.asynccontextmanager
    async def serving(self, listener: socket.socket) -> AsyncIterator[None]:
        """Serve on a listening socket during a block."""
        server = await asyncio.start_server(self._serve, sock=listener, limit=_LONGEST)
        try:
            yield
        finally:
            server.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(_LOGIN_SECONDS):
                welcome = await self._login(reader, writer)
            if welcome:
                await self._answer_all(reader, writer)
        except BranchpgError as error:
            writer.write(messages.error(str(error), code="08P01", severity="FATAL"))
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _login(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        while True:
            length = struct.unpack("!I", await reader.readexactly(4))[0]
            if not 8 <= length <= startup.LONGEST:
                raise BadRequest("invalid length of startup packet")
            first = startup.parse(await reader.readexactly(length - 4))
            if isinstance(first, startup.Startup):
                break
            if isinstance(first, startup.Cancel):
                return False
            writer.write(b"N")
        if self._token and not await self._knows(self._token, reader, writer):
            writer.write(
                messages.error(
                    "password authentication failed", code="28P01", severity="FATAL"
                )
            )
            return False
        writer.write(messages.authentication_ok())
        for name, value in _PARAMETERS.items():
            writer.write(messages.parameter_status(name, value))
        writer.write(messages.ready())
        return True

    async def _knows(
        self, token: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        writer.write(messages.frame(b"R", struct.pack("!I", 3)))  # cleartext
        kind, content = await _message(reader)
        given = content.rstrip(b"\0")
        return kind == b"p" and hmac.compare_digest(given, token.encode())

    async def _answer_all(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            async with asyncio.timeout(_IDLE_SECONDS):
                kind, content = await _message(reader)
            if kind == b"X":
                return
            if kind == b"Q":
                text = content.rstrip(b"\0").decode(errors="replace")
                writer.write(await asyncio.to_thread(self._answer, text))
            else:
                writer.write(
                    messages.error("only simple queries are known", code="0A000")
                )
            writer.write(messages.ready())
            await writer.drain()

    def _answer(self, text: str) -> bytes:
        try:
            rows = self._run(text)
        except BranchpgError as error:
            code = _SQLSTATES.get(type(error), "55000")
            return messages.error(str(error), code=code, hint=error.hint)
        except Exception:  # noqa: BLE001 - one command's fault is not the next one's
            _LOG.exception("control command failed")
            return messages.error("internal error", code="XX000")
        columns = [(name, _TEXT) for name in _COLUMNS]
        return b"".join(
            (
                messages.row_description(columns),
                *(messages.data_row(row) for row in rows),
                messages.command_complete(f"SELECT {len(rows)}"),
            )
        )

    def _run(self, text: str) -> Rows:
        match = _COMMAND.fullmatch(text)
        command = self._commands.get(match[1].lower()) if match else None
        if match is None or command is None:
            raise BadRequest(
                f"unknown command: {text[:100]}",
                hint=f"there are {', '.join(self._commands)}, with arguments in quotes",
            )
        arguments = [one.replace("''", "'") for one in _ARGUMENT.findall(match[2])]
        return command(arguments)

    def _create(self, arguments: Sequence[str]) -> Rows:
        if len(arguments) not in {2, 3, 4}:
            raise BadRequest("create_branch takes a parent, a name, and maybe a point")
        parent, name, at, database = (*arguments, "", "")[:4]
        tenant = self._service.tenants.only()
        names = {branch.name for branch in tenant.catalog.branches.values()}
        if parent not in names and parent == database:
            parent = ""  # a database's name stands for the default branch
        wanted = Wanted(name=name, parent=parent or None, point=_point(at))
        branch = self._service.branches.create(tenant, wanted)
        return [_row(tenant.catalog, branch)]

    def _drop(self, arguments: Sequence[str]) -> Rows:
        if len(arguments) != 1:
            raise BadRequest("drop_branch takes a name")
        tenant = self._service.tenants.only()
        before = tenant.catalog
        branch = self._service.branches.delete(tenant, arguments[0])
        return [_row(before, branch)]

    def _list(self, _arguments: Sequence[str]) -> Rows:
        catalog = self._service.tenants.only().catalog
        found = sorted(catalog.branches.values(), key=lambda one: one.created_at)
        return [_row(catalog, branch) for branch in found]


_PARAMETERS: Final = {
    "server_version": "17.0",
    "client_encoding": "UTF8",
    "server_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "integer_datetimes": "on",
    "standard_conforming_strings": "on",
}


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind, length = struct.unpack("!cI", await reader.readexactly(5))
    if not 4 <= length <= _LONGEST:
        raise BadRequest("invalid length of message")
    return kind, await reader.readexactly(length - 4)


def _point(text: str) -> Point:
    if not text:
        return Point()
    if "/" in text:
        return Point(lsn=Lsn.parse(text))
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f'"{text}" is neither an LSN nor a time') from error
    if time.tzinfo is None:
        raise BadRequest(f'"{text}" has no time zone', hint="add Z or +00")
    return Point(time=time)


def _row(catalog: Catalog, branch: Branch) -> Sequence[str | None]:
    parent = catalog.branches.get(branch.parent_id or "")
    timeline = catalog.timelines[branch.timeline_id]
    return (
        branch.name,
        branch.id,
        parent.name if parent else None,
        str(timeline.ancestor_lsn) if timeline.ancestor_lsn else None,
        branch.timeline_id,
        str(branch.default).lower(),
        str(branch.protected).lower(),
        branch.created_at.isoformat(),
        branch.expires_at.isoformat() if branch.expires_at else None,
    )
