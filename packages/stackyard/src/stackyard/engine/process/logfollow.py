"""Following the logs of a project: output as it comes, and what happens meanwhile.

One thread reads the supervisor's events; whoever iterates waits for them, for writes to
the logs, and for what others post, in one `select`. Nothing is polled.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from stackyard.engine.errors import EngineError
from stackyard.engine.process.containers import State
from stackyard.engine.process.inotify import Inotify
from stackyard.engine.process.logview import LogReader, Record, Window, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stackyard.engine.process.client import Client
    from stackyard.engine.process.protocol import Shown

_TRIES: Final = 3
_LIVING: Final = frozenset({State.RUNNING, State.PAUSED, State.RESTARTING})


@dataclass(frozen=True)
class Output:
    """A line of a container's output."""

    container: Shown
    record: Record


@dataclass(frozen=True)
class Found:
    """A container that is followed from now on."""

    container: Shown


@dataclass(frozen=True)
class Ended:
    """A container's process ended; all of its output came before.

    `stopped` says that somebody stopped it: it did not end by itself.
    """

    container: Shown
    code: int
    restarting: bool
    stopped: bool


@dataclass(frozen=True)
class Posted:
    """What somebody else has posted."""

    value: Any


@dataclass(frozen=True)
class Idle:
    """Everything that came so far has been yielded.

    `living` says how many containers run, or have ended without an `Ended` so far.
    """

    living: int


Item: TypeAlias = Output | Found | Ended | Posted | Idle


class _Event(msgspec.Struct):
    at: int
    action: str
    container: str
    attributes: dict[str, str] = {}


