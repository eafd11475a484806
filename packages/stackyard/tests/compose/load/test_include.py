"""Another project's files, with their own directory and environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support import Workspace

DB = "services: {db: {image: 'postgres:${TAG:-none}', volumes: [./data:/data]}}"


def test_its_services_and_resources_are_taken_over(workspace: Workspace) -> None:
    workspace.write(
        "sub/db.yaml",
        """\
        services: {db: {image: postgres}}
        networks: {back: }
        volumes: {data: }
        secrets: {key: {file: key}}
        configs: {rc: {content: a}}
        models: {llm: {model: ai/small}}
        """,
    )

    project = workspace.project("include: [sub/db.yaml]\nservices: {web: {image: a}}")

    assert project.services.keys() == {"web", "db"}
    assert "back" in project.networks
    assert "data" in project.volumes
    assert project.secrets["key"].file == str(workspace.root / "sub/key")
    assert "rc" in project.configs
    assert "llm" in project.models


def test_a_service_may_need_one_of_an_included_file(workspace: Workspace) -> None:
    workspace.write("db.yaml", "services: {db: {image: postgres}}")

    project = workspace.project(
        "include: [db.yaml]\nservices: {web: {image: a, depends_on: [db]}}"
    )

    assert "db" in project.services["web"].depends_on


class TestPaths:
    def source(self, workspace: Workspace, include: str) -> str:
        workspace.write("sub/db.yaml", DB)
        project = workspace.project(f"include: [{include}]\nservices: {{}}")
        source = project.services["db"].volumes[0].source
        return source.removeprefix(f"{workspace.root}/")

    def test_are_relative_to_the_included_file(self, workspace: Workspace) -> None:
        assert self.source(workspace, "sub/db.yaml") == "sub/data"

    def test_are_relative_to_a_directory_that_is_named(
        self, workspace: Workspace
    ) -> None:
        (workspace.root / "other").mkdir()
        include = "{path: sub/db.yaml, project_directory: other}"

        assert self.source(workspace, include) == "other/data"

    def test_of_a_file_included_by_an_included_one(self, workspace: Workspace) -> None:
        workspace.write("sub/middle.yaml", "include: [deep/db.yaml]\nservices: {}")
        workspace.write("sub/deep/db.yaml", DB)

        assert self.source(workspace, "sub/middle.yaml") == "sub/deep/data"


class TestEnvironment:
    def image(
        self, workspace: Workspace, include: str = "sub/db.yaml", **outer: str
    ) -> str:
        workspace.write("sub/db.yaml", DB)
        text = f"include: [{include}]\nservices: {{}}"
        return workspace.project(text, environment=outer).services["db"].image

    def test_is_that_of_the_including_file(self, workspace: Workspace) -> None:
        assert self.image(workspace, TAG="outer") == "postgres:outer"

    def test_has_the_env_file_beside_it(self, workspace: Workspace) -> None:
        workspace.write("sub/.env", "TAG=inner\n")

        assert self.image(workspace) == "postgres:inner"

    def test_outside_is_stronger(self, workspace: Workspace) -> None:
        workspace.write("sub/.env", "TAG=inner\n")

        assert self.image(workspace, TAG="outer") == "postgres:outer"

    def test_has_named_files_instead(self, workspace: Workspace) -> None:
        workspace.write("sub/.env", "TAG=inner\n")
        workspace.write("a.env", "TAG=a\n")
        workspace.write("b.env", "TAG=$TAG-b\n")
        include = "{path: sub/db.yaml, env_file: [a.env, b.env]}"

        assert self.image(workspace, include) == "postgres:a-b"

    def test_may_be_none(self, workspace: Workspace) -> None:
        workspace.write("sub/.env", "TAG=inner\n")
        include = "{path: sub/db.yaml, env_file: /dev/null}"

        assert self.image(workspace, include) == "postgres:none"

    def test_does_not_reach_the_including_file(self, workspace: Workspace) -> None:
        workspace.write("sub/.env", "TAG=inner\n")
        workspace.write("sub/db.yaml", DB)

        project = workspace.project(
            "include: [sub/db.yaml]\nservices: {web: {image: 'a:${TAG:-none}'}}"
        )

        assert project.services["web"].image == "a:none"


def test_several_files_are_merged_first(workspace: Workspace) -> None:
    workspace.write("sub/a.yaml", "services: {db: {image: a, user: me}}")
    workspace.write("sub/b.yaml", "services: {db: {image: b}}")

    project = workspace.project(
        "include: [{path: [sub/a.yaml, sub/b.yaml]}]\nservices: {}"
    )

    assert project.services["db"].image == "b"
    assert project.services["db"].user == "me"


def test_the_same_service_may_come_twice(workspace: Workspace) -> None:
    workspace.write("a.yaml", "include: [c.yaml]")
    workspace.write("b.yaml", "include: [c.yaml]")
    workspace.write("c.yaml", "services: {c: {image: c}}")

    project = workspace.project("include: [a.yaml, b.yaml]")

    assert project.services.keys() == {"c"}


def test_a_second_file_may_change_what_was_included(workspace: Workspace) -> None:
    workspace.write("sub/db.yaml", DB)
    files = workspace.layers(
        "include: [sub/db.yaml]\nservices: {}", "services: {db: {image: other}}"
    )

    assert workspace.load(*files).project.services["db"].image == "other"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "include: [sub/db.yaml]\nservices: {db: {image: mine}}",
            "services.db: services.db conflicts with imported resource",
        ),
        ("include: [missing.yaml]", "missing.yaml: no such file"),
        ("include: sub/db.yaml", "include: include must be a list"),
        ("include: [[sub/db.yaml]]", "include[0]: expected a path or a mapping"),
        ("include: [{path: sub/db.yaml, env_file: no.env}]", "no.env: no such file"),
        (
            "include: [{path: sub/db.yaml, env_file: bad.env}]",
            "bad.env: line 1: ",
        ),
        (
            "include: [{path: 1}]",
            "include[0].path: expected a path or a list of paths",
        ),
        (
            "include: [{path: sub/db.yaml, env_file: [1]}]",
            "include[0].env_file: expected a path or a list of paths",
        ),
        (
            "include: [{path: sub/db.yaml, project_directory: [a]}]",
            "include[0].project_directory: expected a path",
        ),
        ("include: [self.yaml]", "include cycle detected:"),
    ],
)
def test_what_cannot_be(workspace: Workspace, text: str, told: str) -> None:
    workspace.write("sub/db.yaml", DB)
    workspace.write("bad.env", "A B=1\n")
    workspace.write("self.yaml", "include: [self.yaml]")

    lines = workspace.refused(text)

    assert told in lines[0]


@pytest.mark.parametrize("text", ["include:", "include: [null]", "include: [{}]"])
def test_nothing_may_be_included(workspace: Workspace, text: str) -> None:
    project = workspace.project(f"{text}\nservices: {{web: {{image: a}}}}")

    assert project.services.keys() == {"web"}
