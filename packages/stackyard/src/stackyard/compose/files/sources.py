"""Every file read for one project: its text once, and where in it a value stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackyard.compose import limits
from stackyard.compose.errors import LoadError, Location, Path
from stackyard.compose.files.read import decode, read_text
from stackyard.compose.files.yaml_reader import Document, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from stackyard.compose.files.yaml_reader import Place

STDIN = "-"


class Sources:
    """Reads and remembers files.

    Places are only computed when a problem or an explanation needs them: a file that
    loads well is parsed once, without line numbers.
    """

    def __init__(self, *, stdin: Callable[[], bytes] | None = None) -> None:
        """Take a function that reads all of standard input, for the file "-"."""
        self._stdin = stdin
        self._texts: dict[str, str] = {}
        self._compose_files: dict[str, None] = {}
        self._lines: dict[str, list[dict[Path, Place]]] = {}
        self._loads = 0

    def text(self, path: str) -> str:
        """Return a file's text; "-" is standard input.

        Raises:
            LoadError: it cannot be read, or too many files were read before.
        """
        if path in self._texts:
            return self._texts[path]
        if len(self._texts) >= limits.FILES:
            raise LoadError.of(f"{path}: more than {limits.FILES} files in one project")
        text = self._read(path)
        self._texts[path] = text
        return text

    def documents(self, path: str) -> list[Document]:
        """Return the YAML documents of a Compose file, freshly built.

        Raises:
            LoadError: it cannot be read or parsed, or files were parsed too often:
                including two files twice each, over some levels, would never end.
        """
        self._loads += 1
        if self._loads > limits.FILES:
            raise LoadError.of(
                f"{path}: more than {limits.FILES:,} files included or extended"
            )
        self._compose_files[path] = None
        return parse(self.text(path), file=path)

    def locate(self, path: Path, file: str = "") -> Location | None:
        """Return where the value of `path`, or the nearest above it, stands.

        `file` is asked first; then the files read last.
        """
        names = [file] if file in self._compose_files else []
        names += [name for name in reversed(self._compose_files) if name != file]
        for length in range(len(path), 0, -1):
            for name in names:
                place = self.place(name, path[:length])
                if place is not None:
                    return Location(name, *place)
        return Location(names[0]) if names else None

    def place(self, file: str, path: Path) -> Place | None:
        """Return line and column of the last document of `file` that has `path`."""
        if file not in self._lines:
            documents = parse(self._texts[file], file=file, with_lines=True)
            self._lines[file] = [document.lines for document in documents]
        for lines in reversed(self._lines[file]):
            if path in lines:
                return lines[path]
        return None

    def _read(self, path: str) -> str:
        if path != STDIN:
            return read_text(path)
        if self._stdin is None:
            raise LoadError.of("standard input is not available here")
        data = self._stdin()
        if len(data) > limits.FILE_BYTES:
            size = limits.FILE_BYTES // (1024 * 1024)
            raise LoadError.of(f"standard input: larger than {size} MiB")
        return decode(data, "standard input")
