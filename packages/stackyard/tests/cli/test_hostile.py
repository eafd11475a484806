"""A hostile Compose file writes nowhere but its state, volumes and declared binds.

Whatever leads out of where it belongs leads to `outside`; the whole tree is compared.
"""

from __future__ import annotations

import os
from textwrap import indent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stack

UP = "/".join([".."] * 12)  # more than any directory here is deep

SERVICE = {
    "container_name": "container_name: {up}{outside}/name",
    "hostname": "hostname: ../../outside",
    "tmpfs": "tmpfs: ['/..{outside}/a', '../../outside/b', '{up}{outside}/c']",
    "target": "volumes: ['/..{outside}/a', 'data:{up}{outside}/b']",
    "subpath": """\
volumes:
  - {{type: volume, source: data, target: /x, volume: {{subpath: '{up}{outside}/s'}}}}
""",
    "absolute subpath": """\
volumes:
  - {{type: volume, source: data, target: /x, volume: {{subpath: '{outside}/s'}}}}
""",
    "working_dir": "working_dir: {outside}/made",
    "native working_dir": "x-yard: {{working_dir: '{up}{outside}/made'}}",
    "secret": "secrets: [{{source: mine, target: '{up}{outside}/secret'}}]",
    "config": "configs: [{{source: mine, target: '/..{outside}/config'}}]",
    "image": "image: 'postgres:{up}{outside}'",
    "redis": "image: 'redis:../../outside'",
    "aliases": "networks: {{default: {{aliases: ['{outside}/alias', '..']}}}}",
    "logging": "logging: {{options: {{path: '{outside}/log', max-file: '1'}}}}",
    "pid": "pid: 'container:../../outside'",
}
"""What one service says; `{up}` and `{outside}` are filled in."""

TOP = {
    "volume": "volumes: {{data: {{name: '{up}{outside}/volume'}}}}",
    "absolute volume": "volumes: {{data: {{name: '{outside}'}}}}",
    "volume ..": "volumes: {{data: {{name: '..'}}}}",
    "volume .": "volumes: {{data: {{name: '.'}}}}",
    "volume with NUL": 'volumes: {{data: {{name: "a\\0b"}}}}',
    "volume with lines": 'volumes: {{data: {{name: "a\\n/b"}}}}',
    "external volume": "volumes: {{data: {{external: true, name: '{outside}'}}}}",
    "device": """\
volumes:
  data: {{driver_opts: {{type: none, o: bind, device: '{outside}/device'}}}}
""",
    "network": "networks: {{default: {{name: '{up}{outside}/network'}}}}",
    "project": "name: '{up}{outside}/project'",
    "secret": "secrets: {{mine: {{name: '{outside}/s', environment: HOME}}}}",
    "config": "configs: {{mine: {{name: '{outside}/c', content: text}}}}",
    "generate": "x-yard: {{generate: ['../../outside', 'A/../B']}}",
}
"""What stands at the top level."""

DEFAULTS = {
    "volumes": "volumes: {data: }",
    "secrets": "secrets: {mine: {environment: HOME}}",
    "configs": "configs: {mine: {content: text}}",
}


def a_file(outside: Path, *, service: str = "", top: str = "") -> str:
    fill = {"up": UP, "outside": str(outside)}
    top = top.format(**fill)
    more = [text for key, text in DEFAULTS.items() if not top.startswith(key)]
    lines = ["services:", "  '..':"]
    if not service.startswith("image"):
        lines.append("    image: alpine")
    lines.append("    command: sh -c 'echo x > /data/file; exec sleep 1000000'")
    if not service.startswith("volumes"):
        lines.append("    volumes: ['data:/data']")
    lines += [indent(service.format(**fill), "    "), top, *more]
    return "\n".join(lines)


