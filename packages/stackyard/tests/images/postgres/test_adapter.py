"""What the image postgres means, apart from a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stackyard.images import registry
from stackyard.images.reference import parse

if TYPE_CHECKING:
    from stackyard.images.adapter import Adapter, Host


def adapter(host: Host, name: str = "postgres:17-alpine") -> Adapter:
    found = registry.find(parse(name), host)
    assert found
    return found


@pytest.mark.parametrize(
    ("name", "volume", "data"),
    [
        ("postgres", "/var/lib/postgresql/data", "/var/lib/postgresql/data"),
        ("postgres:17", "/var/lib/postgresql/data", "/var/lib/postgresql/data"),
        ("postgres:18", "/var/lib/postgresql", "/var/lib/postgresql/18/docker"),
        ("postgres:19beta1", "/var/lib/postgresql/data", "/var/lib/postgresql/data"),
    ],
)
def test_where_the_data_lies(name: str, volume: str, data: str, host: Host) -> None:
    image = adapter(host, name).image()

    assert image.volumes == (volume,)
    assert image.environment["PGDATA"] == data


def test_the_image(host: Host) -> None:
    image = adapter(host).image()

    assert image.entrypoint == ("docker-entrypoint.sh",)
    assert image.command == ("postgres",)
    assert image.stop_signal == "SIGINT"
    assert image.exposed_ports == (5432,)


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (("docker-entrypoint.sh", "postgres"), ("postgres",)),
        (("/usr/local/bin/docker-entrypoint.sh", "-c", "a=b"), ("-c", "a=b")),
        (("docker-entrypoint.sh",), ()),
        (("postgres", "-p", "1"), ("postgres", "-p", "1")),
    ],
)
def test_a_server_starts_through_the_entrypoint(
    argv: tuple[str, ...], command: tuple[str, ...], host: Host
) -> None:
    launched = adapter(host).launch(argv)

    assert launched[:4] == (host.python, "-P", "-m", "stackyard.images.postgres")
    assert launched[launched.index("--") + 1 :] == command
    assert launched[launched.index("--wanted") + 1] == "17"


def test_another_program_runs_as_it_is(host: Host) -> None:
    argv = ("docker-entrypoint.sh", "pg_dump", "-h", "db")

    assert adapter(host).launch(argv) == argv[1:]


def test_clients_without_a_run_directory(host: Host) -> None:
    replica = {"YARD_ADDRESS": "127.0.0.9", "POSTGRES_PASSWORD": "x", "PGPORT": "5433"}

    assert adapter(host).client(("postgres",), replica) == {
        "PGHOST": "127.0.0.9",
        "PGPASSWORD": "x",
        "PGPORT": "5433",
        "PGUSER": "postgres",
    }
