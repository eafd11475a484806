"""The command line as such: help, errors, exit codes, closed outputs, completion."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from branchpg_harness.command_line import COMMAND, Cli

from branchpg.client.cli.branch import branch as branch_group
from branchpg.client.cli.main import ALIASES, COMMANDS, branchpg, main
from branchpg.client.cli.printing import size

PATHS = [[], *([name] for name in COMMANDS)]
PATHS += [["branch", name] for name in branch_group.list_commands(None)]


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_fits_a_screen(path, capsys):
    assert main([*path, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80


def test_aliases_lead_to_commands():
    assert set(ALIASES.values()) <= set(COMMANDS)
    for alias, name in ALIASES.items():
        assert branchpg.get_command(None, alias) is branchpg.get_command(None, name)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["brnch"], 'there is no command "brnch"; did you mean branch?'),
        (["branch", "crate"], 'there is no command "crate"; did you mean create?'),
        (["init"], "missing argument 'DIR'"),
        (["branch", "list", "--outptu"], "no such option '--outptu'"),
        (["branch", "reset", "x"], "a branch is reset to its parent: add --parent"),
        (["branch", "prune"], "say which: --older-than, --pattern, --git or --merged"),
        (["import", "x"], "give either --from or --dump"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_hint(arguments, told, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert f"error: {told}" in error
    assert "hint: branchpg" in error


def test_no_project_ends_with_1_and_a_hint(place):
    error = Cli(place).error("branch", "list")
    assert "there is no project in" in error
    assert "hint: make one with branchpg init ./db" in error


def test_a_project_that_does_not_run_says_so(own, place):
    cli = Cli(place)
    for command in (["branch", "list"], ["psql"], ["store", "status"]):
        error = cli.error("-C", own.place.root, *command)
        assert "does not run" in error
        assert "hint: branchpg start" in error


def test_status_of_what_does_not_run_ends_with_3(own, place):
    told = Cli(place)("status", own.place.root, code=3).stdout
    assert told.count("stopped") == 3


def test_a_newcomer_gets_a_project(place):
    os.chmod(place, 0o755)
    cli = Cli(place)
    assert cli("init", "./db").stdout.endswith("Start it: branchpg start\n")
    assert cli("init", "./shop").stdout.endswith("Start it: branchpg start -C shop\n")
    assert "is a project already" in cli.error("init", "./shop")
    for directory in ((), ("./db",), ("-C", "shop")):
        assert "stopped" in cli("status", *directory, code=3).stdout


def test_init_takes_a_password_from_a_file_alone(place):
    (place / "secret").write_text("open sesame\n")
    Cli(place)("init", "db", "--password-file", "secret", "--port", "0")
    assert (place / "db/password").read_text() == "open sesame\n"
    assert ":postgres:open sesame\n" in (place / "db/pgpass").read_text()


def test_init_of_a_version_that_is_not_there_makes_nothing(place):
    assert "PostgreSQL 9" in Cli(place).error("init", "db", "--pg-version", "9")
    assert not (place / "db").exists()


def test_an_output_that_is_closed_is_no_error(cli):
    child = subprocess.Popen(
        [*COMMAND, "branch", "list"],
        env=cli.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(20) in {0, 1, 141}


def test_an_interrupt_leaves_no_traceback(own):
    argv = [*COMMAND, "-C", own.place.root, "start"]
    child = subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    child.stderr.readline()  # the first service runs
    child.send_signal(signal.SIGINT)
    told = child.communicate(timeout=40)[1]
    assert child.returncode in {0, 130}
    assert b"Traceback" not in told
    if child.returncode == 130:
        assert own.services.running == []


def test_colours_are_for_terminals(cli):
    assert "\x1b[" not in cli("branch", "list").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell, capsys):
    if shell == "bash" and not os.path.exists("/bin/bash"):
        pytest.skip("no bash")
    assert main(["completion", shell]) == 0
    assert "_BRANCHPG_COMPLETE" in capsys.readouterr().out


def test_branches_are_completed(cli):
    cli("branch", "create", "complete-me", "--no-compute")
    variables = {
        "_BRANCHPG_COMPLETE": "bash_complete",
        "COMP_WORDS": "branchpg psql comp",
        "COMP_CWORD": "2",
    }
    done = subprocess.run(
        COMMAND, env=cli.variables | variables, capture_output=True, timeout=30
    )
    assert b"complete-me" in done.stdout


def test_listing_is_quick(cli):
    """Its own time is about 0.07 s; the bound leaves room for a busy machine."""
    spent = []
    for _ in range(5):
        began = time.monotonic()
        cli("branch", "list")
        spent.append(time.monotonic() - began)
    assert min(spent) < 0.6


def test_little_is_imported_for_a_list():
    code = "import branchpg.client.cli.branch, branchpg.client.project, sys; "
    code += "print(*sorted(sys.modules))"
    argv = [COMMAND[0], "-c", code]
    loaded = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert not {"psycopg2", "asyncio", "starlette", "yaml"} & set(loaded.split())


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1536, "1.5 KiB"), (2**40 * 3, "3 TiB")]
)
def test_sizes(count, text):
    assert size(count) == text
