"""Where output comes from: FIFOs, a terminal, or a pipe for short commands."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from stackyard.engine.process.keeper.spawn import Streams

if TYPE_CHECKING:
    from stackyard.engine.process.keeper.order import Account, Order

CHUNK = 65536


class Channels:
    """The keeper's ends of one process's streams, and the child's ends until it runs.

    `readers` maps the keeper's descriptors to `stdout` or `stderr`; `feed` copies a
    FIFO into the terminal of a process that has one.
    """

    def __init__(self) -> None:
        self.readers: dict[int, str] = {}
        self.feed: tuple[int, int] | None = None
        self.streams = Streams(-1, -1, -1)
        self._child_ends: set[int] = set()

    def close_child_ends(self) -> None:
        """Close what only the child needs."""
        for descriptor in self._child_ends:
            os.close(descriptor)
        self._child_ends.clear()

    def close(self) -> None:
        """Close everything."""
        self.close_child_ends()
        descriptors = set(self.readers)
        if self.feed is not None:
            descriptors.update(self.feed)
        for descriptor in descriptors:
            os.close(descriptor)
        self.readers.clear()
        self.feed = None

    @classmethod
    def captured(cls) -> Channels:
        """Both outputs in one pipe, and no input."""
        channels = cls()
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        channels.readers[reader] = "stdout"
        channels.streams = Streams(null, writer, writer)
        channels._child_ends = {null, writer}
        return channels

    @classmethod
    def terminal(cls, base: str, account: Account | None) -> Channels:
        """A pseudo-terminal; what is written to the FIFO `base.in` is typed into it."""
        channels = cls()
        master, slave = os.openpty()
        os.set_blocking(master, False)
        _give(slave, account)
        feed = _open_fifo(f"{base}.in")
        channels.readers[master] = "stdout"
        channels.feed = (feed, master)
        channels.streams = Streams(slave, slave, slave)
        channels._child_ends = {slave}
        return channels

    @classmethod
    def fifos(
        cls, base: str, *, stdin: bool = False, account: Account | None = None
    ) -> Channels:
        """FIFOs `base.out`, `base.err` and, where wanted, `base.in`.

        The child holds them open for reading too (fifo(7): no EOF, no SIGPIPE).
        """
        channels = cls()
        ends = []
        for stream in ("out", "err"):
            path = f"{base}.{stream}"
            channels.readers[_open_fifo(path)] = f"std{stream}"
            end = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            _give(end, account)
            ends.append(end)
        if stdin:
            os.close(_open_fifo(f"{base}.in"))
            source = os.open(f"{base}.in", os.O_RDWR | os.O_CLOEXEC)
            _give(source, account)
        else:
            source = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        channels.streams = Streams(source, *ends)
        channels._child_ends = {source, *ends}
        return channels


def open_channels(order: Order, base: str) -> Channels:
    """Return new channels for a process that is about to start."""
    if not order.log:
        return Channels.captured()
    if order.tty:
        return Channels.terminal(base, order.account)
    return Channels.fifos(base, stdin=order.stdin, account=order.account)


def remove_fifos(base: str) -> None:
    """Remove the FIFOs of a process that is gone for good."""
    for suffix in ("in", "out", "err"):
        with suppress(FileNotFoundError):
            os.unlink(f"{base}.{suffix}")


def _open_fifo(path: str) -> int:
    with suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "not a FIFO", path)
    return descriptor


def _give(descriptor: int, account: Account | None) -> None:
    """Let the account reopen the stream, as `echo > /dev/stderr` does."""
    if account is not None and os.geteuid() == 0:
        os.fchown(descriptor, account.uid, account.gid)
