"""Progress of a command: drawn on a terminal, plain or JSON lines elsewhere."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackyard.engine.process.protocol import Message

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_COLOURS = {"Done": "green", "Error": "red", "Warning": "yellow", "Working": "blue"}
_MARKS = {"Done": "✔", "Error": "✘", "Warning": "!"}


class Progress:
    """Shows messages of the supervisor on standard error, as Compose does."""

    def __init__(self, mode: str, *, dry_run: bool = False) -> None:
        if mode == "auto":
            mode = "tty" if sys.stderr.isatty() else "plain"
        self._mode = mode
        self._dry_run = dry_run
        self._steps: dict[str, tuple[str, str, float]] = {}
        self._began: dict[str, float] = {}
        self._drawn = 0
        self.failed = False

    def follow(self, messages: Iterable[Message]) -> list[Message]:
        """Show messages until there are no more; return those that are results."""
        results = []
        for message in messages:
            if message.id:
                self._step(message)
            elif message.warning:
                self._line(f"warning: {message.warning}")
            elif message.error is not None:
                self.failed = True
                self._line(f"error: {message.error.message}")
                if message.error.hint:
                    self._line(f"  hint: {message.error.hint}")
            else:
                results.append(message)
        return results

    def interrupted(self) -> None:
        """Draw anew below: something else is being printed."""
        self._drawn = 0

    def freeze(self) -> None:
        """Leave on the terminal what was drawn: other output follows, and no more.

        What fails is still told, and elsewhere than on a terminal every step.
        """
        if self._mode == "tty":
            self._mode = "quiet"

    def _step(self, message: Message) -> None:
        now = time.monotonic()
        began = self._began.setdefault(message.id, now)
        spent = 0.0 if message.status == "Working" else now - began
        self._steps[message.id] = (message.status, message.text, spent)
        if self._mode == "json":
            self._json(message)
        elif self._mode == "plain":
            click.echo(f" {message.id} {message.text} ", err=True)
        elif self._mode == "tty":
            self._draw()

    def _json(self, message: Message) -> None:
        value = {"id": message.id, "status": message.status, "text": message.text}
        if self._dry_run:
            value = {"dry-run": "true", **value}
        click.echo(json.dumps(value, separators=(",", ":")), err=True)

    def _line(self, text: str) -> None:
        if self._mode == "json":
            click.echo(json.dumps({"error": text}), err=True)
            return
        click.echo(text, err=True)
        self._drawn = 0

    def _draw(self) -> None:
        done = sum(status != "Working" for status, _, _ in self._steps.values())
        lines = [f"[+] Running {done}/{len(self._steps)}"]
        width = max(map(len, self._steps)) + 2
        columns, rows = _terminal()
        frame = _SPINNER[int(time.monotonic() * 10) % len(_SPINNER)]
        for name, (status, text, spent) in self._steps.items():
            mark = _MARKS.get(status, frame)
            shown = click.style(f"{text:<12}", fg=_COLOURS.get(status))
            mark = click.style(mark, fg=_COLOURS.get(status))
            label = name if len(name) < columns - 30 else name[: columns - 31] + "…"
            lines.append(f" {mark} {label:<{width}}{shown}{spent:>8.1f}s")
        if len(lines) > rows - 1:
            lines = [lines[0], *lines[len(lines) - rows + 2 :]]
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        text = "".join(f"\x1b[2K{line}\n" for line in lines)
        click.echo(up + text, err=True, nl=False, color=True)
        self._drawn = len(lines)


def _terminal() -> tuple[int, int]:
    import shutil

    size = shutil.get_terminal_size()
    return size.columns, size.lines
