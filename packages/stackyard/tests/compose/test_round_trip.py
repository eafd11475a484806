"""What `yard config` prints describes the project it was printed from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from corpus import KNOWN_DIFFERENCES, Case, accepted_cases, lay_out
from support import Workspace

from stackyard.compose.errors import LoadError
from stackyard.compose.model.codec import Form
from stackyard.compose.model.project import project_to_document
from stackyard.compose.render.yaml import to_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stackyard.compose.model import Project

CASES = [
    case
    for case in accepted_cases()
    if case.args == ("config",) and case.id not in KNOWN_DIFFERENCES
]
SECTIONS = ("services", "networks", "volumes", "secrets", "configs", "models")
# What is printed is, byte for byte, what docker compose prints; these it cannot read
# back either, or reads as something else.
LOST = {
    "attributes/devices-colons-alone": "an empty target is left out, but required",
    "attributes/devices-empty": "an empty target is left out, but required",
    "attributes/devices-empty-parts": "an empty source is left out, but required",
    "attributes/ports-target-zero": "a target of 0 is left out, but required",
    "build/dockerfile-inline-empty": "an empty Dockerfile is left out, and implied",
    "deploy/devices-count-zero": "a count of 0 is left out, and means all",
    "yaml/floats-odd": "-0 is read as the integer 0",
    "attributes/extra-hosts-list": "addresses of a host are printed sorted",
    "attributes/memory-numbers": "memswap_limit -1 is printed as a text",
    "build/every-key": "ssh keys are printed as 'id: path'",
    "build/false-values": "a build that says nothing gets its defaults only now",
    "build/paths-of-windows": "ssh keys are printed as 'id: path'",
    "build/ssh-forms": "ssh keys are printed as 'id: path'",
    "build/ssh-map": "ssh keys are printed as 'id: path'",
    "build/ssh-path-of-windows": "ssh keys are printed as 'id: path'",
    "dotenv/empty-key": "a variable without a name, which only an env file may have",
    "environment/empty-name": "a variable without a name",
    "environment/interpolated-key-in-map": "dollars are doubled in keys too",
    "interpolation/keys-untouched": "dollars are doubled in keys too",
    "normalise/network-zeros": "a network that says nothing gets its name only now",
    "output/dollars": "dollars are doubled in keys too",
    "output/lines": "a text that begins with a tab in a literal block",
    "profiles/dependency-inactive-optional": "the dependency itself is not printed",
    "schema/model-zeros": "empty attributes are left out, but required",
    "schema/scalars-in-hooks": "empty attributes are left out, but required",
    "schema/ssh-scalars": "ssh keys are printed as 'id: path'",
    "schema/type-hook-null-command": "empty attributes are left out, but required",
    "yaml/floats": "-0 is read as the integer 0",
}


def printed(project: Project) -> str:
    return to_yaml(project_to_document(project, Form.YAML)).replace("$", "$$")


def again(workspace: Workspace, text: str, environment: Mapping[str, str]) -> Project:
    workspace.write("printed.yaml", text)
    directory = str(workspace.root)
    loaded = workspace.load(
        "printed.yaml", directory=directory, environment=environment
    )
    return loaded.project


def groups() -> list[list[Case]]:
    """The cases in fifty parts: a test for each would cost more than what it tests."""
    return [CASES[number::50] for number in range(50)]


@pytest.mark.parametrize("cases", groups(), ids=range(50))
def test_printing_and_loading_again_changes_nothing(
    cases: list[Case], tmp_path: Path
) -> None:
    for case in cases:
        if case.id in LOST:
            with pytest.raises((AssertionError, LoadError)):
                check(case, tmp_path / "case")
        else:
            check(case, tmp_path / "case")


def test_every_exception_names_a_case() -> None:
    assert LOST.keys() <= {case.id for case in CASES}


def check(case: Case, directory: Path) -> None:
    lay_out(case, directory)
    environment = {"HOME": "/root", "PATH": os.defpath, **case.environment}
    inner = Workspace(directory / case.cwd)
    first = inner.load(environment=environment).project

    second = again(inner, printed(first), environment)

    for section in SECTIONS:
        assert getattr(second, section) == getattr(first, section), case.id
    assert second.extensions == first.extensions, case.id
    assert printed(second) == printed(first), case.id
