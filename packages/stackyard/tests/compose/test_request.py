"""From settings to what is loaded: files, name, directory, environment, profiles."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from stackyard.compose.errors import LoadError
from stackyard.compose.request import normalized_name

if TYPE_CHECKING:
    from support import Workspace

    from stackyard.compose.request import Request

WEB = "services: {web: {image: nginx}}"


def requested(workspace: Workspace, *files: str, **settings: Any) -> Request:
    return workspace.request(*files, **settings)[0]


def named(workspace: Workspace, request: Request) -> list[str]:
    return [workspace.told(file) for file in request.files]


class TestFiles:
    def test_that_are_named(self, workspace: Workspace) -> None:
        workspace.write("a.yaml", WEB)
        workspace.write("b.yaml", WEB)

        request = requested(workspace, "b.yaml", "a.yaml")

        assert named(workspace, request) == ["b.yaml", "a.yaml"]

    def test_that_are_found(self, workspace: Workspace) -> None:
        workspace.write("compose.yaml", WEB)
        workspace.write("compose.override.yaml", WEB)

        request = requested(workspace)

        assert named(workspace, request) == ["compose.yaml", "compose.override.yaml"]

    def test_of_the_environment(self, workspace: Workspace) -> None:
        workspace.write("a.yaml", WEB)
        workspace.write("b.yaml", WEB)

        request = requested(workspace, environment={"COMPOSE_FILE": "a.yaml:b.yaml"})

        assert named(workspace, request) == ["a.yaml", "b.yaml"]

    def test_with_another_separator(self, workspace: Workspace) -> None:
        workspace.write("a:b.yaml", WEB)
        environment = {"COMPOSE_FILE": "a:b.yaml", "COMPOSE_PATH_SEPARATOR": ";"}

        request = requested(workspace, environment=environment)

        assert named(workspace, request) == ["a:b.yaml"]

    def test_of_the_env_file(self, workspace: Workspace) -> None:
        workspace.write("a.yaml", WEB)
        workspace.write(".env", "COMPOSE_FILE=a.yaml\n")

        assert named(workspace, requested(workspace)) == ["a.yaml"]

    def test_none(self, workspace: Workspace) -> None:
        with pytest.raises(LoadError, match="no configuration file provided") as caught:
            requested(workspace)

        assert "name one with -f" in str(caught.value)

    @pytest.mark.parametrize(
        "file", ["https://host/a.yaml", "git@host:a", "oci://host/a"]
    )
    def test_elsewhere(self, workspace: Workspace, file: str) -> None:
        with pytest.raises(LoadError, match="remote Compose files are not supported"):
            requested(workspace, file)


class TestName:
    """-p, then COMPOSE_PROJECT_NAME, then `name:`, then the directory's."""

    def name(self, workspace: Workspace, text: str = WEB, **settings: Any) -> str:
        workspace.write("compose.yaml", text)
        return requested(workspace, **settings).name

    def test_of_the_directory(self, workspace: Workspace) -> None:
        assert self.name(workspace) == "demo"

    def test_of_the_file(self, workspace: Workspace) -> None:
        assert self.name(workspace, f"name: shop\n{WEB}") == "shop"

    def test_of_the_last_file_that_has_one(self, workspace: Workspace) -> None:
        names = workspace.layers(f"name: one\n{WEB}", f"name: two\n{WEB}", WEB)

        assert requested(workspace, *names).name == "two"

    def test_of_the_file_with_a_variable(self, workspace: Workspace) -> None:
        text = f"name: shop-$STAGE\n{WEB}"

        assert self.name(workspace, text, environment={"STAGE": "x"}) == "shop-x"

    def test_of_the_environment(self, workspace: Workspace) -> None:
        environment = {"COMPOSE_PROJECT_NAME": "outer"}

        name = self.name(workspace, f"name: shop\n{WEB}", environment=environment)

        assert name == "outer"

    def test_of_the_command_line(self, workspace: Workspace) -> None:
        environment = {"COMPOSE_PROJECT_NAME": "outer"}

        assert self.name(workspace, environment=environment, name="mine") == "mine"

    def test_is_a_variable_of_the_files(self, workspace: Workspace) -> None:
        text = "services: {web: {image: '$COMPOSE_PROJECT_NAME'}}"

        assert workspace.project(text).services["web"].image == "demo"

    @pytest.mark.parametrize("name", ["My Stack", "-a", "_a", "ä", "a.b", "a\n"])
    def test_that_is_none(self, workspace: Workspace, name: str) -> None:
        with pytest.raises(LoadError, match="invalid project name"):
            self.name(workspace, name=name)

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("My Stack", "mystack"),
            ("--a-b_c", "a-b_c"),
            ("a.b", "ab"),
            ("2nd", "2nd"),
            ("äöü", ""),
        ],
    )
    def test_near_another_text(self, text: str, name: str) -> None:
        assert normalized_name(text) == name

    def test_cannot_be_nothing(self, workspace: Workspace) -> None:
        workspace.write("ä/compose.yaml", WEB)

        with pytest.raises(LoadError, match="project name must not be empty"):
            requested(workspace, "ä/compose.yaml")


