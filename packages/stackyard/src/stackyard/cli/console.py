"""Output of containers on the terminal: a prefix for each, in its own colour."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO, Final

from stackyard.cli.words import without_project

if TYPE_CHECKING:
    from stackyard.engine.process.logview import Record
    from stackyard.engine.process.protocol import Shown

_COLOURS: Final = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_RESET: Final = b"\x1b[0m"


class Console:
    """Prints lines of output.

    Args:
        coloured: whether prefixes have colours.
        prefixed: whether there are prefixes.
        stamped: whether times are printed.
        split: whether what was written to stderr goes to stderr.
    """

    def __init__(
        self, *, coloured: bool, prefixed: bool, stamped: bool, split: bool = False
    ) -> None:
        self._coloured = coloured
        self._prefixed = prefixed
        self._stamped = stamped
        self._split = split
        self._width = 0
        self._names: dict[str, str] = {}
        self._prefixes: dict[str, bytes] = {}

    def add(self, shown: Shown, project: str) -> None:
        """Make room for a container's name; prefixes are as wide as the widest."""
        name = without_project(shown.container.name, project)
        self._names[shown.container.id] = name
        if len(name) > self._width:
            self._width = len(name)
            self._prefixes.clear()

    def names(self) -> list[str]:
        """Return the names that were added, in order."""
        return list(dict.fromkeys(self._names.values()))

    def name(self, shown: Shown) -> str:
        """Return a container's name as it is printed."""
        return self._names.get(shown.container.id, shown.container.name)

    def output(self, shown: Shown, record: Record) -> None:
        """Print a line of a container's output."""
        head = self._prefix(shown.container.id) if self._prefixed else b""
        if self._stamped:
            head += record.time + b" "
        stream = self._stream(record.stream)
        stream.write(b"%s%s\n" % (head, record.text))

    def event(self, shown: Shown, text: str) -> None:
        """Print what has happened to a container."""
        line = f"{self.name(shown)} {text}".encode()
        if self._coloured:
            line = self._colour(shown.container.id) + line + _RESET
        sys.stdout.buffer.write(line + b"\n")

    def flush(self) -> None:
        """Have everything printed now."""
        sys.stdout.buffer.flush()
        sys.stderr.buffer.flush()

    def _stream(self, name: bytes) -> BinaryIO:
        if self._split and name == b"stderr":
            sys.stdout.buffer.flush()
            return sys.stderr.buffer
        return sys.stdout.buffer

    def _prefix(self, identifier: str) -> bytes:
        if identifier not in self._prefixes:
            text = f"{self._names[identifier]:<{self._width + 1}} | ".encode()
            if self._coloured:
                text = self._colour(identifier) + text + _RESET
            self._prefixes[identifier] = text
        return self._prefixes[identifier]

    def _colour(self, identifier: str) -> bytes:
        place = list(self._names).index(identifier) % len(_COLOURS)
        return b"\x1b[%dm" % _COLOURS[place]
