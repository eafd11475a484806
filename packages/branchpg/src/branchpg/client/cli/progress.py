"""What is being done, on standard error."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Steps", "working"]

_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_QUIET_SECONDS: Final = 0.4
_FRAME_SECONDS: Final = 0.1
_ERASE: Final = "\r\x1b[2K"
_DONE: Final = frozenset({"ready", "stopped"})
_FAILED: Final = frozenset({"failed", "killed"})


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Show that something is done, if it takes longer than one notices."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_turn, args=(what, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _turn(what: str, done: threading.Event) -> None:
    began = time.monotonic()
    if done.wait(_QUIET_SECONDS):
        return
    frame = 0
    while not done.wait(_FRAME_SECONDS):
        sign = _SPINNER[frame % len(_SPINNER)]
        spent = time.monotonic() - began
        click.echo(f"{_ERASE}{sign} {what} {spent:.1f}s", err=True, nl=False)
        frame += 1
    click.echo(_ERASE, err=True, nl=False, color=True)


class Steps:
    """Services that start and stop, a line for each."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._is_terminal = sys.stderr.isatty()

    def tell(self, name: str, state: str) -> None:
        """Show how a service is."""
        label = name.replace("_", " ")
        if state in {"starting", "stopping"}:
            self._began[name] = time.monotonic()
            if self._is_terminal:
                click.echo(f"  {label:<14}{state}", err=True, nl=False)
            return
        spent = ""
        if name in self._began:
            spent = f"{time.monotonic() - self._began[name]:>7.1f}s"
        mark = click.style("✔", fg="green") if state in _DONE else "·"
        if state in _FAILED:
            mark = click.style("✘", fg="red")
        start = _ERASE if self._is_terminal and spent else ""
        click.echo(f"{start}{mark} {label:<14}{state:<13}{spent}".rstrip(), err=True)
