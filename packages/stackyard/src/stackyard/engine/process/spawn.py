"""Starting our own background processes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stackyard.engine.process.keeper.order import MARK

if TYPE_CHECKING:
    from collections.abc import Sequence

_PACKAGES = Path(__file__).parents[3]  # where this very package is imported from


@dataclass(frozen=True)
class Beginning:
    """A process of ours that was started and may not serve yet."""

    reader: int

    def finish(self) -> bytes:
        """Wait for the byte that it says; return none if it ended without."""
        try:
            return os.read(self.reader, 1)
        finally:
            os.close(self.reader)


def begin_daemon(
    module: str,
    arguments: Sequence[str],
    *,
    errors: Path,
    mark: str,
    bare: bool = False,
) -> Beginning:
    """Run a module of ours in the background.

    It gets a descriptor as its last argument, writes a byte to it when it serves, and
    closes it. What it prints goes to the end of the file `errors`. Its environment
    holds nothing but what it needs: nobody's secrets lie about in it.

    Args:
        module: what to run.
        arguments: before the descriptor.
        errors: the file for what it prints.
        mark: its `YARD_MARK`.
        bare: whether it needs the standard library only, and so starts faster.
    """
    flags = ["-S", "-P"] if bare else ["-P"]
    environment = {MARK: mark, "PATH": os.defpath, "PYTHONPATH": str(_PACKAGES)}
    reader, writer = os.pipe()
    try:
        with open(errors, "ab", opener=_private) as log:
            subprocess.Popen(
                [sys.executable, *flags, "-m", module, *arguments, str(writer)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd="/",
                start_new_session=True,
                pass_fds=(writer,),
            )
    except OSError:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    return Beginning(reader)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
