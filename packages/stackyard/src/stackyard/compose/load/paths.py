"""Relative paths -> absolute ones, or relative to where another file stands."""

from __future__ import annotations

import os.path
import posixpath
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Resolver = Callable[[Any], Any]

_REMOTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|git@|github\.com/")
_NOT_A_PATH: Final = ("git@", "github.com/", "service:")
_WINDOWS: Final = re.compile(r"[A-Za-z0-9]:[\\/]|\\\\")


def resolve_paths(
    document: dict[str, Any], directory: str, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return the document with its paths below `directory`; it is changed in place.

    `~` is the HOME of `environment`. Where `directory` is itself relative, so are the
    results: they are resolved again by the file that includes or extends this one.
    """
    resolver = _Paths(directory, environment.get("HOME", ""))
    for service in _mappings(document.get("services")):
        resolver.service(service)
    for kind in ("configs", "secrets"):
        for resource in _mappings(document.get(kind)):
            resolver.at(resource, "file", resolver.path)
    for volume in _mappings(document.get("volumes")):
        resolver.volume(volume)
    for include in _mappings(document.get("include")):
        resolver.at(include, "path", resolver.paths)
    return document


def join(directory: str, path: str) -> str:
    """Return `path` below `directory`, in its shortest form."""
    if posixpath.isabs(path):
        return path
    joined = posixpath.join(directory, path) if directory else path
    return posixpath.normpath(joined)


def _mappings(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, (dict, list)):
        return []
    items = value.values() if isinstance(value, dict) else value
    return [item for item in items if isinstance(item, dict)]


class _Paths:
    def __init__(self, directory: str, home: str) -> None:
        self._directory = directory
        self._home = home

    def at(self, mapping: dict[str, Any], key: str, resolver: Resolver) -> None:
        if key in mapping:
            mapping[key] = resolver(mapping[key])

    def service(self, service: dict[str, Any]) -> None:
        build = service.get("build")
        if isinstance(build, dict):
            self._build(build)
        for env_file in _mappings(service.get("env_file")):
            self.at(env_file, "path", self.path)
        self.at(service, "label_file", self.paths)
        extends = service.get("extends")
        if isinstance(extends, dict):
            self.at(extends, "file", self._extends)
        develop = service.get("develop")
        if isinstance(develop, dict):
            for watch in _mappings(develop.get("watch")):
                self.at(watch, "path", self._real_path)
        for mount in _mappings(service.get("volumes")):
            if mount.get("type") == "bind":
                self.at(mount, "source", self._bind)

    def volume(self, volume: dict[str, Any]) -> None:
        """Resolve the device of a local volume that is a bind mount in disguise."""
        options = volume.get("driver_opts")
        if volume.get("driver") != "local" or not isinstance(options, dict):
            return
        if options.get("o") == "bind" and isinstance(options.get("device"), str):
            options["device"] = self._bind(options["device"])

    def path(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        value = self._expanded(value)
        return join(self._directory, value)

    def paths(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.path(item) for item in value]
        return self.path(value)

    def _build(self, build: dict[str, Any]) -> None:
        self.at(build, "context", self._context)
        contexts = build.get("additional_contexts")
        if isinstance(contexts, dict):
            for name, value in contexts.items():
                contexts[name] = self._context(value)
        keys = build.get("ssh")
        if isinstance(keys, dict):
            for name, value in keys.items():
                keys[name] = self._bind(value)

    def _context(self, value: Any) -> Any:
        """Builders know schemes of their own, so whatever holds `://` is no path."""
        if not value or not isinstance(value, str):
            return value
        if "://" in value or value.startswith(_NOT_A_PATH):
            return value
        return self.path(value)

    def _extends(self, value: Any) -> Any:
        if not value or (isinstance(value, str) and _REMOTE.match(value)):
            return value
        return self.path(value)

    def _bind(self, value: Any) -> Any:
        if not isinstance(value, str) or _WINDOWS.match(value):
            return value
        return self.path(value)

    def _real_path(self, value: Any) -> Any:
        """Watched paths are followed through symbolic links, where they exist."""
        path = self.path(value)
        if isinstance(path, str) and os.path.lexists(path):
            return os.path.realpath(path)
        return path

    def _expanded(self, value: str) -> str:
        if value.startswith("~"):
            return posixpath.normpath(posixpath.join(self._home, value[1:].lstrip("/")))
        return value
