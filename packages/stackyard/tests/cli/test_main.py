"""`yard` itself: help, exit codes, misspelt commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from stackyard.cli.main import COMMANDS

if TYPE_CHECKING:
    from conftest import Shell

WEB = "services: {web: {image: nginx}}"


def test_help_fits_a_terminal(shell: Shell) -> None:
    lines = shell.output("--help", COLUMNS="200").splitlines()

    assert len(lines) <= 50
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_fits_in_80_columns(shell: Shell, command: str) -> None:
    lines = shell.output(command, "--help", COLUMNS="200").splitlines()

    assert max(map(len, lines)) <= 80
    assert lines[0].startswith(f"Usage: yard {command} ")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_every_command(shell: Shell, option: str) -> None:
    output = shell.output(option)

    assert all(re.search(rf"^  (.*, )?{name}[ ,]", output, re.M) for name in COMMANDS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("confg", "config"), ("explian", "explain"), ("versoin", "version")],
)
def test_a_misspelt_command_is_guessed(shell: Shell, typed: str, meant: str) -> None:
    message = shell.error(typed)

    assert f"unknown command '{typed}'. Did you mean {meant}?" in message


def test_another_word_is_not(shell: Shell) -> None:
    message = shell.error("frobnicate")

    assert "unknown command 'frobnicate'." in message
    assert "Did you mean" not in message


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["config", "--nonsense"],
        ["config", "--format"],
        ["config", "--format", "toml"],
        ["explain"],
        ["-f", "missing.yaml", "config"],
        ["config", "missing-service"],
    ],
    ids=" ".join,
)
def test_every_failure_is_exit_code_1(shell: Shell, arguments: list[str]) -> None:
    shell.write("compose.yaml", WEB)

    assert shell.error(*arguments)


def test_success_is_exit_code_0(shell: Shell) -> None:
    shell.write("compose.yaml", WEB)

    assert shell.output("config", "-q") == ""


def test_whoever_stops_reading_hears_no_complaint(shell: Shell) -> None:
    keys = "".join(f"      key{number}: value\n" for number in range(20_000))
    labels = f"services:\n  web:\n    image: nginx\n    labels:\n{keys}"
    shell.write("compose.yaml", labels)
    command = [sys.executable, "-P", "-m", "stackyard", "config"]

    with subprocess.Popen(
        command, cwd=shell.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as yard:
        assert yard.stdout is not None
        yard.stdout.readline()
        yard.stdout.close()
        assert yard.stderr is not None
        complaint = yard.stderr.read()

    assert complaint == b""


@pytest.mark.parametrize("arguments", ["config", "explain web.image", "--help"])
def test_nor_does_whoever_never_reads(shell: Shell, arguments: str) -> None:
    shell.write("compose.yaml", WEB)
    reader, writer = os.pipe()
    os.close(reader)

    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "stackyard", *arguments.split()],
            cwd=shell.root,
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writer)

    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed(shell: Shell, closed: str) -> None:
    shell.write("compose.yaml", WEB)
    command = f"{sys.executable} -P -m stackyard config {closed}"

    done = subprocess.run(
        ["sh", "-c", command], cwd=shell.root, capture_output=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, b"")


def test_output_is_utf_8_whatever_python_is_told(shell: Shell) -> None:
    shell.write("compose.yaml", "services: {web: {image: alpine, command: echo ₤日}}")

    assert "₤日" in shell.output("config", PYTHONIOENCODING="latin-1")


def test_a_directory_that_is_gone(shell: Shell) -> None:
    """The shell still stands in it; the command must not fall over."""
    command = f'd=$(mktemp -d); cd "$d"; rmdir "$d"; {sys.executable} -P -m stackyard'

    done = subprocess.run(
        ["sh", "-c", f"{command} config"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
