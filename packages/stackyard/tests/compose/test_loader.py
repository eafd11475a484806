"""Loading as a whole: every problem at once, each with its place and a way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stackyard.compose.load.context import LoadOptions
from stackyard.compose.load.trace import Trace
from stackyard.compose.loader import load_document

if TYPE_CHECKING:
    from support import Workspace


def test_a_project(workspace: Workspace) -> None:
    project = workspace.project("services: {web: {image: nginx}}")

    assert project.name == "demo"
    assert project.services["web"].image == "nginx"
    assert project.services["web"].name == "web"
    assert project.networks["default"].name == "demo_default"


class TestProblems:
    def test_of_every_stage_are_told_together_in_reading_order(
        self, workspace: Workspace
    ) -> None:
        told = workspace.refused(
            """\
            services:
              web:
                image: "nginx:${TAG?say which}"
                cpu_count: two
                privileged: ${PRIVILEGED}
                imagee: nginx
                ports: ["99999:80"]
                mem_limit: plenty
                depends_on: [cache]
            secrets:
              key: {file: a, environment: b}
            """,
            environment={"PRIVILEGED": "perhaps"},
        )

        assert told == [
            (
                "compose.yaml:3:5: services.web.image: required variable TAG is "
                "missing a value: say which\n"
                "  hint: set TAG in the environment or in the .env file"
            ),
            (
                'compose.yaml:4:5: services.web.cpu_count: invalid integer "two"\n'
                "  hint: write decimal digits only"
            ),
            (
                "compose.yaml:5:5: services.web.privileged: 'perhaps' is not a "
                "boolean\n"
                "  hint: write true or false"
            ),
            (
                "compose.yaml:6:5: services.web.imagee: unknown attribute 'imagee'\n"
                "  hint: did you mean image?"
            ),
            (
                'compose.yaml:7:5: services.web.ports: invalid port "99999:80": port '
                "99999 is above 65535\n"
                '  hint: write "PUBLISHED:TARGET", such as "8080:80" or '
                '"127.0.0.1:8080:80/tcp"'
            ),
            (
                'compose.yaml:8:5: services.web.mem_limit: invalid size "plenty": a '
                "number is missing\n"
                "  hint: write a number and a unit of b, k, m, g, t or p, such as "
                '"512m"'
            ),
            (
                "compose.yaml:9:5: services.web.depends_on.cache: depends on undefined "
                "service 'cache'"
            ),
            "compose.yaml:11:3: secrets.key: file and environment exclude each other",
        ]

    def test_have_their_parts_for_programs(self, workspace: Workspace) -> None:
        workspace.write("compose.yaml", "services:\n  web:\n    imagee: nginx\n")

        problem = next(p for p in workspace.problems() if "unknown" in p.message)

        assert problem.message == "unknown attribute 'imagee'"
        assert problem.path == ("services", "web", "imagee")
        assert problem.hint == "did you mean image?"
        assert problem.location is not None
        assert problem.location.file == str(workspace.root / "compose.yaml")
        assert (problem.location.line, problem.location.column) == (3, 5)

    def test_in_a_list_count_from_its_start(self, workspace: Workspace) -> None:
        told = workspace.refused(
            """\
            services:
              web:
                image: nginx
                cap_add: [A, {}, B, [], C]
            """
        )

        assert told == [
            (
                "compose.yaml:4:18: services.web.cap_add[1]: expected a string, found "
                "a mapping"
            ),
            (
                "compose.yaml:4:25: services.web.cap_add[3]: expected a string, found "
                "a list"
            ),
        ]

    def test_in_a_second_file_name_that_file(self, workspace: Workspace) -> None:
        workspace.write("a.yaml", "services: {web: {image: nginx}}")
        workspace.write("b.yaml", "services:\n  web:\n    privileged: [x]\n")

        (problem,) = workspace.problems("a.yaml", "b.yaml")

        assert workspace.told(problem).startswith(
            "b.yaml:3:5: services.web.privileged: "
        )

    def test_in_an_included_file_name_that_file(self, workspace: Workspace) -> None:
        workspace.write("sub/db.yaml", "services:\n  db:\n    imagee: postgres\n")

        told = workspace.refused("include: [sub/db.yaml]")

        assert any(
            line.startswith("sub/db.yaml:3:5: services.db.imagee") for line in told
        )

    def test_in_an_extended_file_name_that_file(self, workspace: Workspace) -> None:
        workspace.write(
            "base.yaml",
            """\
            services:
              base:
                image: nginx
                ports: ["a:b"]
            """,
        )

        told = workspace.refused(
            "services: {web: {extends: {file: base.yaml, service: base}}}"
        )

        assert told[0].startswith("base.yaml:4:5: services.base.ports: ")

    def test_in_standard_input_say_so(self, workspace: Workspace) -> None:
        text = b"services: {web: {imagee: x}}"

        problems = workspace.problems("-", stdin=text)

        assert "-:1:18: services.web.imagee: " in "\n".join(map(str, problems))

    def test_in_a_disabled_service_are_told_too(self, workspace: Workspace) -> None:
        told = workspace.refused(
            "services: {web: {image: nginx, profiles: [x], imagee: y}}"
        )

        assert "unknown attribute 'imagee'" in told[0]

    def test_are_told_once(self, workspace: Workspace) -> None:
        """The alias repeats the value, not the mistake's report."""
        told = workspace.refused(
            """\
            x-all: &all {imagee: nginx, image: nginx}
            services:
              a: *all
              b: *all
            """
        )

        assert len(told) == len(set(told)) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty compose file"),
        ("# only a comment", "empty compose file"),
        ("null", "empty compose file"),
        ("[a]", "the top level must be a mapping"),
        ("text", "the top level must be a mapping"),
        ("services: [web]", "services: services must be a mapping"),
        ("services: {web: [a]}", "services.web: expected a mapping"),
        ("include: {a: b}", "include: include must be a list"),
    ],
)
def test_what_is_no_compose_file(workspace: Workspace, text: str, told: str) -> None:
    (line,) = workspace.refused(text)

    assert line.endswith(told)


