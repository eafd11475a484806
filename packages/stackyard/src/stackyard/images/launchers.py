"""Directories of small launchers, which give programs the names an image has."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def script(*argv: str) -> str:
    """Return a launcher that replaces itself by a program, with further arguments."""
    return f'#!/bin/sh\nexec {shlex.join(argv)} "$@"\n'


def directory(cache: str, scripts: Mapping[str, str]) -> str:
    """Return a directory below `cache` that holds these scripts, writing it at first.

    Its name is made of what it holds: it never changes, and several may write it.
    """
    digest = hashlib.sha256(repr(sorted(scripts.items())).encode()).hexdigest()[:16]
    path = os.path.join(cache, f"launchers-{digest}")
    if os.path.isdir(path):
        return path
    os.makedirs(cache, mode=0o700, exist_ok=True)
    staging = tempfile.mkdtemp(prefix=".launchers-", dir=cache)
    try:
        for name, text in scripts.items():
            _write(os.path.join(staging, name), text)
        os.chmod(staging, 0o755)
        os.rename(staging, path)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        if not os.path.isdir(path):
            raise
    return path


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchmod(file.fileno(), 0o755)
