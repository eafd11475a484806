"""`include`: another project's files, with their own directory and environment.

Compose Specification, "include". What is included is loaded by itself, and its services
and resources are taken over unless this file declares something else by the same name.
"""

from __future__ import annotations

import os.path
import posixpath
from typing import TYPE_CHECKING, Any, Final, Protocol

from stackyard.compose import limits
from stackyard.compose.errors import InvalidValueError, LoadError
from stackyard.compose.grammar import dotenv
from stackyard.compose.grammar.scalar import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.compose.errors import Path
    from stackyard.compose.load.context import Context

_KINDS: Final = ("services", "volumes", "networks", "secrets", "configs", "models")


class LoadFiles(Protocol):
    """Loads the files of an included project."""

    def __call__(
        self, files: tuple[str, ...], context: Context, trail: tuple[str, ...]
    ) -> dict[str, Any]:
        """Return their merged document, its paths relative to the including file.

        `trail` are the files that include each other, down to the including one.
        """


class Includer:
    """Applies `include` to one file."""

    def __init__(
        self, context: Context, trail: tuple[str, ...], load_files: LoadFiles
    ) -> None:
        self._context = context
        self._trail = trail
        self._load_files = load_files

    def apply(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return the document with what it includes; changed in place."""
        if "include" not in document:
            return document
        entries = document.pop("include")
        if entries is None:
            return document
        if not isinstance(entries, list):
            self._context.fail("include must be a list", ("include",))
        for index, entry in enumerate(entries):
            included = self._included(entry, ("include", index))
            self._take(included, document)
        return document

    def _included(self, entry: Any, path: Path) -> dict[str, Any]:
        if isinstance(entry, str):
            entry = {"path": entry}
        if entry is None:
            return {}
        if not isinstance(entry, dict):
            self._context.fail("expected a path or a mapping", path)
        files = self._files(entry, path)
        if not files:
            return {}
        directory = self._directory(entry, path) or posixpath.dirname(files[0])
        base = self._context.absolute(directory)
        if not os.path.isdir(base):
            directory = posixpath.dirname(directory)
        environment = self._environment(entry, base, path)
        context = self._context.within(
            directory=directory, base=base, environment=environment
        )
        absolute = tuple(self._context.absolute(file) for file in files)
        return self._load_files(absolute, context, self._trail)

    def _files(self, entry: dict[str, Any], path: Path) -> tuple[str, ...]:
        names = self._texts(entry, "path", path)
        if not names:
            return ()
        first = self._context.absolute(names[0])
        if first in self._trail:
            chain = "\n  includes ".join((*self._trail, first))
            self._context.fail(f"include cycle detected:\n  {chain}", path)
        if len(self._trail) >= limits.CHAIN:
            self._context.fail(f"more than {limits.CHAIN} files include another", path)
        return tuple(names)

    def _directory(self, entry: dict[str, Any], path: Path) -> str:
        value = entry.get("project_directory")
        if value is not None and type(value) not in (str, int):
            self._context.fail("expected a path", (*path, "project_directory"))
        return text_of(value)

    def _texts(self, entry: dict[str, Any], key: str, path: Path) -> list[str]:
        value = entry.get(key)
        if value is None:
            return []
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in items):
            self._context.fail("expected a path or a list of paths", (*path, key))
        return items

    def _environment(
        self, entry: dict[str, Any], directory: str, path: Path
    ) -> Mapping[str, str]:
        files = self._texts(entry, "env_file", path)
        if not files:
            default = posixpath.join(directory, ".env")
            files = [default] if os.path.isfile(default) else []
        else:
            # The null device stands for: no file at all.
            files = [self._context.absolute(f) for f in files if f != os.devnull]
        values: dict[str, str] = {}
        outer = self._context.environment

        def lookup(name: str) -> str | None:
            value = outer.get(name)
            return values.get(name) if value is None else value

        for file in files:
            try:
                text = self._context.sources.text(file)
                values.update(dotenv.parse(text, lookup))
            except InvalidValueError as error:
                self._context.fail(f"{file}: {error.message}", path)
            except LoadError as error:
                self._context.fail(error.problems[0].message, path)
        return {**values, **outer}

    def _take(self, included: dict[str, Any], document: dict[str, Any]) -> None:
        for kind in _KINDS:
            resources = included.get(kind)
            if not isinstance(resources, dict):
                continue
            own = document.setdefault(kind, {})
            if not isinstance(own, dict):
                continue
            for name, resource in resources.items():
                if name not in own:
                    own[name] = resource
                elif own[name] != resource:
                    self._context.fail(
                        f"{kind}.{name} conflicts with imported resource", (kind, name)
                    )
