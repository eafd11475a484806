"""In which order programs are looked for."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stackyard.images import binaries
from stackyard.images.adapter import ImageError

if TYPE_CHECKING:
    from stackyard.images.adapter import Host


def program(path: Path, version: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'Program (of Tests) {version} (Debian)'\n")
    path.chmod(0o755)
    return str(path)


def install(directory: Path, version: str) -> str:
    program(directory / "initdb", version)
    program(directory / "postgres", version)
    return str(directory)


@pytest.fixture
def bare(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A machine that has nothing, not even the wheels."""
    monkeypatch.setattr(binaries, "find_spec", lambda name: None)
    return replace(
        host,
        environment={"PATH": str(tmp_path / "path")},
        system_postgres=str(tmp_path / "system"),
    )


def with_variable(host: Host, name: str, value: str) -> Host:
    return replace(host, environment={**host.environment, name: value})


def test_the_wheel_comes_before_the_system(host: Host) -> None:
    found = binaries.postgres(host, "")

    assert found.major == "17"
    assert os.path.isfile(os.path.join(found.directory, "pg_isready"))


def test_the_tags_version_counts_more_than_the_order(
    bare: Host, tmp_path: Path
) -> None:
    first = install(tmp_path / "named", "15.3")
    install(tmp_path / "system" / "9" / "bin", "9.6")
    middle = install(tmp_path / "system" / "16" / "bin", "16.1")
    last = install(tmp_path / "path", "18beta1")
    host = with_variable(bare, "YARD_POSTGRES_BIN", first)

    found = {major: binaries.postgres(host, major) for major in ("", "16", "18", "12")}

    assert [found[major].directory for major in found] == [first, middle, last, first]
    assert found["12"].version == "15.3"
    assert binaries.postgres(bare, "").directory == middle


def test_several_directories_may_be_named(bare: Host, tmp_path: Path) -> None:
    names = [install(tmp_path / version, version) for version in ("15.3", "14.1")]
    host = with_variable(bare, "YARD_POSTGRES_BIN", os.pathsep.join(names))

    assert binaries.postgres(host, "14").directory == names[1]


@pytest.mark.parametrize("variable", ["YARD_POSTGRES_BIN", "YARD_REDIS_SERVER"])
def test_what_is_named_must_be_there(bare: Host, tmp_path: Path, variable: str) -> None:
    host = with_variable(bare, variable, str(tmp_path / "nowhere"))
    find = binaries.postgres if "POSTGRES" in variable else binaries.redis

    with pytest.raises(ImageError, match=f'{variable}: "{tmp_path}/nowhere"'):
        find(host, "") if find is binaries.postgres else binaries.redis(host)


def test_a_machine_without_anything(bare: Host) -> None:
    for find in (
        lambda: binaries.postgres(bare, "17"),
        lambda: binaries.redis(bare),
        lambda: binaries.node(bare, "22"),
    ):
        with pytest.raises(ImageError, match="cannot find") as caught:
            find()
        assert "install" in caught.value.hint


def test_a_program_that_does_not_run(bare: Host, tmp_path: Path) -> None:
    directory = Path(install(tmp_path / "broken", "17"))
    (directory / "postgres").write_text("#!/nowhere/sh\n")
    host = with_variable(bare, "YARD_POSTGRES_BIN", str(directory))

    with pytest.raises(ImageError, match="cannot run"):
        binaries.postgres(host, "17")


def test_redis_comes_with_its_client(host: Host, bare: Host, tmp_path: Path) -> None:
    server = program(tmp_path / "path" / "redis-server", "7.2")

    found = binaries.redis(bare)
    assert (found.server, found.client, found.is_valkey) == (server, None, False)

    client = program(tmp_path / "path" / "redis-cli", "7.2")
    assert binaries.redis(bare).client == client


def test_python_by_the_tags_version(bare: Host, tmp_path: Path) -> None:
    path = tmp_path / "path"
    default = program(path / "python3", "3.11.4")
    newer = program(path / "python3.12", "3.12.1")

    assert binaries.python(bare, "3.12") == binaries.Program(newer, "3.12.1")
    assert binaries.python(bare, "3.11").path == default
    assert binaries.python(bare, "3.1").path == default
    assert binaries.python(bare, "").path == default


def test_python_is_always_there(bare: Host) -> None:
    assert binaries.python(bare, "").path == bare.python


def test_node_by_the_tags_version(bare: Host, tmp_path: Path) -> None:
    named = program(tmp_path / "node", "v18.1.0")
    system = program(tmp_path / "path" / "node", "v20.2.0")
    host = with_variable(bare, "YARD_NODE", named)

    assert binaries.node(host, "20").path == system
    assert binaries.node(host, "24").path == named
