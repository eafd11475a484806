"""Waiting for a condition, for as long as a busy machine may need."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    """Return once the condition holds; fail after some seconds."""
    pause = threading.Event()
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        pause.wait(0.01)
