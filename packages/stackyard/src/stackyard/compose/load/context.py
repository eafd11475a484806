"""What the stages share while one project is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

from stackyard.compose import limits
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
    check_container_names: bool = True
    profiles: tuple[str, ...] = ()


@dataclass
class Spent:
    """How much of the limits on a whole project is used up."""

    nodes: int = 0
    text: int = 0
    ports: int = 0


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
        spent: shared by all files of the project, too.
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
    spent: Spent = field(default_factory=Spent)

    def report(self, message: str, path: Path = (), *, hint: str | None = None) -> None:
        """Add a problem; it is placed in the file read last that holds `path`.

        What a later stage says of a value that is refused already is left out.

        Raises:
            LoadError: there are too many to go on.
        """
        if path and any(problem.path == path for problem in self.problems):
            return
        if len(self.problems) >= limits.PROBLEMS:
            rest = Problem(
                f"more than {limits.PROBLEMS:,} problems; these are the first"
            )
            raise LoadError([rest, *self.problems])
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

    def spend(
        self, path: Path = (), *, nodes: int = 0, text: int = 0, ports: int = 0
    ) -> None:
        """Count what a few lines can make much of.

        Raises:
            LoadError: a limit on the whole project is passed.
        """
        spent = self.spent
        spent.nodes += nodes
        spent.text += text
        spent.ports += ports
        if spent.nodes > limits.NODES:
            self.fail(f"more than {limits.NODES:,} values once bases are copied", path)
        if spent.text > limits.EXPANDED_BYTES:
            size = limits.EXPANDED_BYTES // (1024 * 1024)
            self.fail(f"more than {size} MiB of text once variables are expanded", path)
        if spent.ports > limits.PORTS:
            self.fail(f"more than {limits.PORTS:,} ports in ranges", path)

    def warn(self, message: str) -> None:
        """Add a warning, unless it was given before."""
        self.warnings[message] = None

    def within(self, **changes: object) -> Context:
        """Return the context of another file of the same project."""
        return replace(self, **changes)  # type: ignore[arg-type]