class TestDocuments:
    """Several YAML documents of a file are merged like several files."""

    def test_are_merged_in_order(self, workspace: Workspace) -> None:
        project = workspace.project(
            """\
            services: {web: {image: nginx:1, user: me}}
            ---
            services: {web: {image: nginx:2}}
            """
        )

        assert project.services["web"].image == "nginx:2"
        assert project.services["web"].user == "me"

    def test_share_anchors(self, workspace: Workspace) -> None:
        project = workspace.project(
            """\
            services: {web: &web {image: nginx}}
            ---
            services: {db: *web}
            """
        )

        assert project.services["db"].image == "nginx"


class TestOptions:
    TEXT = "services: {web: {image: 'nginx:$TAG', volumes: [./a:/a]}}"

    def document(self, workspace: Workspace, **options: bool) -> dict:
        workspace.write("compose.yaml", self.TEXT)
        wanted, sources = workspace.request(
            environment={"TAG": "1"}, options=LoadOptions(**options)
        )
        return load_document(wanted, sources)[0]

    def test_interpolation_can_be_left_out(self, workspace: Workspace) -> None:
        document = self.document(workspace, interpolate=False)

        assert document["services"]["web"]["image"] == "nginx:$TAG"

    def test_normalizing_can_be_left_out(self, workspace: Workspace) -> None:
        document = self.document(workspace, normalize=False)

        assert "networks" not in document["services"]["web"]
        assert "name" not in document

    def test_resolving_paths_can_be_left_out(self, workspace: Workspace) -> None:
        document = self.document(workspace, resolve_paths=False)

        assert document["services"]["web"]["volumes"][0]["source"] == "./a"

    def test_consistency_checks_can_be_left_out(self, workspace: Workspace) -> None:
        project = workspace.project(
            "services: {web: {image: nginx, depends_on: [nowhere]}}",
            options=LoadOptions(check_consistency=False),
        )

        assert "nowhere" in project.services["web"].depends_on

    def test_env_files_can_be_left_alone(self, workspace: Workspace) -> None:
        project = workspace.project(
            "services: {web: {image: nginx, env_file: missing.env}}",
            options=LoadOptions(resolve_environment=False),
        )

        assert project.services["web"].env_file[0].path.endswith("missing.env")


def test_a_version_is_ignored_with_a_warning(workspace: Workspace) -> None:
    workspace.write("compose.yaml", "version: '3'\nservices: {web: {image: nginx}}")

    loaded = workspace.load()

    assert "version" not in workspace.printed()
    assert [workspace.told(item) for item in loaded.warnings] == [
        (
            "compose.yaml: the attribute `version` is obsolete, it will be ignored, "
            "please remove it to avoid potential confusion"
        )
    ]


def test_a_warning_is_given_once(workspace: Workspace) -> None:
    workspace.write("compose.yaml", "services: {web: {image: 'a$A$A', command: $A}}")

    assert workspace.load().warnings == (
        'The "A" variable is not set. Defaulting to a blank string.',
    )


def test_a_trace_records_every_layer(workspace: Workspace) -> None:
    workspace.write("base.yaml", "services: {base: {image: a}}")
    workspace.write("inc.yaml", "services: {db: {image: b}}")
    workspace.write(
        "compose.yaml",
        """\
        include: [inc.yaml]
        services: {web: {extends: {file: base.yaml, service: base}}}
        """,
    )
    wanted, sources = workspace.request()
    trace = Trace()

    load_document(wanted, sources, trace=trace)

    layers = [(layer.kind, workspace.told(layer.file)) for layer in trace.layers]
    assert layers == [
        ("file", "compose.yaml"),
        ("base", "base.yaml"),
        ("include", "inc.yaml"),
    ]
