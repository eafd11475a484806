"""What can go wrong while Compose files are read, and how it is told.

    ComposeError
    ├── LoadError       the files are at fault: carries every Problem found
    └── SelectionError  the call is at fault: a service or profile that is not there

`InvalidValueError` never leaves the package: a grammar raises it for one value, and
the stage that knows the value's place in the document turns it into a Problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands in a document: mapping keys and sequence indexes."""


class InvalidValueError(ValueError):
    """One value does not follow its grammar.

    `message` is lower case, without a final period; `hint` says how to mend it.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Location:
    """A place in a file. `line` and `column` count from 1; 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Return `file:line:column`, as editors and terminals link it."""
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where it stands, what it is, how to mend it."""

    message: str
    path: Path = ()
    location: Location | None = None
    hint: str | None = None

    def __str__(self) -> str:
        """Return one line, and a second with the hint where there is one."""
        where = f"{self.location}: " if self.location else ""
        place = f"{format_path(self.path)}: " if self.path else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{where}{place}{self.message}{hint}"


class ComposeError(Exception):
    """The base of every error this package lets out."""


class LoadError(ComposeError):
    """The files do not describe a project; `problems` holds all that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def of(
        cls,
        message: str,
        path: Path = (),
        *,
        location: Location | None = None,
        hint: str | None = None,
    ) -> LoadError:
        """Return the error for a single problem."""
        return cls([Problem(message, path, location, hint)])


class SelectionError(ComposeError):
    """A service or profile was asked for that the project does not have."""


def format_path(path: Path) -> str:
    """Return `services.web.ports[0]` for `("services", "web", "ports", 0)`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text
