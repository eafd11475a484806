"""Nothing in a loaded project can be changed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from stackyard.compose.model import Project
from stackyard.compose.model.codec import Model
from stackyard.compose.model.frozen import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import Workspace

MODELS = [model for model in Model.__subclasses__() if "stackyard" in model.__module__]


def test_models_are_found() -> None:
    assert Project in MODELS
    assert len(MODELS) > 30


@pytest.mark.parametrize("model", MODELS)
def test_no_field_can_be_set(model: type[Model]) -> None:
    instance = model()

    for field in dataclasses.fields(model):  # type: ignore[arg-type]
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(instance, field.name, None)
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(instance, field.name)


@pytest.mark.parametrize("model", MODELS)
def test_no_default_can_be_changed(model: type[Model]) -> None:
    for found in parts(model()):
        assert not isinstance(found, list)
        assert not isinstance(found, dict) or isinstance(found, FrozenDict)


def test_no_part_of_a_project_can_be_changed(workspace: Workspace) -> None:
    project = workspace.project(
        """\
        services:
          web:
            image: a
            build: {context: ., args: [A=1], ssh: [default], additional_contexts: [b=.]}
            command: [a, b]
            environment: {A: 1}
            extra_hosts: [a=1.1.1.1]
            ports: ["80"]
            volumes: [data:/data]
            logging: {driver: x, options: {a: b}}
            deploy: {labels: [a=b], resources: {limits: {cpus: 1}}}
            networks: {default: {aliases: [a]}}
            healthcheck: {test: [CMD, a]}
            ulimits: {nofile: {soft: 1, hard: 2}}
        volumes: {data: {driver_opts: {a: b}}}
        networks: {default: {ipam: {config: [{subnet: 10.0.0.0/8}]}}}
        """
    )

    for found in parts(project):
        assert not isinstance(found, (list, set))
        assert not isinstance(found, dict) or isinstance(found, FrozenDict)


def parts(value: Any) -> Iterator[Any]:
    """The value and everything in it, but what users' extensions hold."""
    yield value
    if isinstance(value, Model):
        for field in dataclasses.fields(value):  # type: ignore[arg-type]
            if field.name != "extensions":
                yield from parts(getattr(value, field.name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from parts(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from parts(item)
