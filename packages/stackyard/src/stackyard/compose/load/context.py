"""What the stages share while one project is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

from stackyard.compose.errors import LoadError, Path, Problem
from stackyard.compose.load.paths import join

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.compose.files.sources import Sources
    from stackyard.compose.load.trace import Trace


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """Which stages run; the defaults are those of `docker compose config`."""

    interpolate: bool = True
    normalize: bool = True
    resolve_paths: bool = True
    resolve_environment: bool = True
    check_consistency: bool = True
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Context:
    """The surroundings of the file that is being read.

    Attributes:
        environment: the variables for interpolation and for keys without a value.
        base: the absolute directory that relative paths in the file are relative to.
        directory: the same, as the including file names it: relative to that file's
            own base, so that its paths are resolved step by step.
        sources: reads files, remembers them, and finds places in them.
        problems: everything wrong so far, shared by all files of the project.
        warnings: everything odd so far, in order, each once.
    """

    environment: Mapping[str, str]
    base: str
    directory: str
    sources: Sources
    options: LoadOptions
    file: str = ""
    problems: list[Problem] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)
    trace: Trace | None = None

    def report(self, message: str, path: Path = (), *, hint: str | None = None) -> None:
        """Add a problem; it is placed in the file read last that holds `path`.

        What a later stage says of a value that is refused already is left out.
        """
        if path and any(problem.path == path for problem in self.problems):
            return
        location = self.sources.locate(path, self.file)
        self.problems.append(Problem(message, path, location, hint))

    def absolute(self, path: str) -> str:
        """Return the absolute form of a path that the file names."""
        return join(self.base, path)

    def fail(
        self, message: str, path: Path = (), *, hint: str | None = None
    ) -> NoReturn:
        """Raise a problem after which nothing useful can be said, with those before.

        Raises:
            LoadError: always.
        """
        self.report(message, path, hint=hint)
        raise LoadError(self.problems)

    def warn(self, message: str) -> None:
        """Add a warning, unless it was given before."""
        self.warnings[message] = None

    def within(self, **changes: object) -> Context:
        """Return the context of another file of the same project."""
        return replace(self, **changes)  # type: ignore[arg-type]
