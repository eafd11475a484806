"""A Compose file cannot make the loader do more than read the files it is made of.

The commands run in a process of their own that writes down everything it asks of the
operating system: Python's audit events, from the moment its imports are done.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support import Workspace

SECRET = "correct horse battery staple"

AUDITED = """
import json, sys
from click.testing import CliRunner
import stackyard.cli.main as main

# What is imported on use is imported first: reading modules is not the point.
CliRunner().invoke(main.yard, sys.argv[2:])
events = []
sys.addaudithook(lambda name, args: events.append((name, repr(args[:1]))))
result = CliRunner().invoke(main.yard, sys.argv[2:])
seen = list(events)
with open(sys.argv[1], "w") as file:
    json.dump({"output": result.output, "code": result.exit_code, "events": seen}, file)
"""

FORBIDDEN = ("subprocess", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.")
FORBIDDEN += (
    "socket",
    "urllib",
    "http",
    "ftplib",
    "smtplib",
    "ctypes",
    "exec",
    "pickle",
)
FORBIDDEN += ("os.remove", "os.rename", "os.mkdir", "os.chmod", "shutil", "os.putenv")

COMMANDS = [
    ["config"],
    ["config", "--format", "json"],
    ["config", "--hash", "*"],
    ["config", "--variables"],
    ["config", "--no-interpolate"],
    ["config", "--images"],
    ["config", "--services"],
    ["explain", "web.secrets"],
    ["explain", "web.environment.LEVEL"],
    ["explain", "secrets.key.file"],
    ["explain", "secrets.token.environment"],
    ["explain", "web"],
]


@pytest.fixture
def project(workspace: Workspace) -> Workspace:
    """Everything that names a file, and each of those files with the same secret."""
    workspace.write(
        "compose.yaml",
        """\
        include: [included.yaml]
        services:
          web:
            extends: {file: base.yaml, service: base}
            build: {context: ./context, dockerfile: build.dockerfile}
            env_file: web.env
            label_file: web.labels
            secrets: [key, token]
            configs: [settings]
            volumes: [./data:/data, /etc/passwd:/passwd:ro]
            credential_spec: {file: credentials.json}
            develop: {watch: [{path: ./src, action: rebuild}]}
        secrets:
          key: {file: ./key.pem}
          token: {environment: TOKEN}
        configs:
          settings: {file: ./settings.ini}
        """,
    )
    workspace.write("base.yaml", "services: {base: {image: nginx}}")
    workspace.write("included.yaml", "services: {db: {image: postgres}}")
    workspace.write(".env", "TAG=1\n")
    workspace.write("web.env", "LEVEL=info\n")
    workspace.write("web.labels", "owner=us\n")
    names = ["key.pem", "settings.ini", "context/build.dockerfile", "data/file"]
    for name in [*names, "src/file", "credentials.json", "context/.dockerignore"]:
        workspace.write(name, SECRET)
    return workspace


def audited(project: Workspace, command: list[str]) -> dict:
    result = project.root.parent / "result.json"
    subprocess.run(
        [sys.executable, "-P", "-c", AUDITED, str(result), *command],
        cwd=project.root,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "TOKEN": SECRET},
        check=True,
        timeout=60,
    )
    return json.loads(result.read_text())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_only_named_files_are_opened_and_nothing_runs(
    project: Workspace, command: list[str]
) -> None:
    seen = audited(project, command)
    opened = {
        Path(argument.strip("(',)")).name
        for name, argument in seen["events"]
        if name == "open"
        and not argument.startswith(("(0", "(1", "(2"))
        # A descriptor is a number: the file was opened, and seen, by its name.
        and "'" in argument
    }
    done = {name for name, _ in seen["events"] if name.startswith(FORBIDDEN)}

    assert seen["code"] == 0, seen["output"]
    assert not done
    assert opened <= {
        *("compose.yaml", "base.yaml", "included.yaml"),
        *(".env", "web.env", "web.labels"),
    }
    assert "compose.yaml" in opened


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_secret_is_never_printed(project: Workspace, command: list[str]) -> None:
    assert SECRET not in audited(project, command)["output"]


def test_the_environment_is_printed_where_it_is_asked_for(project: Workspace) -> None:
    """As docker compose does: whoever asks for the environment gets all of it."""
    assert SECRET in audited(project, ["config", "--environment"])["output"]


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system [touch owned]",
        "services: {web: {image: !!python/name:os.system x}}",
        "services: {web: {image: !!python/object/new:type [x]}}",
        "services: {web: {image: $(touch owned)}}",
        "services: {web: {image: '`touch owned`'}}",
        "services: {web: {provider: {type: touch, options: {x: owned}}}}",
        "services: {web: {image: x, post_start: [{command: touch owned}]}}",
    ],
)
def test_no_text_is_run(workspace: Workspace, text: str) -> None:
    workspace.write("compose.yaml", text)

    seen = audited(workspace, ["config"])

    assert not [name for name, _ in seen["events"] if name.startswith(FORBIDDEN)]
    assert not (workspace.root / "owned").exists()


@pytest.mark.parametrize(
    "text",
    [
        "include: ['https://example.com/compose.yaml']",
        "include: ['oci://example.com/compose']",
        "include: ['git@github.com:docker/compose.git']",
        "services: {web: {extends: {file: 'https://example.com/x.yaml', service: a}}}",
        "services: {web: {build: 'https://github.com/docker/compose.git'}}",
        "services: {web: {image: x, env_file: 'https://example.com/env'}}",
    ],
)
def test_nothing_is_fetched(workspace: Workspace, text: str) -> None:
    workspace.write("compose.yaml", text)

    seen = audited(workspace, ["config"])

    assert not [name for name, _ in seen["events"] if name.startswith(FORBIDDEN)]
