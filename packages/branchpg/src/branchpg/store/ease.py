"""How work goes on that takes its time: gently, or in a hurry."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AT_ONCE", "Ease"]

_PAUSE: Final = 1.0


class Ease:
    """The ease of one piece of work, which others change while it goes on.

    Gentle work does one piece at a time, in however many threads it is done, and
    pauses after it. From when somebody waits for it, it goes on without.

    Attributes:
        gentle: whether it is such work, or is done at once.
        pause: how much longer than a piece the pause after it takes.
    """

    def __init__(self, *, gentle: bool = False, pause: float = _PAUSE) -> None:
        self.gentle = gentle
        self.pause = pause
        self._hurried = threading.Event()
        self._turn = threading.Lock()
        if not gentle:
            self._hurried.set()

    def hurry(self) -> None:
        """Let the work go on without pauses."""
        self._hurried.set()

    @contextlib.contextmanager
    def piece(self) -> Iterator[None]:
        """Do a piece of the work in a block, and pause after it."""
        if self._hurried.is_set():
            yield
            return
        with self._turn:
            began = time.monotonic()
            yield
            self._hurried.wait((time.monotonic() - began) * self.pause)


AT_ONCE: Final = Ease()
"""Of work that somebody waits for from the start."""
