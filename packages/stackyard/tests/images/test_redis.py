"""Redis: the command line it gets, and a real server behind it."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from waiting import until

from stackyard.images import registry
from stackyard.images.adapter import SELF
from stackyard.images.reference import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stackyard.images.adapter import Adapter, Host

OWN = ("--bind", SELF)
OPEN = ("--protected-mode", "no")
DATA = ("--dir", "/data")


@pytest.fixture
def adapter(host: Host) -> Adapter:
    found = registry.find(parse("redis:7-alpine"), host)
    assert found
    return found


@pytest.mark.parametrize(
    ("argv", "arguments"),
    [
        (("docker-entrypoint.sh", "redis-server"), (*OWN, *OPEN, *DATA)),
        (("docker-entrypoint.sh",), (*OWN, *OPEN, *DATA)),
        (
            ("redis-server", "--save", "60", "1"),
            ("--save", "60", "1", *OWN, *OPEN, *DATA),
        ),
        (("--appendonly", "yes"), ("--appendonly", "yes", *OWN, *OPEN, *DATA)),
        (("/etc/redis.conf",), ("/etc/redis.conf", *OWN, *OPEN)),
        (
            ("redis-server", "/x.conf", "--port", "7"),
            ("/x.conf", "--port", "7", *OWN, *OPEN),
        ),
        (("valkey-server", "--dir", "/d"), ("--dir", "/d", *OWN, *OPEN)),
        (
            ("redis-server", "--bind", "127.0.0.9"),
            ("--bind", "127.0.0.9", *OPEN, *DATA),
        ),
        (("redis-server", "--bind", "0.0.0.0"), (*OWN, *OPEN, *DATA)),
        (("redis-server", "--bind", "*", "-::*"), (*OWN, *OPEN, *DATA)),
        (
            ("redis-server", "--protected-mode", "yes"),
            ("--protected-mode", "yes", *OWN, *DATA),
        ),
        (("redis-server", "--version"), ("--version",)),
    ],
)
def test_the_servers_command_line(
    adapter: Adapter, argv: tuple[str, ...], arguments: tuple[str, ...]
) -> None:
    server, *rest = adapter.launch(argv)

    assert os.path.basename(server) in {"redis-server", "valkey-server"}
    assert tuple(rest) == arguments


def test_other_commands_run_as_they_are(adapter: Adapter) -> None:
    argv = ("docker-entrypoint.sh", "sh", "-c", "redis-server")

    assert adapter.launch(argv) == argv[1:]


@pytest.mark.parametrize(
    ("name", "warned"),
    [
        ("redis:8", True),
        ("redis:7", False),
        ("redis", False),
        ("valkey/valkey:8", False),
    ],
)
def test_what_valkey_cannot_stand_for(name: str, host: Host, *, warned: bool) -> None:
    adapter = registry.find(parse(name), host)

    assert adapter
    assert bool(adapter.image().warnings) == warned


@contextmanager
def running(
    adapter: Adapter, address: str, data: Path, *argv: str
) -> Iterator[subprocess.Popen[bytes]]:
    places = {SELF: address, "/data": str(data)}
    launched = adapter.launch(("docker-entrypoint.sh", *argv))
    command = [places.get(argument, argument) for argument in launched]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=data) as server:
        yield server
        server.terminate()


def client(
    adapter: Adapter, address: str, *argv: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([*adapter.image().tools, os.defpath])
    return subprocess.run(
        argv,
        env={"PATH": path, "YARD_ADDRESS": address, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_real_server(adapter: Adapter, address: str, tmp_path: Path) -> None:
    def answer(*argv: str) -> str:
        return client(adapter, address, *argv).stdout.strip()

    with running(adapter, address, tmp_path, "redis-server") as server:
        until(lambda: answer("redis-cli", "ping") == "PONG")
        assert answer("valkey-cli", "SET", "key", "value") == "OK"
        assert answer("redis-cli", "-h", "127.0.0.1", "-p", "1", "ping") == ""
        assert answer("redis-cli", "-h", address, "GET", "key") == "value"
        assert f"bind\n{address}" in answer("redis-cli", "CONFIG", "GET", "bind")
        assert answer("redis-cli", "save") == "OK"
    assert server.returncode == 0
    assert (tmp_path / "dump.rdb").exists()


def test_a_server_with_a_file(adapter: Adapter, address: str, tmp_path: Path) -> None:
    file = tmp_path / "my.conf"
    file.write_text("bind 0.0.0.0\nrequirepass secret\nmaxmemory 7mb\n")

    def answer(*argv: str, **environment: str) -> str:
        return client(adapter, address, "redis-cli", *argv, **environment).stdout

    with running(adapter, address, tmp_path, "redis-server", str(file)):
        until(lambda: "NOAUTH" in answer("ping"))
        assert answer("ping", REDISCLI_AUTH="secret").strip() == "PONG"
        bound = answer("CONFIG", "GET", "bind", "maxmemory", REDISCLI_AUTH="secret")
        assert address in bound
        assert "0.0.0.0" not in bound
        assert str(7 * 2**20) in bound


def test_the_image(adapter: Adapter) -> None:
    image = adapter.image()

    assert image.volumes == ("/data",)
    assert image.exposed_ports == (6379,)
    assert image.working_directory == "/data"
    assert image.command == ("redis-server",)
    assert adapter.client((), {}) == {}
