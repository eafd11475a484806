"""Which Compose files a command means, when it does not say.

Compose Specification, "The Compose file": the first of four names in the working
directory or one of its parents, and an override file beside it.
"""

from __future__ import annotations

import os.path
import posixpath
from dataclasses import dataclass
from typing import Final

FILE_NAMES: Final = (
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
)
OVERRIDE_NAMES: Final = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)


@dataclass(frozen=True)
class Found:
    """Files found in one directory, and what was odd about it."""

    files: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def find_files(start: str) -> Found | None:
    """Return the Compose file of `start` or its nearest parent that has one."""
    directory = posixpath.abspath(start)
    while True:
        files = _present(directory, FILE_NAMES)
        if files:
            return _with_override(directory, files)
        parent = posixpath.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def _with_override(directory: str, files: list[str]) -> Found:
    warnings = _several("config", files)
    overrides = _present(directory, OVERRIDE_NAMES)
    warnings += _several("override", overrides)
    return Found((files[0], *overrides[:1]), tuple(warnings))


def _present(directory: str, names: tuple[str, ...]) -> list[str]:
    paths = (posixpath.join(directory, name) for name in names)
    return [path for path in paths if os.path.exists(path)]


def _several(kind: str, files: list[str]) -> list[str]:
    if len(files) < 2:
        return []
    return [
        f"Found multiple {kind} files with supported names: {', '.join(files)}",
        f"Using {files[0]}",
    ]
