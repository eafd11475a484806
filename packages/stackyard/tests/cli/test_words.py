"""Docker's wording of ages, states, ports and sizes."""

from __future__ import annotations

import pytest

from stackyard.cli import words
from stackyard.engine.process.containers import Container, Health, State
from stackyard.engine.process.protocol import Publisher, Shown

SECOND = 1_000_000_000
NOW = 1_000_000 * SECOND


def container(**values: object) -> Container:
    fixed = {
        "id": "0" * 64,
        "name": "demo-web-1",
        "service": "web",
        "number": 1,
        "spec": "",
        "config_hash": "",
        "content_hash": "",
        "address": "127.1.0.1",
        "created_at": NOW,
    }
    return Container(**{**fixed, **values})  # type: ignore[arg-type]


def shown(*ports: Publisher, exposed: tuple[int, ...] = ()) -> Shown:
    running = container(state=State.RUNNING)
    return Shown(container=running, image="", command="", ports=ports, exposed=exposed)


def port(target: int, published: int, host: str = "127.0.0.1") -> Publisher:
    return Publisher(host=host, port=published, target=target, protocol="tcp")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "Less than a second"),
        (1, "1 second"),
        (59.9, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (5400, "2 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (13 * 86400, "13 days"),
        (14 * 86400, "2 weeks"),
        (60 * 86400, "2 months"),
        (800 * 86400, "2 years"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "Created"),
        ({"state": State.DEAD}, "Dead"),
        ({"state": State.RUNNING}, "Up 2 seconds"),
        ({"state": State.PAUSED}, "Up 2 seconds (Paused)"),
        (
            {"state": State.RUNNING, "health": Health.STARTING},
            "Up 2 seconds (health: starting)",
        ),
        (
            {"state": State.RUNNING, "health": Health.UNHEALTHY},
            "Up 2 seconds (unhealthy)",
        ),
        ({"state": State.EXITED, "exit_code": 3}, "Exited (3) 3 seconds ago"),
        ({"state": State.RESTARTING, "exit_code": 1}, "Restarting (1) 3 seconds ago"),
    ],
)
def test_states(values: dict[str, object], text: str) -> None:
    times = {"started_at": NOW - 2 * SECOND, "finished_at": NOW - 3 * SECOND}

    assert words.status(container(**times, **values), NOW) == text


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (shown(), ""),
        (shown(exposed=(5432,)), "5432/tcp"),
        (shown(port(8000, 18080)), "127.0.0.1:18080->8000/tcp"),
        (
            shown(port(8000, 18080), exposed=(8000, 5432)),
            "5432/tcp, 127.0.0.1:18080->8000/tcp",
        ),
        (shown(port(80, 81), port(81, 82)), "127.0.0.1:81-82->80-81/tcp"),
        (
            shown(port(80, 81), port(81, 92)),
            "127.0.0.1:81->80/tcp, 127.0.0.1:92->81/tcp",
        ),
        (shown(port(80, 80, "::1")), "[::1]:80->80/tcp"),
    ],
)
def test_ports(item: Shown, text: str) -> None:
    assert words.ports(item) == text


@pytest.mark.parametrize(
    ("count", "binary", "text"),
    [
        (0, False, "0B"),
        (999, False, "999B"),
        (1500, False, "1.5kB"),
        (1536, True, "1.5KiB"),
        (5 * 2**30, True, "5GiB"),
    ],
)
def test_sizes(count: int, binary: bool, text: str) -> None:
    assert words.size(count, binary=binary) == text


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert words.ellipsis("x" * 21, 20) == "x" * 19 + "…"
    assert words.ellipsis("x" * 20, 20) == "x" * 20
