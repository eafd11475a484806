"""`extends`: a service on top of another, of the same file or a second one.

Compose Specification, "extends". The base of another file is brought into canonical
form, its paths relative to this file, before this service is merged over it.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from stackyard.compose import limits
from stackyard.compose.load.merge import MergeError, merge_service
from stackyard.compose.load.paths import resolve_paths
from stackyard.compose.load.reset import apply_resets

if TYPE_CHECKING:
    from stackyard.compose.errors import Path
    from stackyard.compose.load.context import Context

    Services = dict[str, Any]


class LoadBase(Protocol):
    """Reads a second file as far as `extends` needs it."""

    def __call__(self, file: str, context: Context) -> tuple[Any, tuple[Path, ...]]:
        """Return its canonical document, and where `!reset` stood."""


@dataclass(frozen=True)
class _Step:
    """Where a base is looked for: the services of a file, and how they were reached.

    `trail` are the (file, service) pairs on the way here, `resets` the places where
    `!reset` stood in the files on it.
    """

    services: dict[str, Any]
    file: str
    trail: tuple[tuple[str, str], ...]
    resets: tuple[tuple[Path, ...], ...]


class Extender:
    """Applies `extends` to the services of one file."""

    def __init__(
        self, context: Context, resets: tuple[Path, ...], load_base: LoadBase
    ) -> None:
        self._context = context
        self._resets = resets
        self._load_base = load_base

    def apply(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return the document with every service extended; changed in place."""
        services = document.get("services")
        if services is None and "services" not in document:
            return document
        if not isinstance(services, dict):
            self._context.fail("services must be a mapping", ("services",))
        for name in list(services):
            step = _Step(services, self._context.file, (), (self._resets,))
            services[name] = self._extended(name, step)
        return document

    def _extended(self, name: str, step: _Step) -> Any:
        service = step.services[name]
        if service is None:
            return None
        path = ("services", name)
        if not isinstance(service, dict):
            self._context.fail("expected a mapping", path)
        if "extends" not in service:
            return service
        target, base_file = self._reference(service["extends"], (*path, "extends"))
        inner = self._base(name, target, base_file, step)
        if self._context.trace is not None:
            self._context.trace.extends(step.file, name, inner.file, target)
        base = self._extended(target, inner)
        if base is None:
            return service
        merged = self._merged(name, self._copy(base), service, inner.resets)
        step.services[name] = merged
        return merged

    def _copy(self, value: Any) -> Any:
        """Copy a base, counted: thousands of services may extend a large one."""
        if isinstance(value, dict):
            self._context.spend(nodes=len(value) + 1)
            return {key: self._copy(item) for key, item in value.items()}
        if isinstance(value, list):
            self._context.spend(nodes=len(value) + 1)
            return [self._copy(item) for item in value]
        return value

    def _base(self, name: str, target: str, file: str | None, step: _Step) -> _Step:
        """Return where the base of a service is looked for."""
        if file is not None:
            services, resets = self._from_file(file, target, name)
            absolute = self._context.absolute(file)
            step = _Step(services, absolute, step.trail, (*step.resets, resets))
        elif target not in step.services:
            self._context.fail(
                f"cannot extend service {name!r}: service {target!r} not found",
                ("services", name, "extends"),
            )
        link = (step.file, name)
        self._check_trail(link, step.trail)
        return replace(step, trail=(*step.trail, link))

    def _check_trail(
        self, link: tuple[str, str], trail: tuple[tuple[str, str], ...]
    ) -> None:
        path = ("services", link[1], "extends")
        if link in trail:
            names = " -> ".join(service for _, service in (*trail, link))
            self._context.fail(f"circular reference: {names}", path)
        if len(trail) >= limits.CHAIN:
            self._context.fail(
                f"more than {limits.CHAIN} services extend another", path
            )

    def _merged(
        self,
        name: str,
        base: dict[str, Any],
        service: dict[str, Any],
        resets: tuple[tuple[Path, ...], ...],
    ) -> Any:
        wrapped = {"services": {name: base}}
        for paths in resets:
            apply_resets(wrapped, paths)
        try:
            merged = merge_service(base, service, name)
        except MergeError as error:
            self._context.report(error.message, error.path, hint=error.hint)
            return service
        merged.pop("extends", None)
        return merged

    def _reference(self, value: Any, path: Path) -> tuple[str, str | None]:
        if isinstance(value, str):
            return value, None
        service = value.get("service") if isinstance(value, dict) else None
        if not isinstance(service, str):
            self._context.fail("extends needs the name of a service", path)
        file = value.get("file")
        if file is not None and not isinstance(file, str):
            self._context.fail("extends.file must be a path", path)
        return service, file

    def _from_file(
        self, file: str, target: str, name: str
    ) -> tuple[Services, tuple[Path, ...]]:
        path = ("services", name, "extends")
        absolute = self._context.absolute(file)
        relative = posixpath.dirname(file)
        context = self._context.within(file=absolute, base=posixpath.dirname(absolute))
        document, resets = self._load_base(absolute, context)
        services = document.get("services")
        if not isinstance(services, dict):
            self._context.fail(
                f"cannot extend service {name!r}: no services in {file}", path
            )
        if target not in services:
            self._context.fail(
                f"cannot extend service {name!r}: "
                f"service {target!r} not found in {file}",
                path,
            )
        resolve_paths(document, relative, self._context.environment)
        return services, resets
