"""The one place where the process's environment is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["environment", "working_directory"]


def environment() -> Mapping[str, str]:
    """Return a copy of the process's environment variables."""
    return dict(os.environ)


def working_directory() -> str:
    """Return the absolute working directory."""
    return os.getcwd()
