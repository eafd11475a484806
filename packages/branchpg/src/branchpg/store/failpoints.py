"""Deaths on purpose, for tests: at the n-th step that changes what is on disk.

A crash between any two steps must leave the state before a change or the state after
it. Services that were started with --testing can be armed over HTTP.
"""

from __future__ import annotations

import os
import signal
import threading

__all__ = ["arm", "step"]

_lock = threading.Lock()
_left = 0  # steps until the end; 0 is never


def arm(steps: int) -> None:
    """Die as by `kill -9` right before the n-th step from now; 0 disarms."""
    global _left
    with _lock:
        _left = steps


def step() -> None:
    """Say that something on disk is about to change."""
    global _left
    if not _left:
        return
    with _lock:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
