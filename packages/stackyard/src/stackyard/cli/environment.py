"""The one place where the process environment is read."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from stackyard.compose import limits

if TYPE_CHECKING:
    from collections.abc import Mapping


def process_environment() -> Mapping[str, str]:
    """Return a copy of the environment variables."""
    return dict(os.environ)


def working_directory() -> str:
    """Return the absolute working directory."""
    return os.getcwd()


def standard_input() -> bytes:
    """Return everything on standard input, or somewhat more than may be read."""
    return sys.stdin.buffer.read(limits.FILE_BYTES + 1)
