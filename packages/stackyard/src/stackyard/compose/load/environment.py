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
    services = [
        _with_environment(service, context, discard=discard)
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


def _with_environment(service: Service, context: Context, *, discard: bool) -> Service:
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
            values.update(_read(env_file, context, values))
        except LoadError as error:
            problem = error.problems[0]
            context.report(problem.message, path, hint=problem.hint)
    values.update(own)
    return dataclasses.replace(
        service,
        environment=FrozenDict(values),
        env_file=() if discard else service.env_file,
    )


def _read(
    env_file: EnvFile, context: Context, earlier: Mapping[str, str | None]
) -> Mapping[str, str]:
    if env_file.format not in {"", "raw"}:
        raise LoadError.of(
            f"unsupported env_file format {env_file.format!r}",
            hint="write raw, or none",
        )
    if not env_file.required and not os.path.exists(env_file.path):
        return {}
    if not os.path.exists(env_file.path):
        raise LoadError.of(
            f"env file {env_file.path} not found",
            hint="create it, or write it as {path: ..., required: false}",
        )
    text = context.sources.text(env_file.path)
    context.spend(text=len(text))

    def lookup(name: str) -> str | None:
        value = context.environment.get(name)
        return earlier.get(name) if value is None else value

    try:
        if env_file.format == "raw":
            return dotenv.parse_raw(text, lookup)
        return dotenv.parse(text, lookup)
    except InvalidValueError as error:
        raise LoadError.of(f"{env_file.path}: {error.message}") from error


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