def tree(root: Path, *, without: Path) -> dict[str, tuple[object, ...]]:
    """All there is below a directory, and what a change would show."""
    found = {}
    for directory, directories, files in os.walk(root):
        here = [name for name in directories if f"{directory}/{name}" != str(without)]
        directories[:] = here
        for name in (*here, *files):
            path = f"{directory}/{name}"
            status = os.lstat(path)
            size = 0 if name in here else (status.st_size, status.st_mtime_ns)
            found[path] = (status.st_mode, status.st_uid, status.st_ino, size)
    return found


@pytest.fixture
def outside(stack: Stack, tmp_path: Path) -> Path:
    """A directory with a file that is nobody's to change, and a home."""
    (tmp_path / "home").mkdir()
    path = tmp_path / "outside"
    (path / "_data").mkdir(parents=True)
    (path / "_data" / "precious").write_text("precious")
    (stack.root / "link").symlink_to(path)
    return path


def run(stack: Stack, tmp_path: Path, *arguments: str, **environment: str) -> int:
    environment = {"HOME": str(tmp_path / "home"), **environment}
    done = stack.shell.run(*arguments, **stack.environment, **environment)
    assert done.returncode in {0, 1}, done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return done.returncode


def check(stack: Stack, tmp_path: Path, text: str) -> None:
    stack.shell.write("compose.yaml", text)
    before = tree(tmp_path, without=stack.home)
    run(stack, tmp_path, "up", "-d", "-t", "0")
    run(stack, tmp_path, "up", "-d", "-t", "0", "--force-recreate", "-V")
    run(stack, tmp_path, "down", "-t", "0", "-v", "-y")
    if stack.state.path.exists():  # it may not load, and yet have been brought up
        run(stack, tmp_path, "-p", "demo", "down", "-t", "0")

    after = tree(tmp_path, without=stack.home)
    after.pop(str(stack.root / ".env"), None)  # what `generate` is for
    assert after == before


@pytest.mark.parametrize("name", SERVICE)
def test_services(stack: Stack, tmp_path: Path, outside: Path, name: str) -> None:
    check(stack, tmp_path, a_file(outside, service=SERVICE[name]))


@pytest.mark.parametrize("name", TOP)
def test_resources(stack: Stack, tmp_path: Path, outside: Path, name: str) -> None:
    check(stack, tmp_path, a_file(outside, top=TOP[name]))


@pytest.mark.parametrize("name", ["..", "../../outside", "/outside", "a/b", ".x"])
def test_project_names(stack: Stack, tmp_path: Path, outside: Path, name: str) -> None:
    stack.shell.write("compose.yaml", a_file(outside))
    before = tree(tmp_path, without=stack.home)

    assert run(stack, tmp_path, "-p", name, "up", "-d") == 1
    assert run(stack, tmp_path, "-p", name, "down", "-v", "-y") == 1
    assert run(stack, tmp_path, "up", "-d", COMPOSE_PROJECT_NAME=name) == 1
    assert tree(tmp_path, without=stack.home) == before


def test_links_in_a_volume_do_not_lead_out_of_it(
    stack: Stack, tmp_path: Path, outside: Path
) -> None:
    """One service leaves a link in its volume; another mounts what is behind it."""
    stack.write(
        f"""
        services:
          first:
            image: alpine
            command: ln -s {outside} /data/link
            volumes: ["data:/data"]
          second:
            image: alpine
            user: nobody
            command: sleep 1000000
            depends_on: {{first: {{condition: service_completed_successfully}}}}
            volumes:
              - type: volume
                source: data
                target: /x
                volume: {{subpath: link/made}}
        volumes: {{data: }}
        """
    )
    before = tree(tmp_path, without=stack.home)
    done = stack.yard("up", "-d", code=1)

    assert "leads out of the volume" in done.stderr
    stack.yard("down", "-v", "-y")
    assert tree(tmp_path, without=stack.home) == before


def test_declared_binds_are_made(stack: Stack, outside: Path) -> None:
    stack.write(
        """
        services:
          web:
            image: alpine
            command: sh -c 'echo x > /data/file'
            volumes: [./link/made:/data]
        """
    )
    stack.yard("up", "-d")

    stack.eventually((outside / "made/file").exists)
