"""`yard ps`: columns, formats, filters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Stack

KEYS = [
    *("Command", "CreatedAt", "Engine", "ExitCode", "Health", "ID", "Image", "Labels"),
    *("LocalVolumes", "Mounts", "Name", "Names", "Networks", "Ports", "Project"),
    *("Publishers", "RunningFor", "Service", "Size", "State", "Status"),
]


@pytest.fixture
def running(stack: Stack) -> Stack:
    """`web` runs and is published, `job` has ended with code 3."""
    port = stack.free_port()
    stack.write(
        f"""
        services:
          web:
            image: alpine
            command: sleep 1000000
            ports: ["{port}:8000"]
            expose: ["9000"]
            labels: {{team: blue}}
          job:
            image: alpine
            command: sh -c "exit 3"
        """
    )
    stack.yard("up", "-d")
    stack.eventually(lambda: stack.states()["demo-job-1"] == "exited")
    return stack


def test_the_table(running: Stack) -> None:
    heading, line = running.yard("ps").stdout.splitlines()

    columns = ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"]
    assert heading.split() == columns
    places = [heading.index(name) for name in columns]
    cells = [
        line[begin:end].strip()
        for begin, end in zip(places, [*places[1:], None], strict=True)
    ]
    assert cells[:4] == ["demo-web-1", "alpine", '"sleep 1000000"', "web"]
    assert cells[4].endswith(" ago")
    assert cells[5].startswith("Up ")
    assert cells[6].startswith("9000/tcp, 127.0.0.1:")
    assert cells[6].endswith("->8000/tcp")


def test_all_shows_what_has_ended(running: Stack) -> None:
    lines = running.yard("ps", "-a").stdout.splitlines()

    assert [line.split()[0] for line in lines] == ["NAME", "demo-job-1", "demo-web-1"]
    assert "Exited (3)" in lines[1]
    assert "\"sh -c 'exit 3'\"" in lines[1]


def test_json_is_one_object_a_line_with_dockers_keys(running: Stack) -> None:
    lines = running.yard("ps", "-a", "--format", "json").stdout.splitlines()
    job, web = map(json.loads, lines)

    assert list(job) == list(web) == KEYS
    assert (job["State"], job["ExitCode"], job["Publishers"]) == ("exited", 3, [])
    assert len(web["ID"]) == 12
    assert web["Publishers"][1]["TargetPort"] == 8000
    assert "team=blue" in web["Labels"]


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        ("--services", "web\n"),
        ("--services -a", "job\nweb\n"),
        ("--status exited --services", "job\n"),
        ("--status exited --status running --services", "job\nweb\n"),
        ("--filter status=exited --services", "job\n"),
        ("web --services", "web\n"),
        ("job --services", ""),
        ("-a --format {{.Name}}={{.State}}", "demo-job-1=exited\ndemo-web-1=running\n"),
        ('--format {{.Label\u00a0"team"}}', "blue\n"),
        (
            "--format table\u00a0{{.Name}}\\t{{.State}}",
            "NAME         STATE\ndemo-web-1   running\n",
        ),
    ],
)
def test_choosing(running: Stack, arguments: str, output: str) -> None:
    words = [word.replace("\u00a0", " ") for word in arguments.split(" ")]

    assert running.yard("ps", *words).stdout == output


def test_quiet_prints_whole_ids(running: Stack) -> None:
    identifier = running.containers()["demo-web-1"].container.id

    assert running.yard("ps", "-q").stdout == f"{identifier}\n"


def test_commands_are_shortened_unless_asked(stack: Stack) -> None:
    stack.write(
        """
        services:
          web:
            image: alpine
            command: sh -c "sleep 1000000; echo this is long"
        """
    )
    stack.yard("up", "-d")

    short = stack.yard("ps", "--format", "{{.Command}}").stdout
    assert short == '"sh -c \'sleep 100000…"\n'
    whole = stack.yard("ps", "--no-trunc", "--format", "{{.Command}}").stdout
    assert whole == "\"sh -c 'sleep 1000000; echo this is long'\"\n"


def test_orphans_are_hidden_on_request(running: Stack) -> None:
    running.write("services: {job: {image: alpine, command: 'true'}}")

    assert running.yard("ps", "--services").stdout == "web\n"
    assert running.yard("ps", "--services", "--orphans=false").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nope", "error: no such service: nope"),
        ("--filter status", "arguments to --filter should be in form KEY=VAL"),
        ("--filter name=x", "unknown filter name"),
        ("--status nope", "'nope' is not one of"),
        ("--format {{.Nope}}", "template parsing error"),
    ],
)
def test_errors(running: Stack, arguments: str, message: str) -> None:
    done = running.yard("ps", *arguments.split(), code=1)

    assert message in done.stderr
    assert done.stdout == ""


def test_nothing_up_is_an_empty_table_and_starts_no_supervisor(stack: Stack) -> None:
    stack.write("services: {web: {image: alpine, command: 'true'}}")

    assert stack.yard("ps").stdout.split() == (
        ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"]
    )
    assert stack.yard("ps", "web", "-q").stdout == ""
    assert stack.processes() == []


def test_a_name_needs_no_file(running: Stack) -> None:
    (running.root / "compose.yaml").unlink()

    assert running.yard("-p", "demo", "ps", "--services").stdout == "web\n"
