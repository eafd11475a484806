"""The files a service names for its environment and its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from support import Workspace


def environment(workspace: Workspace, attributes: str, **outer: str) -> dict[str, Any]:
    return dict(workspace.service(attributes, environment=outer).environment)


class TestEnvironment:
    def test_of_files_the_later_over_the_earlier(self, workspace: Workspace) -> None:
        workspace.write("a.env", "A=1\nB=1\n")
        workspace.write("b.env", "B=2\n")

        found = environment(workspace, "env_file: [a.env, b.env]")

        assert found == {"A": "1", "B": "2"}

    def test_of_the_service_is_stronger(self, workspace: Workspace) -> None:
        workspace.write("a.env", "A=1\nB=1\n")

        found = environment(workspace, "env_file: a.env\nenvironment: {A: mine}")

        assert found == {"A": "mine", "B": "1"}

    def test_of_the_project_is_for_keys_without_a_value(
        self, workspace: Workspace
    ) -> None:
        found = environment(workspace, "environment: [A, B, C=]", A="outer")

        assert found == {"A": "outer", "B": None, "C": ""}

    def test_of_a_file_may_use_what_is_known(self, workspace: Workspace) -> None:
        """The project's variables first, then the service's, then earlier files'."""
        workspace.write("a.env", "FIRST=a\n")
        workspace.write("b.env", "TEXT=$OUTER-$OWN-$FIRST-$NONE\n")
        attributes = "env_file: [a.env, b.env]\nenvironment: {OWN: own, OUTER: own}"

        found = environment(workspace, attributes, OUTER="outer")

        assert found["TEXT"] == "outer-own-a-"

    def test_of_a_raw_file_is_literal(self, workspace: Workspace) -> None:
        workspace.write("a.env", "A='$B' # no comment\n")

        found = environment(workspace, "env_file: [{path: a.env, format: raw}]")

        assert found == {"A": "'$B' # no comment"}

    def test_of_a_file_that_need_not_be(self, workspace: Workspace) -> None:
        entry = "env_file: [{path: missing.env, required: false}]"

        assert environment(workspace, entry) == {}

    def test_files_are_not_named_any_more(self, workspace: Workspace) -> None:
        workspace.write("a.env", "A=1\n")

        assert workspace.service("env_file: a.env").env_file == ()

    def test_one_file_serves_services_with_different_variables(
        self, workspace: Workspace
    ) -> None:
        workspace.write("a.env", "TEXT=$OWN\n")
        project = workspace.project(
            """\
            services:
              one: {image: a, env_file: a.env, environment: {OWN: one}}
              two: {image: a, env_file: a.env, environment: {OWN: two}}
            """
        )

        assert project.services["one"].environment["TEXT"] == "one"
        assert project.services["two"].environment["TEXT"] == "two"

    @pytest.mark.parametrize(
        ("entry", "told"),
        [
            (
                "missing.env",
                (
                    "services.web.env_file[0]: env file missing.env not found\n"
                    "  hint: create it, or write it as {path: ..., required: false}"
                ),
            ),
            ("bad.env", "services.web.env_file[0]: bad.env: line 2: "),
            ("{path: ok.env, format: toml}", "unsupported env_file format 'toml'"),
            (".", "a directory, not a file"),
        ],
    )
    def test_of_a_wrong_file(self, workspace: Workspace, entry: str, told: str) -> None:
        workspace.write("ok.env", "A=1\n")
        workspace.write("bad.env", "A=1\nB C=2\n")

        (line,) = workspace.refused(
            f"services: {{web: {{image: a, env_file: [{entry}]}}}}"
        )

        assert told in line


class TestLabels:
    def test_of_files_below_those_of_the_service(self, workspace: Workspace) -> None:
        workspace.write("a.labels", "a=1\nb=1\nc=1\n")
        workspace.write("b.labels", "b=2\nc=2\n")

        service = workspace.service(
            "label_file: [a.labels, b.labels]\nlabels: {c: mine}"
        )

        assert service.labels == {"a": "1", "b": "2", "c": "mine"}
        assert service.label_file == ()

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("missing", "missing: no such file"),
            ("bad.labels", "bad.labels: line 1: "),
        ],
    )
    def test_of_a_wrong_file(self, workspace: Workspace, name: str, told: str) -> None:
        workspace.write("bad.labels", "a b=1\n")

        (line,) = workspace.refused(
            f"services: {{web: {{image: a, label_file: {name}}}}}"
        )

        assert told in line
        assert "services.web.label_file[0]: " in line
