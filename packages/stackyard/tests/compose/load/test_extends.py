"""A service on top of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stackyard.compose import limits

if TYPE_CHECKING:
    from support import Workspace


def web(workspace: Workspace, text: str) -> dict[str, Any]:
    return workspace.merged(text)


def test_the_service_stands_over_its_base(workspace: Workspace) -> None:
    service = web(
        workspace,
        """\
        services:
          base: {image: a, user: me, cap_add: [X], environment: {A: 1, B: 1}}
          web: {extends: base, image: b, cap_add: [Y], environment: [B=2]}
        """,
    )

    assert service == {
        "image": "b",
        "user": "me",
        "cap_add": ["X", "Y"],
        "environment": {"A": "1", "B": "2"},
    }


@pytest.mark.parametrize("extends", ["base", "{service: base}"])
def test_the_base_itself_stays_as_it_is(workspace: Workspace, extends: str) -> None:
    project = workspace.project(
        f"""\
        services:
          web: {{extends: {extends}, labels: {{a: b}}, networks: [front]}}
          base: {{image: a}}
        networks: {{front: }}
        """
    )

    assert project.services["web"].image == "a"
    assert not project.services["base"].labels
    assert "front" not in project.services["base"].networks


def test_chains(workspace: Workspace) -> None:
    workspace.write(
        "other.yaml",
        """\
        services:
          middle: {extends: bottom, user: middle}
          bottom: {image: bottom, user: bottom, hostname: bottom}
        """,
    )

    service = web(
        workspace,
        """\
        services:
          web: {extends: top}
          top: {extends: {file: other.yaml, service: middle}, hostname: top}
        """,
    )

    assert service == {"image": "bottom", "user": "middle", "hostname": "top"}


def test_a_longest_chain(workspace: Workspace) -> None:
    def chain(length: int) -> str:
        links = [f"s{n}: {{extends: s{n + 1}}}" for n in range(length)]
        return "\n  ".join(["services:", *links, f"s{length}: {{image: a}}"])

    assert workspace.project(chain(limits.CHAIN)).services["s0"].image == "a"
    (told,) = workspace.refused(chain(limits.CHAIN + 1))
    assert "more than 100 services extend another" in told


class TestAnotherFile:
    def test_has_paths_relative_to_itself(self, workspace: Workspace) -> None:
        workspace.write(
            "sub/base.yaml",
            """\
            services:
              base:
                build: ./image
                volumes: [./data:/data]
                env_file: base.env
            """,
        )
        workspace.write("sub/base.env", "A=1\n")

        service = web(
            workspace,
            "services: {web: {extends: {file: sub/base.yaml, service: base}}}",
        )

        root = workspace.root / "sub"
        assert service["build"]["context"] == str(root / "image")
        assert service["volumes"][0]["source"] == str(root / "data")
        assert service["environment"] == {"A": "1"}

    def test_gives_its_resources_to_nobody(self, workspace: Workspace) -> None:
        workspace.write(
            "base.yaml",
            "services: {base: {image: a, volumes: [data:/d]}}\nvolumes: {data: }",
        )

        (told,) = workspace.refused(
            "services: {web: {extends: {file: base.yaml, service: base}}}"
        )

        assert "refers to undefined volume 'data'" in told

    def test_may_hold_mistakes_elsewhere(self, workspace: Workspace) -> None:
        """Only the base is taken; what stands beside it is not looked at."""
        workspace.write("base.yaml", "services: {base: {image: a}, other: {imagee: b}}")

        service = web(
            workspace, "services: {web: {extends: {file: base.yaml, service: base}}}"
        )

        assert service == {"image": "a"}

    def test_is_interpolated(self, workspace: Workspace) -> None:
        workspace.write("base.yaml", "services: {base: {image: 'a:$TAG'}}")
        text = "services: {web: {extends: {file: base.yaml, service: base}}}"

        service = workspace.project(text, environment={"TAG": "1"}).services["web"]

        assert service.image == "a:1"


@pytest.mark.parametrize(
    ("services", "told"),
    [
        ("{web: {extends: web}}", "circular reference: web -> web"),
        (
            "{web: {extends: a}, a: {extends: b}, b: {extends: a}}",
            "circular reference: web -> a -> b -> a",
        ),
        (
            "{web: {extends: nowhere}}",
            "cannot extend service 'web': service 'nowhere' not found",
        ),
        (
            "{web: {extends: {file: base.yaml, service: nowhere}}}",
            "cannot extend service 'web': service 'nowhere' not found in base.yaml",
        ),
        (
            "{web: {extends: {file: empty.yaml, service: a}}}",
            "cannot extend service 'web': no services in empty.yaml",
        ),
        ("{web: {extends: {file: missing.yaml, service: a}}}", "no such file"),
        ("{web: {extends: [a]}}", "extends needs the name of a service"),
        ("{web: {extends: {file: base.yaml}}}", "extends needs the name of a service"),
        (
            "{web: {extends: {file: [a], service: b}}}",
            "extends.file must be a path",
        ),
        (
            "{web: {extends: a, cap_add: {X: }}, a: {image: a, cap_add: [Y]}}",
            "cannot override a list with a mapping",
        ),
    ],
)
def test_what_cannot_be(workspace: Workspace, services: str, told: str) -> None:
    workspace.write("base.yaml", "services: {base: {image: a}}")
    workspace.write("empty.yaml", "volumes: {a: }")

    lines = workspace.refused(f"services: {services}")

    assert told in lines[0]


def test_a_reset_drops_what_the_base_says(workspace: Workspace) -> None:
    service = web(
        workspace,
        """\
        services:
          base: {image: a, cap_add: [X], ports: ["80"]}
          web: {extends: base, cap_add: !override [Y], ports: !reset []}
        """,
    )

    assert service == {"image": "a", "cap_add": ["Y"]}
