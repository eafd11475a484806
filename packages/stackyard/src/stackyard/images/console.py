"""What entrypoints and tools tell: their standard output is the service's log."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Write a line to standard output, before what a child writes next."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
