"""`yard explain`: the answer names every file that has a say, the strongest first."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Shell


def golden(text: str) -> str:
    return dedent(text).removeprefix("\n")


def test_a_value_that_a_second_file_overrides(shell: Shell) -> None:
    shell.write("compose.yaml", "services:\n  web:\n    image: nginx:1\n")
    shell.write("compose.override.yaml", "services:\n  web:\n    image: nginx:2\n")

    assert shell.output("explain", "web.image") == golden("""
        services.web.image = nginx:2
          in force    compose.override.yaml:3:5  file: nginx:2
          overridden  compose.yaml:3:5           file: nginx:1
        """)


def test_a_chain_of_bases(shell: Shell) -> None:
    shell.write(
        "compose.yaml",
        """\
        services:
          web:
            extends: {file: base.yaml, service: middle}
            image: nginx:3
        """,
    )
    shell.write(
        "base.yaml",
        """\
        services:
          bottom: {image: "nginx:1", user: nobody}
          middle:
            extends: bottom
            image: nginx:2
        """,
    )

    assert shell.output("explain", "web.image") == golden("""
        services.web.image = nginx:3
          in force    compose.yaml:4:5  file: nginx:3
          overridden  base.yaml:5:5     extends middle: nginx:2
          overridden  base.yaml:2:12    extends bottom: nginx:1
        """)
    assert shell.output("explain", "web.user") == golden("""
        services.web.user = nobody
          in force    base.yaml:2:30  extends bottom: nobody
        """)


def test_a_value_of_an_included_file(shell: Shell) -> None:
    shell.write("compose.yaml", "include: [sub/db.yaml]\nservices: {}\n")
    shell.write("sub/db.yaml", "services:\n  db:\n    image: postgres\n")

    assert shell.output("explain", "db.image") == golden("""
        services.db.image = postgres
          in force    sub/db.yaml:3:5  include: postgres
        """)


def test_env_files_stand_below_the_environment(shell: Shell) -> None:
    shell.write(
        "compose.yaml",
        """\
        services:
          web:
            image: nginx
            env_file: [a.env, b.env]
            environment:
              LEVEL: debug
        """,
    )
    shell.write("a.env", "LEVEL=info\nONLY=here\n")
    shell.write("b.env", "# a comment\nLEVEL=warning\n")

    assert shell.output("explain", "web.environment.LEVEL") == golden("""
        services.web.environment.LEVEL = debug
          in force    compose.yaml:6:7  file: debug
          overridden  b.env:2:1         env file: warning
          overridden  a.env:1:1         env file: info
        """)
    assert shell.output("explain", "web.environment.ONLY") == golden("""
        services.web.environment.ONLY = here
          in force    a.env:2:1  env file: here
        """)


def test_a_variable_of_the_shell_beats_that_of_the_file(shell: Shell) -> None:
    shell.write(".env", "TAG=1\n")
    shell.write("compose.yaml", "services:\n  web:\n    image: nginx:$TAG\n")

    assert shell.output("explain", "TAG") == golden("""
        TAG = 1
          in force    .env:1:1  env file: 1
        used by
          compose.yaml:3:5  services.web.image: nginx:$TAG
        """)
    assert shell.output("explain", "TAG", TAG="2") == golden("""
        TAG = 2
          in force    environment of the process  shell: 2
          overridden  .env:1:1                    env file: 1
        used by
          compose.yaml:3:5  services.web.image: nginx:$TAG
        """)
    assert shell.output("explain", "web.image", TAG="2") == golden("""
        services.web.image = nginx:2
          in force    compose.yaml:3:5  file: nginx:2  from nginx:$TAG
        """)


def test_a_value_no_file_sets(shell: Shell) -> None:
    shell.write("compose.yaml", "services:\n  web:\n    build: .\n")

    assert shell.output("explain", "web.build.dockerfile") == golden("""
        services.web.build.dockerfile = Dockerfile
          implied: no file sets it
        """)


def test_a_value_that_is_reset(shell: Shell) -> None:
    shell.write("compose.yaml", "services:\n  web:\n    image: nginx\n    user: me\n")
    shell.write("compose.override.yaml", "services:\n  web:\n    user: !reset null\n")

    assert shell.output("explain", "web.user") == golden("""
        services.web.user = (unset)
          in force    compose.override.yaml:3:5  file: (drops what earlier layers say)
          overridden  compose.yaml:4:5           file: me
        """)


def test_an_unknown_path(shell: Shell) -> None:
    shell.write("compose.yaml", "services: {web: {image: nginx}}")

    done = shell.run("explain", "web.imagee")

    assert done.returncode == 1
    assert done.stdout == "services.web.imagee is not set anywhere\n"


def test_an_unknown_variable(shell: Shell) -> None:
    shell.write("compose.yaml", "services: {web: {image: nginx}}")

    done = shell.run("explain", "NOWHERE")

    assert done.returncode == 1
    assert done.stdout == "NOWHERE is not set anywhere\n"


def test_odd_paths_are_not_set(shell: Shell) -> None:
    shell.write("compose.yaml", "services: {web: {image: nginx, ports: [80]}}")

    for path in ("web.ports[9]", "web.ports[²]", "web.ports.x", "web.image.x", "..."):
        done = shell.run("explain", path)
        assert "Traceback" not in done.stderr, path


def test_a_list_is_shown_as_json(shell: Shell) -> None:
    shell.write("compose.yaml", "services:\n  web:\n    image: x\n    dns: [a, b]\n")

    assert shell.output("explain", "web.dns") == golden("""
        services.web.dns = ["a", "b"]
          in force    compose.yaml:4:5  file: ["a", "b"]
        """)


def test_json(shell: Shell) -> None:
    shell.write("compose.yaml", "services:\n  web:\n    image: nginx:$TAG\n")

    output = json.loads(shell.output("explain", "--json", "web.image", TAG="1"))

    assert output == {
        "name": "services.web.image",
        "value": "nginx:1",
        "layers": [
            {
                "kind": "file",
                "location": "compose.yaml:3:5",
                "value": "nginx:1",
                "raw": "nginx:$TAG",
                "removed": False,
            }
        ],
        "used": [],
    }
