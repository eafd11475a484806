"""The one place of this package that starts programs."""

from __future__ import annotations

import os
import subprocess
from typing import IO, TYPE_CHECKING, NoReturn

from workspace_ops.errors import OperationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["output", "replace", "run"]


def output(
    argv: Sequence[str], environment: Mapping[str, str], *, within: float = 120
) -> str:
    """Return what a program writes to its end.

    Raises:
        OperationError: it failed, with its last words.
    """
    return run(argv, environment, within=within).decode(errors="replace")


def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.PIPE,
    within: float = 3600,
) -> bytes:
    """Run a program to its end and return what it writes, unless that goes elsewhere.

    Raises:
        OperationError: it is not there, took too long, or failed.
    """
    name = os.path.basename(argv[0])
    try:
        done = subprocess.run(
            argv,
            env=dict(environment),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=within,
            check=False,
        )
    except FileNotFoundError as error:
        raise OperationError(f"there is no program {name}") from error
    except subprocess.TimeoutExpired as error:
        raise OperationError(f"{name} did not end within {within:.0f} s") from error
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        said = "; ".join(words[-4:]) or f"exit code {done.returncode}"
        raise OperationError(f"{name}: {said}")
    return done.stdout or b""


def replace(argv: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Become another program, on the same terminal."""
    os.execve(argv[0], list(argv), dict(environment))
