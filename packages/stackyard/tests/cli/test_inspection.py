"""`yard top`, `stats`, `events`, `images`, `volumes`, `port`, `ls`, `wait`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Stack


@pytest.fixture
def running(stack: Stack) -> Stack:
    stack.write(
        """
        services:
          web:
            image: registry.example:5000/team/alpine:3.20
            command: sh -c 'sleep 1000000 & wait'
            entrypoint: []
            ports: ["8000"]
            volumes: ["data:/data"]
            mem_limit: 64m
          job:
            image: alpine
            command: sh -c 'exit 3'
            volumes: ["cache:/cache"]
        volumes: {data: , cache: }
        """
    )
    stack.yard("up", "-d")
    stack.eventually(lambda: stack.states()["demo-job-1"] == "exited")
    return stack


def test_top(running: Stack) -> None:
    heading, *lines = running.yard("top").stdout.splitlines()

    assert heading.split() == [
        *("SERVICE", "#", "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"),
    ]
    assert [line.split()[:2] for line in lines] == [["web", "1"]] * len(lines)
    assert len(lines) == 2
    assert lines[1].endswith("sleep 1000000")
    parent, child = (line.split() for line in lines)
    assert child[4] == parent[3]


def test_stats(running: Stack) -> None:
    output = running.yard("stats", "--no-stream", "--format", "json").stdout
    (found,) = [json.loads(line) for line in output.splitlines()]

    assert list(found) == (
        ["BlockIO", "CPUPerc", "Container", "ID", "MemPerc", "MemUsage", "Name"]
        + ["NetIO", "PIDs"]
    )
    assert (found["Name"], found["NetIO"], found["PIDs"]) == (
        "demo-web-1",
        "0B / 0B",
        "2",
    )
    assert re.fullmatch(r"[\d.]+[KM]iB / 64MiB", found["MemUsage"])
    assert re.fullmatch(r"\d+\.\d\d%", found["CPUPerc"])


def test_stats_of_what_has_ended(running: Stack) -> None:
    table = running.yard("stats", "--no-stream", "-a").stdout.splitlines()

    assert table[0].split("  ")[0] == "CONTAINER ID"
    assert [line.split()[1] for line in table[1:]] == ["demo-job-1", "demo-web-1"]


def test_events(running: Stack) -> None:
    output = running.yard(
        "events", "--json", "--since", "10m", "--until", "1s", "job", code=0
    ).stdout
    assert output == "" or "job" in output
    following = running.begin("events", "--json", "--since", "10m")
    running.lines_until(following, '"exitCode":"3"')
    running.yard("stop", "-t", "0", "web")
    found = running.lines_until(following, '"action":"stop"')
    event = json.loads(found.splitlines()[-1])

    assert list(event) == ["action", "attributes", "id", "service", "time", "type"]
    assert (event["service"], event["type"]) == ("web", "container")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", event["time"])


def test_events_as_text(running: Stack) -> None:
    following = running.begin("events", "--since", "10m")
    line = running.lines_until(following, "demo-job-1").splitlines()[-1]

    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"
    assert re.fullmatch(rf"{stamp} container create [0-9a-f]{{64}} \(.*\)", line)


def test_images(running: Stack) -> None:
    heading, job, web = running.yard("images").stdout.splitlines()

    assert heading.startswith("CONTAINER    REPOSITORY")
    assert web.split()[:3] == [
        "demo-web-1",
        "registry.example:5000/team/alpine",
        "3.20",
    ]
    assert job.split()[:3] == ["demo-job-1", "alpine", "latest"]
    found = json.loads(running.yard("images", "--format", "json").stdout)
    assert list(found[0])[:4] == ["ID", "ContainerName", "Repository", "Tag"]
    assert [image["ID"] for image in found] == ["", ""]
    assert running.yard("images", "-q").stdout.splitlines() == [
        "alpine",
        "registry.example:5000/team/alpine:3.20",
    ]


def test_an_image_has_an_id_if_its_name_holds_one(stack: Stack) -> None:
    digest = f"sha256:{'0123456789abcdef' * 4}"
    stack.write(f"services: {{web: {{image: 'alpine@{digest}', command: 'true'}}}}")
    stack.yard("create")

    assert (
        json.loads(stack.yard("images", "--format", "json").stdout)[0]["ID"] == digest
    )
    assert stack.yard("images").stdout.splitlines()[1].split()[4] == "0123456789ab"


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        ("-q", "demo_cache\ndemo_data\n"),
        ("-q web", "demo_data\n"),
        ("web", "DRIVER   VOLUME NAME\nlocal    demo_data\n"),
        ("--format {{.Name}} job", "demo_cache\n"),
    ],
)
def test_volumes(running: Stack, arguments: str, output: str) -> None:
    assert running.yard("volumes", *arguments.split()).stdout == output


def test_volumes_say_where_they_are(running: Stack) -> None:
    line = running.yard("volumes", "--format", "json", "web").stdout

    place = running.state.root.volume("demo_data")
    assert json.loads(line)["Mountpoint"] == str(place)


def test_port(running: Stack) -> None:
    published = running.containers()["demo-web-1"].ports[0].port

    assert running.yard("port", "web", "8000").stdout == f"127.0.0.1:{published}\n"
    done = running.yard("port", "web", "9", code=1)
    assert "no port 9/tcp for container demo-web-1" in done.stderr
    assert "no such service: nope" in running.yard("port", "nope", "1", code=1).stderr


def test_ls(running: Stack) -> None:
    file = running.root / "compose.yaml"

    (found,) = json.loads(running.yard("ls", "--format", "json").stdout)
    assert found == {
        "Name": "demo",
        "Status": "exited(1), running(1)",
        "ConfigFiles": str(file),
    }
    assert running.yard("ls", "-q", "--filter", "name=^de").stdout == "demo\n"
    assert running.yard("ls", "-q", "--filter", "name=nope").stdout == ""
    running.yard("stop", "-t", "0")
    assert running.yard("ls", "-q").stdout == ""
    assert running.yard("ls", "-aq").stdout == "demo\n"
    assert "invalid filter" in running.yard("ls", "--filter", "x=y", code=1).stderr


def test_ls_needs_no_project(stack: Stack) -> None:
    assert stack.yard("ls").stdout == "NAME   STATUS   CONFIG FILES\n"


def test_wait(running: Stack) -> None:
    identifier = running.containers()["demo-job-1"].container.id
    done = running.yard("wait", "job", code=3)

    assert done.stdout == f'container "{identifier}" exited with status code 3\n'


def test_wait_can_bring_the_project_down(running: Stack) -> None:
    running.yard("wait", "--down-project", "job", code=3)

    assert not running.state.path.exists()
