"""Service ports: the short syntax in the canonical, long form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.port import parse

if TYPE_CHECKING:
    from collections.abc import Callable


def brief(value: str | int) -> list[str]:
    """Write each port as `[IP] PUBLISHED > TARGET/PROTOCOL`, without what is unset."""
    return [
        " ".join(
            [
                *([f"[{port['host_ip']}]"] if "host_ip" in port else []),
                *([f"{port['published']} >"] if "published" in port else []),
                f"{port['target']}/{port['protocol']}",
            ]
        )
        for port in parse(value)
    ]


def test_the_long_form_is_complete() -> None:
    port: dict[str, Any] = {
        "mode": "ingress",
        "host_ip": "127.0.0.1",
        "target": 80,
        "published": "8080",
        "protocol": "tcp",
    }

    assert parse("127.0.0.1:8080:80") == [port]
    assert list(parse("127.0.0.1:8080:80")[0]) == list(port)


@pytest.mark.parametrize(
    ("value", "ports"),
    [
        (80, ["80/tcp"]),
        ("80", ["80/tcp"]),
        ("080", ["80/tcp"]),
        (":80", ["80/tcp"]),
        ("::80", ["80/tcp"]),
        ("8080:80", ["8080 > 80/tcp"]),
        (":8080:80", ["8080 > 80/tcp"]),
        ("08080:0080", ["8080 > 80/tcp"]),
        pytest.param("0:80", ["0 > 80/tcp"], id="any free port"),
        ("65535:65535", ["65535 > 65535/tcp"]),
    ],
)
def test_single_ports(value: str | int, ports: list[str]) -> None:
    assert brief(value) == ports


@pytest.mark.parametrize(
    ("spec", "ports"),
    [
        ("80/udp", ["80/udp"]),
        ("53:53/UDP", ["53 > 53/udp"]),
        ("80/sctp", ["80/sctp"]),
        ("80/Tcp", ["80/tcp"]),
        ("80/", ["80/tcp"]),
    ],
)
def test_protocols(spec: str, ports: list[str]) -> None:
    assert brief(spec) == ports


@pytest.mark.parametrize(
    ("spec", "ports"),
    [
        ("127.0.0.1:8080:80", ["[127.0.0.1] 8080 > 80/tcp"]),
        ("127.0.0.1::80", ["[127.0.0.1] 80/tcp"]),
        ("[1.2.3.4]:80:80", ["[1.2.3.4] 80 > 80/tcp"]),
        ("[::1]:8080:80", ["[::1] 8080 > 80/tcp"]),
        ("::1:8080:80", ["[::1] 8080 > 80/tcp"]),
        ("[::1]::80", ["[::1] 80/tcp"]),
        ("[::]:80:80", ["[::] 80 > 80/tcp"]),
        ("2001:db8::1:80:80", ["[2001:db8::1] 80 > 80/tcp"]),
        ("::ffff:1.2.3.4:80:80", ["[::ffff:1.2.3.4] 80 > 80/tcp"]),
        ("[]:80:80", ["80 > 80/tcp"]),
    ],
)
def test_addresses(spec: str, ports: list[str]) -> None:
    assert brief(spec) == ports


@pytest.mark.parametrize(
    ("spec", "ports"),
    [
        ("3000-3002", ["3000/tcp", "3001/tcp", "3002/tcp"]),
        ("80-80", ["80/tcp"]),
        ("80-81:90-91/udp", ["80 > 90/udp", "81 > 91/udp"]),
        ("[::1]:80-81:90-91", ["[::1] 80 > 90/tcp", "[::1] 81 > 91/tcp"]),
        ("127.0.0.1::80-81", ["[127.0.0.1] 80/tcp", "[127.0.0.1] 81/tcp"]),
        ("80:80-80", ["80 > 80/tcp"]),
        pytest.param("8000-8002:80", ["8000-8002 > 80/tcp"], id="kept for one target"),
        pytest.param("8-10", ["10/tcp", "8/tcp", "9/tcp"], id="in order of the text"),
        pytest.param("1-2-3-x", ["1/tcp", "2/tcp"], id="the rest of it is ignored"),
    ],
)
def test_ranges(spec: str, ports: list[str]) -> None:
    assert brief(spec) == ports


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "it has no target port"),
        ("80:", "it has no target port"),
        ("/tcp", "it has no target port"),
        (0, "a target port cannot be 0"),
        ("80:0", "a target port cannot be 0"),
        ("0-3", "a target port cannot be 0"),
        ("65536", "port 65536 is above 65535"),
        ("65536:80", "port 65536 is above 65535"),
        ("1-70000", "port 70000 is above 65535"),
        ("80/foo", 'unknown protocol "foo"'),
        ("80/tcp/udp", 'unknown protocol "tcp/udp"'),
        (-1, '"-1" is not a port'),
        ("80 ", '"80 " is not a port'),
        ("+80", '"+80" is not a port'),
        ("80-", '"80-" is not a port'),
        ("a:80", '"a" is not a port'),
        ("80/tcp:80", '"80/tcp" is not a port'),
        ("127.0.0.1:80", '"127.0.0.1" is not a port'),
        ("80-70", 'the range "80-70" ends before it begins'),
        ("8000:80-82", "published and target range differ in length"),
        ("8000-8002:80-81", "published and target range differ in length"),
        ("localhost:80:80", '"localhost" is not an IP address'),
        ("256.1.1.1:80:80", '"256.1.1.1" is not an IP address'),
        ("01.2.3.4:80:80", '"01.2.3.4" is not an IP address'),
        ("1:2:3", '"1" is not an IP address'),
        ("[::1:80:80", '"[::1" is not an IP address'),
        ("[::1]:80", '"[:" is not an IP address'),
        ("[fe80::1%eth0]:80:80", '"[fe80::1%eth0]" is not an IP address'),
    ],
)
def test_what_is_no_port(value: str | int, reason: str) -> None:
    with pytest.raises(InvalidValueError) as error:
        parse(value)

    assert error.value.message == f'invalid port "{value}": {reason}'
    assert error.value.hint


PORTS = st.integers(1, 65535)


@given(first=PORTS, length=st.integers(1, 50), published=PORTS)
def test_ranges_pair_up(first: int, length: int, published: int) -> None:
    last = min(first + length, 65535)
    offset = min(published, 65535 - (last - first)) - first

    ports = parse(f"{first + offset}-{last + offset}:{first}-{last}")

    assert {port["target"]: port["published"] for port in ports} == {
        target: str(target + offset) for target in range(first, last + 1)
    }


@given(
    spec=st.text() | st.text("0189:-/[]tcpud.a%"),
)
def test_any_text_is_read_or_refused(spec: str, attempt: Callable) -> None:
    attempt(parse, spec)
