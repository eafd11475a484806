"""Several processes of one service, forked from one that has loaded it.

What was loaded before is there once, however many processes there are. The one that
forks them does nothing else: it hands SIGTERM on, and puts a new process in the place
of one that ended by itself. It has no threads, and no event loop.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Final, NoReturn

from servicekit.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["supervise"]

_SIGNALS: Final = frozenset((signal.SIGTERM, signal.SIGINT, signal.SIGCHLD))
_LIVED_SECONDS: Final = 10.0
"""Who lives as long did not fail to start."""
_PAUSE: Final = 0.1
_PAUSE_MOST: Final = 5.0


def supervise(
    count: int, work: Callable[[int, int], None], *, on_told: Callable[[], None]
) -> None:
    """Run `work` in several processes until SIGTERM or SIGINT, and until all ended.

    `work` gets its number, from 0, and a file that is readable when this process is not
    there any more. It has to end on SIGTERM. `on_told` is called here with the signal.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    gc.collect()
    # The collector would write to each object, and so make a copy for each process.
    gc.freeze()
    try:
        _Workers(count, work, on_told, before).run()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Workers:
    def __init__(
        self,
        count: int,
        work: Callable[[int, int], None],
        on_told: Callable[[], None],
        mask: set[signal.Signals | int],
    ) -> None:
        self._work = work
        self._on_told = on_told
        self._mask = mask
        self._gone, self._here = os.pipe()
        self._due = dict.fromkeys(range(count), 0.0)
        """When each of those that do not run is to begin."""
        self._pauses = dict.fromkeys(range(count), _PAUSE)
        self._running: dict[int, tuple[int, float]] = {}
        self._told = False

    def run(self) -> None:
        while self._running or not self._told:
            if not self._told:
                self._begin()
            self._wait()
            self._reap()
        os.close(self._gone)
        os.close(self._here)

    def _begin(self) -> None:
        now = time.monotonic()
        for number in [number for number, at in self._due.items() if at <= now]:
            del self._due[number]
            sys.stdout.flush()
            sys.stderr.flush()
            pid = os.fork()
            if not pid:
                self._be(number)
            self._running[pid] = (number, now)

    def _be(self, number: int) -> NoReturn:
        """Do the work of a process that was just forked, and end with it."""
        code = 1
        try:
            os.close(self._here)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            self._work(number, self._gone)
            code = 0
        except BaseException:  # noqa: BLE001 - nothing is to run after the work
            logger().exception("worker_failed", worker=number)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            # Not sys.exit: what the first process does at its end is not ours.
            os._exit(code)  # noqa: TID251 - a process of our own ends here

    def _wait(self) -> None:
        soon = min(self._due.values(), default=None)
        if soon is None or self._told:
            number = signal.sigwaitinfo(_SIGNALS).si_signo
        else:
            found = signal.sigtimedwait(_SIGNALS, max(soon - time.monotonic(), 0))
            number = found.si_signo if found else signal.SIGCHLD
        if number != signal.SIGCHLD:
            self._told = True
            self._on_told()
            for pid in self._running:
                os.kill(pid, signal.SIGTERM)

    def _reap(self) -> None:
        for pid, (number, since) in list(self._running.items()):
            found, status = os.waitpid(pid, os.WNOHANG)
            if not found:
                continue
            del self._running[pid]
            if self._told:
                continue
            now = time.monotonic()
            if now - since >= _LIVED_SECONDS:
                self._pauses[number] = _PAUSE
            pause = self._pauses[number]
            self._pauses[number] = min(pause * 2, _PAUSE_MOST)
            self._due[number] = now + pause
            logger().error(
                "worker_ended",
                worker=number,
                pid=pid,
                code=os.waitstatus_to_exitcode(status),
            )
