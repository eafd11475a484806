"""One holder at a time: flock(2) on a file that stays."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final

from stackyard.engine.process.durable import PRIVATE_FILE

if TYPE_CHECKING:
    from pathlib import Path

HELD: Final = b"-"  # said by a process that ends, since another has the lock


def take_lock(path: Path) -> int | None:
    """Return the descriptor that holds the lock, or None if another process does.

    The lock goes with the process that holds the descriptor, however it ends.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