class TestDirectory:
    def test_is_that_of_the_first_file(self, workspace: Workspace) -> None:
        workspace.write("sub/a.yaml", WEB)
        workspace.write("b.yaml", WEB)

        request = requested(workspace, "sub/a.yaml", "b.yaml")

        assert request.directory == str(workspace.root / "sub")

    def test_can_be_given(self, workspace: Workspace) -> None:
        workspace.write("sub/a.yaml", WEB)

        request = requested(workspace, "sub/a.yaml", directory="other")

        assert request.directory == str(workspace.root / "other")
        assert request.name == "other"

    def test_of_standard_input_is_the_working_one(self, workspace: Workspace) -> None:
        request = requested(workspace, "-", name="x")

        assert request.directory == str(workspace.root)


class TestEnvironment:
    """The process's environment, then env files."""

    def variable(self, workspace: Workspace, **settings: Any) -> str | None:
        workspace.write("compose.yaml", WEB)
        return requested(workspace, **settings).environment.get("A")

    def test_of_the_default_file(self, workspace: Workspace) -> None:
        workspace.write(".env", "A=file\n")

        assert self.variable(workspace) == "file"

    def test_of_the_shell_is_stronger(self, workspace: Workspace) -> None:
        workspace.write(".env", "A=file\n")

        assert self.variable(workspace, environment={"A": "shell"}) == "shell"

    def test_of_the_shell_is_stronger_though_empty(self, workspace: Workspace) -> None:
        workspace.write(".env", "A=file\n")

        assert self.variable(workspace, environment={"A": ""}) == ""

    def test_of_named_files_replaces_the_default(self, workspace: Workspace) -> None:
        workspace.write(".env", "A=default\n")
        workspace.write("one.env", "A=one\nB=$A\n")
        workspace.write("two.env", "A=two\n")

        assert self.variable(workspace, env_files=("one.env", "two.env")) == "two"
        assert self.variable(workspace, env_files=("one.env",)) == "one"

    def test_names_files_itself(self, workspace: Workspace) -> None:
        workspace.write("one.env", "A=one\n")

        variables = {"COMPOSE_ENV_FILES": "one.env"}

        assert self.variable(workspace, environment=variables) == "one"

    def test_can_switch_the_default_off(self, workspace: Workspace) -> None:
        workspace.write(".env", "A=default\n")
        variables = {"COMPOSE_DISABLE_ENV_FILE": "1"}

        assert self.variable(workspace, environment=variables) is None

    def test_cannot_switch_it_perhaps(self, workspace: Workspace) -> None:
        variables = {"COMPOSE_DISABLE_ENV_FILE": "perhaps"}

        with pytest.raises(LoadError, match="'perhaps' is not a boolean"):
            self.variable(workspace, environment=variables)

    def test_of_a_missing_file(self, workspace: Workspace) -> None:
        with pytest.raises(LoadError, match="missing.env: no such file"):
            self.variable(workspace, env_files=("missing.env",))

    def test_of_a_wrong_file_says_where(self, workspace: Workspace) -> None:
        workspace.write(".env", "A=1\nB C=2\n")

        with pytest.raises(LoadError, match=r"failed to read .*/.env: line 2: "):
            self.variable(workspace)

    def test_is_text_whatever_the_system_has(self, workspace: Workspace) -> None:
        """Python holds a byte that is no UTF-8 as half of a surrogate pair."""
        assert self.variable(workspace, environment={"A": "\udcffé"}) == "\ufffdé"

    def test_knows_where_we_are(self, workspace: Workspace) -> None:
        workspace.write("compose.yaml", WEB)

        assert requested(workspace).environment["PWD"] == str(workspace.root)


class TestProfiles:
    @pytest.mark.parametrize(
        ("given", "environment", "active"),
        [
            ((), {}, ()),
            (("a", "b"), {}, ("a", "b")),
            ((), {"COMPOSE_PROFILES": "a, b,"}, ("a", "b")),
            (("c",), {"COMPOSE_PROFILES": "a,b"}, ("c",)),
        ],
    )
    def test_are_those_given_or_the_environments(
        self,
        workspace: Workspace,
        given: tuple[str, ...],
        environment: dict[str, str],
        active: tuple[str, ...],
    ) -> None:
        workspace.write("compose.yaml", WEB)

        request = requested(workspace, profiles=given, environment=environment)

        assert request.options.profiles == active


def test_settings_are_read_from_nowhere_else(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process's own environment and directory are the command line's business."""
    monkeypatch.setenv("A", "process")
    monkeypatch.chdir(os.sep)
    workspace.write("compose.yaml", WEB)

    request = requested(workspace)

    assert "A" not in request.environment
    assert request.directory == str(workspace.root)
