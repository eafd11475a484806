"""Files named by a service -> its environment and labels."""

from __future__ import annotations

import dataclasses
import os.path
import posixpath
from typing import TYPE_CHECKING

from stackyard.compose.errors import InvalidValueError, LoadError
from stackyard.compose.grammar import dotenv
from stackyard.compose.model.frozen import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.compose.load.context import Context
    from stackyard.compose.model import Project, Service
    from stackyard.compose.model.parts import EnvFile


def resolve_environment(
    project: Project, context: Context, *, discard: bool = True
) -> Project:
    """Return the project with every service's env files in its environment.

    A key without a value takes the project's; one that has none there stays unset.
    """
    reader = _EnvFiles(context)
    services = [
        _with_environment(service, context, reader, discard=discard)
        for service in project.services.values()
    ]
    return project.with_services(services, project.disabled_services.values())


def resolve_labels(project: Project, context: Context) -> Project:
    """Return the project with every service's label files in its labels."""
    services = [
        _with_labels(service, context) if service.label_file else service
        for service in project.services.values()
    ]
    return project.with_services(services, project.disabled_services.values())


def _with_environment(
    service: Service, context: Context, reader: _EnvFiles, *, discard: bool
) -> Service:
    if not service.env_file and None not in service.environment.values():
        return service
    own = {
        key: context.environment.get(key) if value is None else value
        for key, value in service.environment.items()
    }
    # An env file may refer to the service's own variables, and to earlier files.
    values: dict[str, str | None] = dict(own)
    for index, env_file in enumerate(service.env_file):
        path = ("services", service.name, "env_file", index)
        try:
            values.update(reader.read(env_file, values))
        except _EnvFileError as error:
            context.report(error.message, path, hint=error.hint)
    values.update(own)
    return dataclasses.replace(
        service,
        environment=FrozenDict(values),
        env_file=() if discard else service.env_file,
    )


class _EnvFileError(InvalidValueError):
    """An env file of a service cannot be used."""


class _EnvFiles:
    """Reads env files; one that refers to nothing outside itself is parsed once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._parsed: dict[tuple[str, str], Mapping[str, str]] = {}

    def read(
        self, env_file: EnvFile, earlier: Mapping[str, str | None]
    ) -> Mapping[str, str]:
        """Return the variables of a file, `earlier` being known to it."""
        key = (env_file.path, env_file.format)
        values = self._parsed.get(key)
        if values is None:
            text = self._text(env_file)
            values = {} if text is None else self._parse(text, key, earlier)
        self._context.spend(nodes=len(values))
        return values

    def _text(self, env_file: EnvFile) -> str | None:
        path = env_file.path
        if env_file.format not in {"", "raw"}:
            raise _EnvFileError(
                f"unsupported env_file format {env_file.format!r}",
                hint="write raw, or none",
            )
        if not os.path.exists(path):
            if not env_file.required:
                return None
            raise _EnvFileError(
                f"env file {path} not found",
                hint="create it, or write it as {path: ..., required: false}",
            )
        try:
            return self._context.sources.text(path)
        except LoadError as error:
            problem = error.problems[0]
            raise _EnvFileError(problem.message, hint=problem.hint) from error

    def _parse(
        self, text: str, key: tuple[str, str], earlier: Mapping[str, str | None]
    ) -> Mapping[str, str]:
        path, form = key
        asked = False

        def lookup(name: str) -> str | None:
            nonlocal asked
            asked = True
            value = self._context.environment.get(name)
            return earlier.get(name) if value is None else value

        parse = dotenv.parse_raw if form == "raw" else dotenv.parse
        try:
            values = parse(text, lookup)
        except InvalidValueError as error:
            raise _EnvFileError(f"{path}: {error.message}", hint=error.hint) from error
        if asked:
            self._context.spend(text=len(text))
        else:
            self._parsed[key] = values
        return values


def _with_labels(service: Service, context: Context) -> Service:
    labels: dict[str, str] = {}

    def lookup(name: str) -> str | None:
        value = context.environment.get(name)
        return labels.get(name) if value is None else value

    for index, name in enumerate(service.label_file):
        path = ("services", service.name, "label_file", index)
        try:
            text = context.sources.text(name)
            context.spend(path, text=len(text))
            labels.update(dotenv.parse(text, lookup))
        except LoadError as error:
            context.report(error.problems[0].message, path)
        except InvalidValueError as error:
            context.report(f"{posixpath.basename(name)}: {error.message}", path)
    labels.update(service.labels)
    return dataclasses.replace(service, labels=FrozenDict(labels), label_file=())
