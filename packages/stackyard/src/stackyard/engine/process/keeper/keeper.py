"""Starting, watching, signalling and reaping processes, as the protocol asks."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackyard.engine.process import tree
from stackyard.engine.process.durable import Journal, make_directory, read_journal
from stackyard.engine.process.identity import ProcessIdentity
from stackyard.engine.process.keeper import records
from stackyard.engine.process.keeper.logs import LogFile
from stackyard.engine.process.keeper.order import MARK, Order
from stackyard.engine.process.keeper.output import (
    Channels,
    open_channels,
    remove_fifos,
)
from stackyard.engine.process.keeper.process import Process
from stackyard.engine.process.keeper.records import Record
from stackyard.engine.process.keeper.spawn import Beginning, SpawnError, begin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stackyard.engine.process.keeper.loop import Loop

_COMPACT_BYTES = 1024 * 1024
_SIGNALLED = 128
_AT_ONCE = 16  # starts under way side by side; each holds some descriptors
_LAST_SECONDS = 5.0


class RefusedError(Exception):
    """A request makes no sense now."""


@dataclass(frozen=True)
class _Begun:
    """A start between its two halves."""

    order: Order
    log: LogFile | None
    channels: Channels
    beginning: Beginning

    def close(self) -> None:
        self.channels.close()
        if self.log is not None:
            self.log.close()


class Keeper:
    """All processes of one project. `publish` tells everyone who listens."""

    def __init__(
        self, directory: Path, loop: Loop, publish: Callable[[dict[str, Any]], None]
    ) -> None:
        self._loop = loop
        self._publish = publish
        self._fifos = make_directory(directory / "fifos")
        self._path = directory / "keeper.journal"
        self._records = records.replay(read_journal(self._path))
        self._journal = Journal(self._path)
        self._running: dict[str, Process] = {}
        self._pids: dict[int, Process] = {}
        self._pending: list[dict[str, Any]] = []
        self._beginning: set[str] = set()
        self._at_end: Callable[[], None] | None = None
        self._compact()
        loop.on_child(lambda _: self.reap())

    # Requests

    def start(self, orders: list[Order]) -> list[dict[str, Any]]:
        """Start processes; one flush covers the intents of all, and one the starts."""
        intents = [records.intent(_record(order)) for order in orders if order.log]
        self._journal.append(intents)
        replies = []
        for part in _parts(orders, _AT_ONCE):
            begun = [self._attempt(order, self._begin) for order in part]
            replies += [
                item if isinstance(item, dict) else self._attempt(item, self._run)
                for item in begun
            ]
        self.commit()
        return replies

    def signal(self, key: str, number: int, *, whole_tree: bool) -> bool:
        """Signal the main process, or all there is; return whether any was there."""
        process = self._running.get(key)
        if process is None:
            return False
        if not whole_tree:
            return process.identity.send(number)
        return sum(member.send(number) for member in self.members(key)) > 0

    def members(self, key: str) -> list[ProcessIdentity]:
        """Return the processes of a key, the main one first."""
        process = self._running.get(key)
        if process is None:
            return []
        pids = dict.fromkeys(tree.descendants(process.identity.pid))
        for stray in self._strays(process):
            pids.update(dict.fromkeys(tree.descendants(stray)))
        found = map(ProcessIdentity.of, pids)
        return [identity for identity in found if identity is not None]

    def known(self) -> list[dict[str, Any]]:
        """Return what is known of every key."""
        return [record.to_json() for record in self._records.values()]

    def forget(self, keys: list[str]) -> None:
        """Drop what is known of processes that have ended."""
        for key in keys:
            if key in self._running:
                raise RefusedError(f"{key} is running")
            if self._records.pop(key, None) is not None:
                self._pending.append(records.forgot(key))
            remove_fifos(str(self._fifos / key))

    def commit(self) -> None:
        """Write down what happened since the last time, with one flush.

        Where the disk is full it is written the next time: what runs goes on.
        """
        if not self._pending:
            return
        try:
            self._journal.append(self._pending)
        except OSError:
            return
        self._pending = []
        if self._journal.size > _COMPACT_BYTES:
            self._compact()

    @property
    def idle(self) -> bool:
        """Whether no service runs; short commands do not count."""
        return not any(process.record.log for process in self._running.values())

    def end_all(self, done: Callable[[], None]) -> None:
        """Kill all that is left below the keeper; call `done` when it is gone."""
        self._at_end = done
        self._loop.at(time.monotonic() + _LAST_SECONDS, done)
        self._kill_rest()

    def _kill_rest(self) -> None:
        left = tree.descendants(os.getpid())[1:]
        for pid in left:
            identity = ProcessIdentity.of(pid)
            if identity is not None:
                identity.send(signal.SIGKILL)
        if not left and self._at_end is not None:
            self._at_end()

    def _never_started(self, key: str) -> dict[str, Any]:
        """Return the entry that takes back an intent."""
        before = self._records.get(key)
        return records.exited(before) if before else records.forgot(key)

    # Taking over from a keeper that died

    def adopt(self, prefix: str) -> None:
        """Look after what an earlier keeper started, and end what it lost track of."""
        for record in list(self._records.values()):
            if record.running:
                self._adopt(record, prefix)
        keys = {f"{prefix}{key}" for key in self._running}
        for identity, mark in tree.marked(prefix):
            if mark not in keys and mark != prefix:
                identity.send(signal.SIGKILL)
        self.commit()

    def _adopt(self, record: Record, prefix: str) -> None:
        descriptor = record.identity.open() if record.identity else None
        if record.identity is None or descriptor is None:
            self._note(records.ended(record, code=None, at=time.time_ns()))
            return
        base = str(self._fifos / record.key)
        silent = record.tty or record.foreground
        channels = Channels() if silent else Channels.fifos(base, stdin=record.stdin)
        process = Process(
            record=record,
            identity=record.identity,
            mark=prefix + record.key,
            channels=channels,
            log=_log_file(record),
            pidfd=descriptor,
        )
        self._look_after(process)
        self._loop.watch(descriptor, lambda _: self._main_ended(process, None))

    def look_after(self, key: str, pid: int, log: str, prefix: str) -> dict[str, Any]:
        """Take a process over that somebody else started: one on their terminal.

        Its exit code is theirs to know.
        """
        identity = ProcessIdentity.of(pid)
        if key in self._running or identity is None or not identity.alive:
            raise RefusedError(f"{key} is running already, or process {pid} has ended")
        record = Record(key=key, log=log, log_bytes=0, log_files=1, foreground=True)
        record = _started(record, identity)
        self._adopt(record, prefix)
        self._records[key] = record
        self._journal.append([records.started(record)])
        return {"identity": identity.to_json(), "at": record.started_at}

    # Starting

    def _attempt(self, what: Order | _Begun, step: Callable[[Any], Any]) -> Any:
        """Do a step of a start; what fails becomes the reply."""
        try:
            return step(what)
        except (SpawnError, RefusedError, OSError) as error:
            order = what.order if isinstance(what, _Begun) else what
            if order.log:
                self._pending.append(self._never_started(order.key))
            text = f"cannot start: {error}" if isinstance(error, OSError) else error
            return {"error": str(text)}

    def _begin(self, order: Order) -> _Begun:
        if order.key in self._running or order.key in self._beginning:
            raise RefusedError(f"{order.key} is running already")
        if not order.argv:
            raise RefusedError("there is nothing to run")
        with ExitStack() as on_failure:
            log = _log_file(_record(order)) if order.log else None
            if log is not None:
                on_failure.callback(log.close)
            channels = open_channels(order, str(self._fifos / order.key))
            on_failure.callback(channels.close)
            beginning = begin(order, channels.streams)
            on_failure.pop_all()
        channels.close_child_ends()
        self._beginning.add(order.key)
        return _Begun(order, log, channels, beginning)

    def _run(self, begun: _Begun) -> dict[str, Any]:
        order = begun.order
        self._beginning.discard(order.key)
        try:
            pid = begun.beginning.finish()
        except SpawnError:
            begun.close()
            raise
        # It is our child and not reaped yet, so the pid is still its own.
        identity = ProcessIdentity.of(pid)
        assert identity is not None
        record = _started(_record(order), identity)
        process = Process(
            record=record,
            identity=identity,
            mark=order.environment.get(MARK, ""),
            channels=begun.channels,
            log=begun.log,
            capture=order.capture,
        )
        self._pids[pid] = process
        self._look_after(process)
        if order.log:
            self._records[order.key] = record
            self._pending.append(records.started(record))
        if order.timeout:
            self._loop.at(
                time.monotonic() + order.timeout, lambda: self._time_out(process)
            )
        return {"identity": identity.to_json(), "at": record.started_at}

    def _look_after(self, process: Process) -> None:
        self._running[process.record.key] = process
        for descriptor in process.channels.readers:
            self._loop.watch(descriptor, self._reader(process, descriptor))
        if process.channels.feed is not None:
            source, target = process.channels.feed
            self._loop.watch(source, lambda _: _feed(source, target))

    def _reader(self, process: Process, descriptor: int) -> Callable[[int], None]:
        def read(_events: int) -> None:
            if not process.take(descriptor):
                self._loop.forget(descriptor)

        return read

    def _time_out(self, process: Process) -> None:
        if self._running.get(process.record.key) is process and not process.ended:
            process.timed_out = True
            for member in self.members(process.record.key):
                member.send(signal.SIGKILL)

    # Ending

    def reap(self) -> None:
        """Collect dead children, then what the dead have left behind."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            process = self._pids.pop(pid, None)
            if process is not None:
                self._main_ended(process, _exit_code(status))
        for process in list(self._running.values()):
            if process.ended:
                self._finish(process)
        if self._at_end is not None:
            self._kill_rest()

    def _main_ended(self, process: Process, code: int | None) -> None:
        process.ended = True
        process.code = code
        if process.adopted:
            self._loop.forget(process.pidfd)
            os.close(process.pidfd)
            self._finish(process)

    def _finish(self, process: Process) -> None:
        """End what the process left behind; once nothing is left, tell of its end."""
        left = self._strays(process)
        for pid in left:
            identity = ProcessIdentity.of(pid)
            if identity is not None:
                identity.send(signal.SIGKILL)
        if left and not process.adopted:
            return  # they are our children: SIGCHLD brings us back
        process.drain()
        for descriptor in process.channels.readers:
            self._loop.forget(descriptor)
        if process.channels.feed is not None:
            self._loop.forget(process.channels.feed[0])
        process.channels.close()
        if process.log is not None:
            process.log.close()
        del self._running[process.record.key]
        self._note(
            records.ended(process.record, code=process.code, at=time.time_ns()),
            output=process.output.decode(errors="replace"),
            timed_out=process.timed_out,
        )

    def _strays(self, process: Process) -> list[int]:
        """Return processes of this key that are no longer below its main process."""
        if process.adopted:
            return [
                identity.pid
                for identity, mark in tree.marked(process.mark)
                if mark == process.mark and identity != process.identity
            ]
        return [
            pid
            for pid in tree.children(os.getpid())
            if pid not in self._pids and self._belongs(pid, process)
        ]

    def _belongs(self, pid: int, process: Process) -> bool:
        if tree.session_of(pid) == process.identity.pid:
            return True
        # A probe has the mark of its service, whose processes are none of its own.
        service = process.record.log and process.mark
        return bool(service) and tree.mark_of(pid) == process.mark

    def _note(self, record: Record, **more: Any) -> None:
        if record.log:
            self._records[record.key] = record
            self._pending.append(records.exited(record))
        self._publish({"event": "exit", "record": record.to_json(), **more})

    def _compact(self) -> None:
        with suppress(OSError):  # no room: it stays as long as it is
            self._journal.rewrite(
                records.started(record) for record in self._records.values()
            )


def _parts(orders: list[Order], size: int) -> Iterator[list[Order]]:
    """Yield the orders in parts of at most so many."""
    for at in range(0, len(orders), size):
        yield orders[at : at + size]


def _record(order: Order) -> Record:
    return Record(
        key=order.key,
        log=order.log,
        log_bytes=order.log_bytes,
        log_files=order.log_files,
        tty=order.tty,
        stdin=order.stdin,
    )


def _started(record: Record, identity: ProcessIdentity) -> Record:
    values = {**vars(record), "identity": identity, "started_at": time.time_ns()}
    return Record(**values)


def _log_file(record: Record) -> LogFile:
    make_directory(Path(record.log).parent)
    return LogFile(record.log, limit=record.log_bytes, files=record.log_files)


def _exit_code(status: int) -> int:
    """Return the code as a shell and Docker do: 128 + N for signal N."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else _SIGNALLED - code


def _feed(source: int, target: int) -> None:
    # EAGAIN: nothing there, or no room; EIO: the terminal's last user is gone.
    with suppress(OSError):
        os.write(target, os.read(source, 4096))
