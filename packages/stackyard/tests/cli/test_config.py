"""`yard config` and its variants; what it prints is compared with docker compose in
tests/differential, how it is used and how it fails is shown here.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Shell

STACK = """\
services:
  web:
    image: nginx:${TAG:-1.27}
    depends_on: [db]
    ports: ["8080:80"]
    volumes: [data:/data]
  db:
    image: postgres:17
    environment: {PASSWORD: $PASSWORD}
  debug:
    image: busybox
    profiles: [tools]
volumes:
  data:
  unused:
"""


@pytest.fixture
def stack(shell: Shell) -> Shell:
    shell.write("compose.yaml", STACK)
    return shell


def test_it_prints_the_whole_project(shell: Shell) -> None:
    shell.write("compose.yaml", "services: {web: {image: nginx, volumes: [./a:/b]}}")

    assert shell.output("config") == (
        "name: demo\n"
        "services:\n"
        "  web:\n"
        "    image: nginx\n"
        "    networks:\n"
        "      default: null\n"
        "    volumes:\n"
        "      - type: bind\n"
        "        source: /demo/a\n"
        "        target: /b\n"
        "        bind:\n"
        "          create_host_path: true\n"
        "networks:\n"
        "  default:\n"
        "    name: demo_default\n"
    )


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["--services"], ["db", "web"]),
        (["--volumes"], ["data"]),
        (["--networks"], ["default"]),
        (["--profiles"], ["tools"]),
        (["--images"], ["nginx:1.27", "postgres:17"]),
        (["--images", "db"], ["postgres:17"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_lists(stack: Shell, arguments: list[str], lines: list[str]) -> None:
    output = stack.output("config", *arguments, PASSWORD="x")

    assert output.splitlines() == lines


def test_all_resources(stack: Shell) -> None:
    output = stack.output("--all-resources", "config", "--volumes", PASSWORD="x")

    assert output.splitlines() == ["data", "unused"]


def test_a_profile(stack: Shell) -> None:
    output = stack.output("--profile", "tools", "config", "--services", PASSWORD="x")

    assert set(output.split()) == {"db", "web", "debug"}


def test_a_named_service_comes_with_what_it_needs(stack: Shell) -> None:
    output = json.loads(stack.output("config", "--format", "json", "db", PASSWORD="x"))
    both = json.loads(stack.output("config", "--format", "json", "web", PASSWORD="x"))

    assert set(output["services"]) == {"db"}
    assert set(both["services"]) == {"db", "web"}


def test_naming_a_service_enables_its_profile(stack: Shell) -> None:
    output = json.loads(
        stack.output("config", "--format", "json", "debug", PASSWORD="x")
    )

    assert set(output["services"]) == {"debug"}


def test_an_unset_variable_is_a_warning(stack: Shell) -> None:
    done = stack.run("config", "-q")

    assert done.returncode == 0
    assert done.stderr == (
        'warning: The "PASSWORD" variable is not set. Defaulting to a blank string.\n'
    )


def test_hash(stack: Shell) -> None:
    lines = stack.output("config", "--hash", "*", PASSWORD="x").splitlines()
    (line,) = stack.output("config", "--hash", "db", PASSWORD="x").splitlines()

    assert [item.partition(" ")[0] for item in lines] == ["db", "web"]
    assert line in lines
    assert len(line.partition(" ")[2]) == hashlib.sha256().digest_size * 2


def test_variables(stack: Shell) -> None:
    assert stack.output("config", "--variables") == (
        "NAME                REQUIRED            DEFAULT VALUE       ALTERNATE VALUE\n"
        "PASSWORD            false                                   \n"
        "TAG                 false               1.27                \n"
    )


def test_environment(stack: Shell) -> None:
    stack.write(".env", "PASSWORD=from-file\nTAG=2\n")

    lines = stack.output("config", "--environment", TAG="3").splitlines()

    assert "PASSWORD=from-file" in lines
    assert "TAG=3" in lines
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--no-interpolate", "image: nginx:${TAG:-1.27}"),
        ("--no-normalize", "depends_on:"),
        ("--no-path-resolution", "target: /data"),
        ("--no-env-resolution", "PASSWORD: x"),
        ("--no-consistency", "name: demo"),
    ],
)
def test_switches(stack: Shell, option: str, text: str) -> None:
    assert text in stack.output("config", option, PASSWORD="x")


def test_several_files(stack: Shell) -> None:
    stack.write("more.yaml", "services: {db: {image: postgres:18}}")

    output = stack.output(
        "-f", "compose.yaml", "-f", "more.yaml", "config", "--images", PASSWORD="x"
    )

    assert "postgres:18" in output


def test_standard_input(stack: Shell) -> None:
    output = stack.output(
        "-f", "-", "config", "--images", stdin="services: {x: {image: redis}}"
    )

    assert output == "redis\n"


def test_standard_input_named_by_the_environment(stack: Shell) -> None:
    output = stack.output(
        "config",
        "--images",
        stdin="services: {x: {image: redis}}",
        COMPOSE_FILE="-",
    )

    assert output == "redis\n"


def test_a_parent_directory_has_the_file(stack: Shell) -> None:
    (stack.root / "deep/er").mkdir(parents=True)

    assert "name: demo\n" in stack.output("config", cwd="deep/er", PASSWORD="x")


def test_options_of_the_project(stack: Shell) -> None:
    stack.write("other/app.env", "PASSWORD=secret\nTAG=9\n")
    stack.write("other/compose.yaml", STACK)

    output = stack.output(
        *("-p", "shop", "--project-directory", "other", "--env-file"),
        *("other/app.env", "config"),
    )

    assert "name: shop\n" in output
    assert "image: nginx:9\n" in output
    assert "PASSWORD: secret\n" in output


class TestOutput:
    def test_to_a_file(self, stack: Shell) -> None:
        printed = stack.run("config", PASSWORD="x").stdout

        assert stack.output("config", "-o", "out.yaml", PASSWORD="x") == ""
        assert (stack.root / "out.yaml").read_text() == printed

    @pytest.mark.parametrize("place", ["missing/out.yaml", "."])
    def test_that_cannot_be_written(self, stack: Shell, place: str) -> None:
        message = stack.error("config", "-o", place, PASSWORD="x")

        assert f"cannot write {place}: " in message

    @pytest.mark.parametrize(
        ("arguments", "shown"),
        [
            ("config", "      \ufffd: x\n"),
            ("config --format json", '"image": "\ufffd"'),
            ("config --images", "\ufffd\n"),
            ("config --environment", "RAW=\ufffd\n"),
            ("config --hash web", "web "),
            ("config -o out.yaml", ""),
            ("explain RAW", "RAW = \ufffd\n"),
            ("explain --json web.image", '"value": "\\ufffd"'),
        ],
    )
    def test_with_a_variable_that_is_not_text(
        self, shell: Shell, arguments: str, shown: str
    ) -> None:
        """A variable of the system may hold any bytes."""
        shell.write(
            "compose.yaml",
            "services: {web: {image: $RAW, labels: [$RAW=x], environment: [RAW]}}",
        )

        done = subprocess.run(
            [sys.executable, "-P", "-m", "stackyard", *arguments.split()],
            cwd=shell.root,
            env={b"PATH": os.fsencode(os.defpath), b"RAW": b"\xff"},
            capture_output=True,
            check=False,
        )

        assert (done.returncode, done.stderr) == (0, b"")
        assert shown in done.stdout.decode()


class TestErrors:
    def test_all_problems_of_a_file_at_once(self, shell: Shell) -> None:
        shell.write(
            "compose.yaml",
            """\
            services:
              web:
                imagee: nginx
                ports: ["80800:80"]
                restart: [always]
              db:
                image: postgres
                depends_on: [cache]
            """,
        )

        assert shell.error("config") == (
            "4 problems:\n"
            "error: compose.yaml:3:5: services.web.imagee: unknown attribute "
            "'imagee'\n"
            "  hint: did you mean image?\n"
            "error: compose.yaml:4:5: services.web.ports: invalid port "
            '"80800:80": port 80800 is above 65535\n'
            '  hint: write "PUBLISHED:TARGET", such as "8080:80" or '
            '"127.0.0.1:8080:80/tcp"\n'
            "error: compose.yaml:5:5: services.web.restart: expected a string, found "
            "a list\n"
            "error: compose.yaml:8:5: services.db.depends_on.cache: depends on "
            "undefined service 'cache'\n"
        )

    def test_no_file(self, shell: Shell) -> None:
        message = shell.error("config")

        assert message.startswith("error: no configuration file provided: not found\n")
        assert "  hint: " in message

    @pytest.mark.parametrize("shown", ["config", "explain"])
    def test_a_name_that_is_none(self, stack: Shell, shown: str) -> None:
        arguments = [shown] if shown == "config" else [shown, "web"]

        message = stack.error("-p", "My Stack", *arguments)

        assert "invalid project name 'My Stack'" in message
        assert "hint: 'mystack' would do" in message

    def test_a_service_that_is_not_there(self, stack: Shell) -> None:
        assert "error: no such service: wbe" in stack.error("config", "wbe")

    def test_a_hash_of_a_service_that_is_not_there(self, stack: Shell) -> None:
        message = stack.error("config", "--hash", "wbe", PASSWORD="x")

        assert "no such service: wbe" in message

    def test_a_file_that_is_not_yaml(self, shell: Shell) -> None:
        shell.write("compose.yaml", "services:\n\tweb: {}\n")

        message = shell.error("config")

        assert message.startswith("error: compose.yaml:2:1: ")
        assert "hint: indent with spaces" in message

    def test_a_number_json_does_not_have(self, shell: Shell) -> None:
        shell.write("compose.yaml", "services: {web: {image: nginx, cpus: .inf}}")

        message = shell.error("config", "--format", "json")

        assert message.startswith("error: JSON has no number +Inf\n  hint: ")
