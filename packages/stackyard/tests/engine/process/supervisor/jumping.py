"""A supervisor, or its keeper, whose wall clock jumps by a year at every look at it.

jumping.py MODULE ARGUMENT...
"""

from __future__ import annotations

import subprocess
import sys
import time
from importlib import import_module
from itertools import cycle
from typing import Any

_YEAR = 365 * 24 * 3600


def jump() -> None:
    jumps = cycle((0, _YEAR, -_YEAR))
    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() + next(jumps)
    time.time_ns = lambda: nanoseconds() + next(jumps) * 1_000_000_000


def pass_on() -> None:
    """Let every module of ours that is started jump, too."""
    start = subprocess.Popen

    def popen(argv: list[str], **more: Any) -> subprocess.Popen[bytes]:
        at = argv.index("-m")
        return start([*argv[:at], __file__, *argv[at + 1 :]], **more)

    subprocess.Popen = popen


if __name__ == "__main__":
    jump()
    pass_on()
    import_module(f"{sys.argv[1]}.__main__").main(sys.argv[2:])
