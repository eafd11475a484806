"""From the text of a Compose file to native terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from support import Workspace

from stackyard.engine.errors import CompileError
from stackyard.engine.process.compile.machine import Machine
from stackyard.engine.process.compile.project import Native, compile_project
from stackyard.engine.process.spec import SCRATCH, SELF, ServiceSpec
from stackyard.engine.process.state import StateRoot

if TYPE_CHECKING:
    from pathlib import Path

    from stackyard.engine.process.state import ProjectState


@dataclass(frozen=True)
class Compiler:
    """A directory for Compose files, and a state root beside it."""

    root: Path

    @property
    def workspace(self) -> Workspace:
        path = self.root / "demo"
        path.mkdir(exist_ok=True)
        return Workspace(path)

    @property
    def state(self) -> ProjectState:
        return StateRoot(self.root / "state").project("demo")

    def native(self, text: str, **environment: str) -> Native:
        project = self.workspace.project(text, environment=environment)
        values = {"PATH": "/usr/bin:/bin", "HOME": "/home/me", **environment}
        machine = Machine(environment=values, state=self.state)
        return compile_project(project, machine)

    def service(self, attributes: str, **environment: str) -> ServiceSpec:
        """`web` of a project that has a service `db`, too."""
        text = _PROJECT.format(attributes=attributes.strip().replace("\n", "\n    "))
        return self.native(text, **environment).desired.services["web"]

    def refused(self, attributes: str, more: str = "", **environment: str) -> str:
        text = _PROJECT.format(attributes=attributes.strip().replace("\n", "\n    "))
        with pytest.raises(CompileError) as caught:
            self.native(text + more, **environment)
        return str(caught.value).replace(str(self.root), "")

    def shown(self, text: str) -> str:
        """A text with its tokens and directories readable."""
        return (
            text.replace(SELF, "<self>")
            .replace(SCRATCH, "<scratch>")
            .replace("\0service:", "<")
            .replace("\0", ">")
            .replace(str(self.root), "")
        )


_PROJECT = """
services:
  db:
    image: own/db
    command: db
    expose: ["5432"]
  web:
    image: own/web
    {attributes}
"""