class Follower:
    """Follows the containers of a project that somebody chooses.

    Args:
        client: of the project.
        wanted: says whether a container is followed.
        window: of the output; `tail` counts for containers that are there already.
        fresh: whether of containers that run already only new output is shown.
        starting: whether the project is being brought up: there may be nothing of it,
            and no supervisor, yet.
        raw: whether output is wanted as it comes, and not only whole lines.
    """

    def __init__(
        self,
        client: Client,
        wanted: Callable[[Shown], bool],
        window: Window,
        *,
        fresh: bool = False,
        starting: bool = False,
        raw: bool = False,
    ) -> None:
        self._client = client
        self._wanted = wanted
        self._window = window
        self._fresh = fresh
        self._starting = starting
        self._raw = raw
        self._known: dict[str, Shown] = {}
        self._readers: dict[str, LogReader] = {}
        self._inbox: deque[_Event | Posted | None] = deque()
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._inotify = Inotify()
        self._living = 0
        self._seen: dict[str, Shown] = {}
        self._seen_at = 0
        self._watched: set[str] = set()
        self._written: set[str] = set()
        self._ends: dict[str, int] = {}
        self._began = time.time_ns()
        self._stale = False

    def look_again(self) -> None:
        """Have `items` look which containers there are, before its next `Idle`."""
        self._stale = True

    def post(self, value: object) -> None:
        """Have `items` yield a value; any thread and a signal handler may call this."""
        self._put(Posted(value))

    def items(self) -> Iterator[Item]:
        """Yield what comes, until whoever iterates stops or the project is down."""
        gc.enable()  # a command that lives long makes garbage
        since = time.time_ns()
        yield from self._look(since, first=True)
        threading.Thread(target=self._listen, args=(since,), daemon=True).start()
        try:
            with self._woken_by_signals():
                yield from self._until_the_end()
        finally:
            for reader in self._readers.values():
                reader.close()

    def _until_the_end(self) -> Iterator[Item]:
        while True:
            yield from self._drained()
            if self._inbox:
                item = self._inbox.popleft()
                if item is None:
                    return
                yield from self._handled(item)
                continue
            if self._stale:
                self._stale = False
                yield from self._look(time.time_ns())
            yield Idle(self._living)
            if not self._wait():
                return

    # Waiting

    @contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        """Have every signal end a wait.

        The main thread sleeps on through one that comes just before its `select`, or
        that the kernel gives to another thread; and Python handles it only afterwards.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wake = self._wake_writer
        before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)

    def _wait(self) -> bool:
        """Wait for something to happen; return whether it is still the time for it."""
        left = self._time_left()
        sources: list[Any] = [self._inotify, self._wake_reader]
        ready, _, _ = select.select(sources, [], [], left)
        if self._wake_reader in ready:
            with suppress(BlockingIOError):
                os.read(self._wake_reader, 4096)
        self._written |= self._inotify.changed()
        return bool(ready) or left is None

    def _time_left(self) -> float | None:
        until = self._window.until.decode()
        if not until:
            return None
        import calendar

        moment = calendar.timegm(time.strptime(until[:19], "%Y-%m-%dT%H:%M:%S"))
        return max(0.0, moment + 1 - time.time())

    def _put(self, item: _Event | Posted | None) -> None:
        self._inbox.append(item)
        with suppress(BlockingIOError):
            os.write(self._wake_writer, b"\0")

    def _listen(self, since: int) -> None:
        """Read events; when a supervisor dies, the next one is asked."""
        tries = _TRIES
        while tries and (self._starting or self._client.has_state):
            tries -= 1
            with suppress(EngineError, OSError):
                for line in self._client.lines(f"/events?since={since}"):
                    event = msgspec.json.decode(line, type=_Event)
                    since = event.at + 1
                    tries = _TRIES
                    self._starting = False
                    self._put(event)
                # Down: whoever looks now finds nothing, or another supervisor.
                self._client.await_end()
        self._put(None)

    # What happens

    def _handled(self, item: _Event | Posted) -> Iterator[Item]:
        if isinstance(item, Posted):
            yield item
        elif item.action in {"create", "start"}:
            yield from self._look(item.at)
            self._watch(item.container)
        elif item.action == "die" and item.container in self._known:
            yield from self._ended(item)
        elif item.action == "destroy":
            self._forget(item.container)
            self._refresh(item.at)

    def _ended(self, event: _Event) -> Iterator[Item]:
        shown = self._known[event.container]
        reader = self._readers.get(event.container)
        if reader is not None:
            for record in [*reader.more(), *reader.rest()]:
                yield Output(shown, record)
        self._ends[event.container] = event.at
        self._living = sum(map(self._lives, self._seen.values()))
        self._refresh(event.at)
        code = int(event.attributes.get("exitCode", "0"))
        now = self._seen.get(event.container)
        wanted = now is not None and now.container.wanted
        living = now is not None and now.container.state in _LIVING
        yield Ended(shown, code, living and wanted, not wanted)

    def _look(self, at: int, *, first: bool = False) -> Iterator[Item]:
        """Begin to follow containers that are new since a time."""
        self._refresh(at)
        histories = []
        for identifier, shown in self._seen.items():
            if identifier in self._known:
                continue
            self._known[identifier] = shown
            yield Found(shown)
            histories.append((identifier, self._begin(shown, first=first)))
        for identifier, record in merged(histories):
            yield Output(self._known[identifier], record)

    def _begin(self, shown: Shown, *, first: bool) -> Iterable[Record]:
        """Return the output that a container has written already."""
        window = self._window
        if not first:
            window = Window(window.since, window.until)
        reader = LogReader(shown.log, window, raw=self._raw)
        self._readers[shown.container.id] = reader
        self._watch(shown.container.id)
        if first and self._fresh:
            reader.skip()
            return ()
        return reader.history(last=False)

    def _watch(self, identifier: str) -> None:
        """Be told when its log is written; there is none before it is first started."""
        if identifier in self._watched or identifier not in self._readers:
            return
        directory = os.path.dirname(self._known[identifier].log)
        with suppress(FileNotFoundError):
            self._inotify.watch(directory)
            self._watched.add(identifier)
            self._written.add(directory)

    def _refresh(self, at: int) -> None:
        """Find out which containers there are, if it is not known as of this time."""
        if self._seen_at > at:
            return
        now = time.time_ns()
        try:
            containers = self._client.snapshot().containers
        except (EngineError, OSError):
            return  # it is going down, or its supervisor has just died
        self._seen_at = now
        wanted = [item for item in containers if self._wanted(item)]
        self._seen = {item.container.id: item for item in wanted}
        self._living = sum(map(self._lives, wanted))

    def _lives(self, item: Shown) -> bool:
        """Whether a container runs, or has ended and its event has not come yet."""
        container = item.container
        if container.state in _LIVING:
            return True
        told = self._ends.get(container.id, self._began)
        return container.starts > 0 and container.finished_at > told

    def _forget(self, identifier: str) -> None:
        reader = self._readers.pop(identifier, None)
        if reader is not None:
            reader.close()

    def _drained(self) -> Iterator[Item]:
        """Yield what was written to the logs since the last time."""
        written, self._written = self._written, set()
        keys = map(os.path.basename, written)
        sources = [
            (key, self._readers[key].more()) for key in keys if key in self._readers
        ]
        for key, record in merged(sources):
            yield Output(self._known[key], record)
