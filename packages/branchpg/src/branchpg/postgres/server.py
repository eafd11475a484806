"""A PostgreSQL server: start it, learn when it is ready, stop it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from branchpg import spawn
from branchpg.errors import BranchpgError
from branchpg.postgres.cluster import major_of
from branchpg.postgres.owner import IN_PLACE, data_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from branchpg.postgres.programs import Programs

__all__ = [
    "Postmaster",
    "Server",
    "end_leftover",
    "end_now",
    "postmaster",
    "recover",
]

_READY_SECONDS: Final = 600.0  # recovery from a distant snapshot takes its time
_LOOK_SECONDS: Final = 0.002  # a server is ready after some 40 ms
_STATUS_LINE: Final = 7  # of postmaster.pid, counted from 0
_LOG_TAIL: Final = 4000
_END_SECONDS: Final = 5


@dataclass(frozen=True)
class Postmaster:
    """What postmaster.pid says, of a process that really is a server on this data."""

    pid: int
    status: str

    @property
    def is_ready(self) -> bool:
        """Whether it takes connections."""
        return self.status in {"ready", "standby"}


def postmaster(data: str) -> Postmaster | None:
    """Return the server that runs on a data directory.

    A file left behind by a crash may name a process that is somebody else by now: a
    server is in its data directory, nobody else is.
    """
    try:
        with open(os.path.join(data, "postmaster.pid"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        pid = abs(int(lines[0]))
        if not os.path.samefile(f"/proc/{pid}/cwd", data):
            return None
    except (OSError, ValueError, IndexError):
        return None
    status = lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else "starting"
    return Postmaster(pid, status)


async def end_leftover(data: str) -> None:
    """End a server that outlived who started it, as a crash would."""
    while running := postmaster(data):
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.pid, signal.SIGQUIT)
            await _end_of(running.pid)


def end_now(data: str) -> None:
    """End a server on a data directory, whosever child it is, as a crash would."""
    while running := postmaster(data):
        try:
            handle = os.pidfd_open(running.pid)
        except ProcessLookupError:
            return
        with open(handle, "rb", buffering=0), contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGQUIT)
            ended = select.select([handle], (), (), _END_SECONDS)[0]
            if not ended:
                signal.pidfd_send_signal(handle, signal.SIGKILL)


async def recover(
    programs: Programs, data: str, *, settings: Mapping[str, str], log: str
) -> None:
    """Replay what a data directory has of the log, and shut down cleanly.

    In single-user mode, which takes no connections and starts no other process: what
    an extension or a subscription does in the background must not happen here.

    Raises:
        BranchpgError: it failed, with the end of its log.
    """
    server = Server.start(programs, data, settings=settings, log=log, alone=True)
    try:
        code = await server.wait()
    except BaseException:
        await server.stop(fast=False)
        raise
    if code:
        raise server.failure("while it recovered")


class Server:
    """One server process, a child of this one that dies with it."""

    def __init__(self, child: spawn.Child, data: str, log: str) -> None:
        self._child = child
        self._data = data
        self._log = log

    @classmethod
    def start(
        cls,
        programs: Programs,
        data: str,
        *,
        settings: Mapping[str, str],
        log: str,
        alone: bool = False,
        may_move: bool = False,
    ) -> Server:
        """Start a server; `settings` override its configuration files.

        `alone` it is in single-user mode, and its user has nothing to say to it. Where
        its directory `may_move`, it does not go by its name. To be called in the main
        thread, with whose end the server ends.

        Raises:
            BranchpgError: the data is of another major version, or in use.
        """
        if major_of(data) != programs.major:
            raise BranchpgError(
                f'"{data}" is of PostgreSQL {major_of(data)}, the programs in '
                f'"{programs.directory}" are of {programs.version}',
                hint=f"install PostgreSQL {major_of(data)}, or set "
                "BRANCHPG_POSTGRES_BIN to its programs",
            )
        running = postmaster(data)
        if running:
            raise BranchpgError(
                f'a server runs on "{data}" already, as process {running.pid}',
                hint="stop it first",
            )
        # What a crash left behind; the check above says that nobody is behind it.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(data, "postmaster.pid"))
        moves = (data, IN_PLACE)
        directory, place = moves if may_move else data_place(data, programs.identity)
        program = programs.path("postgres")
        options = [f"--{name}={value}" for name, value in settings.items()]
        mode = ("--single",) if alone else ()
        # By default it is one named like the user.
        database = ("template1",) if alone else ()
        with open(log, "ab", buffering=0) as file:
            child = spawn.start(
                [program, *mode, "-D", place, *options, *database],
                environment=programs.environment,
                identity=programs.identity,
                directory=directory,
                stdout=file,
                stderr=file,
                orphan_signal=signal.SIGQUIT,
                session=True,
            )
        return cls(child, data, log)

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        return self._child.pid

    @property
    def runs(self) -> bool:
        """Whether the process has not ended."""
        return self._child.poll() is None

    def moved_to(self, data: str, log: str) -> None:
        """Note that its directory has another name, and give its log another one."""
        with contextlib.suppress(FileNotFoundError):
            os.replace(self._log, log)
        self._data, self._log = data, log

    async def wait_until_ready(self, within: float = _READY_SECONDS) -> None:
        """Wait until the server takes connections.

        Raises:
            BranchpgError: it ended instead, with the end of its log; or took too long.
        """
        deadline = time.monotonic() + within
        while True:
            if not self.runs:
                raise self.failure("while starting")
            found = postmaster(self._data)
            if found and found.pid == self.pid and found.is_ready:
                return
            if time.monotonic() > deadline:
                raise BranchpgError(
                    f"PostgreSQL was not ready within {within:.0f} s",
                    hint=f'its log is "{self._log}"',
                )
            await asyncio.sleep(_LOOK_SECONDS)

    async def stop(self, *, fast: bool = True, within: float = 30.0) -> None:
        """End the server: `fast` with a checkpoint, otherwise at once, as by a crash.

        A server that does not end in time is ended at once.
        """
        self._signal(signal.SIGINT if fast else signal.SIGQUIT)
        if not await self._ends(within):
            self._signal(signal.SIGQUIT)
            if not await self._ends(5.0):
                self._signal(signal.SIGKILL)
                await self._ends(5.0)

    async def wait(self) -> int:
        """Wait until the process has ended, and return its exit code."""
        if self.runs:
            await _end_of(self._child.pid)
        return self._child.wait()

    def failure(self, when: str) -> BranchpgError:
        """Return an error that tells how it ended."""
        return BranchpgError(
            f"PostgreSQL ended with exit code {self._child.returncode} {when}:\n"
            f"{self.log_tail()}",
            hint=f'its whole log is "{self._log}"',
        )

    def log_tail(self) -> str:
        """Return the end of what the server wrote to its log."""
        with contextlib.suppress(OSError), open(self._log, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _LOG_TAIL))
            return file.read().decode(errors="replace")
        return ""

    def _signal(self, number: signal.Signals) -> None:
        if self.runs:
            self._child.send_signal(number)

    async def _ends(self, within: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.wait(), within)
        return not self.runs


async def _end_of(pid: int) -> None:
    """Wait until a child has ended; it stays to be reaped."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    handle = os.pidfd_open(pid)
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
