"""A directory with Compose files, and what the loader makes of them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from stackyard.compose.errors import LoadError, Problem
from stackyard.compose.files.sources import Sources
from stackyard.compose.files.yaml_reader import parse
from stackyard.compose.load.context import Context, LoadOptions
from stackyard.compose.loader import Loaded, load
from stackyard.compose.model.codec import Form
from stackyard.compose.model.project import project_to_document
from stackyard.compose.render.yaml import to_yaml
from stackyard.compose.request import Request, Settings, request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stackyard.compose.model import Project, Service


def value(text: str) -> Any:
    """The value of a YAML text, as the loader reads it."""
    (document,) = parse(dedent(text), file="text")
    return document.value


@dataclass(frozen=True)
class Workspace:
    """A directory of its own; a project without a name there is called `demo`."""

    root: Path

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = text if isinstance(text, bytes) else dedent(text).encode()
        path.write_bytes(data)
        return path

    def layers(self, *texts: str) -> tuple[str, ...]:
        """Write `1.yaml`, `2.yaml`, ... and return their names."""
        names = tuple(f"{number}.yaml" for number, _ in enumerate(texts, 1))
        for name, text in zip(names, texts, strict=True):
            self.write(name, text)
        return names

    def request(
        self,
        *files: str,
        options: LoadOptions | None = None,
        stdin: bytes = b"",
        **settings: Any,
    ) -> tuple[Request, Sources]:
        sources = Sources(stdin=lambda: stdin)
        settings.setdefault("environment", {})
        wanted = Settings(working_directory=str(self.root), files=files, **settings)
        return request(wanted, sources, options), sources

    def load(self, *files: str, **settings: Any) -> Loaded:
        return load(*self.request(*files, **settings))

    def project(self, text: str, **settings: Any) -> Project:
        """The project of one file with this text."""
        self.write("compose.yaml", text)
        return self.load(**settings).project

    def service(self, attributes: str, **settings: Any) -> Service:
        """The service `web` with these attributes, and an image."""
        body = dedent(attributes).strip().replace("\n", "\n    ")
        text = f"services:\n  web:\n    image: nginx\n    {body}\n"
        return self.project(text, **settings).services["web"]

    def document(self, *files: str, **settings: Any) -> dict[str, Any]:
        """The canonical document, without what every project has."""
        return project_to_document(self.load(*files, **settings).project, Form.YAML)

    def merged(self, *texts: str, **settings: Any) -> dict[str, Any]:
        """The service `web` of several files over each other, as it is printed."""
        web = self.document(*self.layers(*texts), **settings)["services"]["web"]
        return {key: item for key, item in web.items() if key != "networks"}

    def printed(self, *files: str, **settings: Any) -> str:
        """What `yard config` prints."""
        return to_yaml(self.document(*files, **settings)).replace("$", "$$")

    def problems(self, *files: str, **settings: Any) -> tuple[Problem, ...]:
        with pytest.raises(LoadError) as caught:
            self.load(*files, **settings)
        return caught.value.problems

    def refused(self, text: str, **settings: Any) -> list[str]:
        """What is told of one file with this text, a line and its hint each."""
        self.write("compose.yaml", text)
        return [self.told(problem) for problem in self.problems(**settings)]

    def told(self, problem: object) -> str:
        return str(problem).replace(f"{self.root}{os.sep}", "")

    def context(
        self, environment: Mapping[str, str] | None = None, **options: Any
    ) -> Context:
        """The surroundings of a stage that is called by itself."""
        return Context(
            environment=environment or {},
            base=str(self.root),
            directory=str(self.root),
            sources=Sources(),
            options=LoadOptions(**options),
        )
