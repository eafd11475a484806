"""`yard backup` and `yard restore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stack

WRITER = """\
    services:
      app:
        image: alpine
        command: sh -c 'test -e /data/n || echo 1 > /data/n; exec sleep 1000'
        volumes: [data:/data]
    volumes: {data: {}}
    """


@pytest.fixture
def volume(stack: Stack) -> Path:
    """The directory of the volume `data`, written by a service that runs."""
    stack.write(WRITER)
    stack.yard("up", "-d")
    directory = stack.state.root.volume("demo_data")
    stack.eventually((directory / "n").exists)
    return directory


def archive(stack: Stack) -> str:
    stack.yard("backup", "-o", "saved.tar.gz")
    return "saved.tar.gz"


def test_a_volume_comes_back_as_it_was(stack: Stack, volume: Path) -> None:
    (volume / "link").symlink_to("n")
    (volume / "deep").mkdir(mode=0o750)
    (volume / "deep/secret").write_bytes(bytes(range(256)))
    (volume / "deep/secret").chmod(0o640)
    saved = archive(stack)
    (volume / "n").write_text("changed")
    (volume / "new").write_text("later")
    stack.yard("restore", "--force", saved)
    assert (volume / "n").read_text() == "1\n"
    assert not (volume / "new").exists()
    assert (volume / "link").readlink().name == "n"
    assert (volume / "deep/secret").read_bytes() == bytes(range(256))
    assert (volume / "deep/secret").stat().st_mode & 0o777 == 0o640
    assert (volume / "deep").stat().st_mode & 0o777 == 0o750


def test_services_go_on_after_a_backup(stack: Stack, volume: Path) -> None:
    before = stack.containers()["demo-app-1"].container.pid
    archive(stack)
    after = stack.containers()["demo-app-1"].container
    assert (after.state, after.pid) == ("running", before)


def test_services_run_again_after_a_restore(stack: Stack, volume: Path) -> None:
    saved = archive(stack)
    stack.yard("restore", "--force", saved)
    assert stack.states() == {"demo-app-1": "running"}


def test_files_are_replaced_by_force_only(stack: Stack, volume: Path) -> None:
    saved = archive(stack)
    (volume / "n").write_text("newer")
    told = stack.yard("restore", saved, code=1).stderr
    assert "volume demo_data holds files already; nothing was changed" in told
    assert (volume / "n").read_text() == "newer"


def test_a_removed_volume_is_restored_without_force(stack: Stack, volume: Path) -> None:
    saved = archive(stack)
    stack.yard("down", "-v", "-y", "-t", "0")
    assert not volume.exists()
    stack.yard("restore", saved)
    assert (volume / "n").read_text() == "1\n"


@pytest.mark.parametrize("place", [0.1, 0.5, 0.95])
def test_a_damaged_archive_changes_nothing(
    stack: Stack, volume: Path, place: float
) -> None:
    (volume / "random").write_bytes(bytes(range(256)) * 64)
    saved = stack.root / archive(stack)
    data = bytearray(saved.read_bytes())
    data[int(len(data) * place)] ^= 0xFF
    saved.write_bytes(data)
    (volume / "n").write_text("newer")
    told = stack.yard("restore", "--force", str(saved), code=1).stderr
    assert "is damaged, or not an archive of volumes" in told
    assert (volume / "n").read_text() == "newer"


def test_an_archive_is_never_overwritten(stack: Stack, volume: Path) -> None:
    (stack.root / "saved.tar.gz").write_text("mine")
    told = stack.yard("backup", "-o", "saved.tar.gz", code=1).stderr
    assert "is there already" in told
    assert (stack.root / "saved.tar.gz").read_text() == "mine"


def test_archives_are_for_their_owner(stack: Stack, volume: Path) -> None:
    assert (stack.root / archive(stack)).stat().st_mode & 0o777 == 0o600


def test_unknown_volumes_are_named(stack: Stack, volume: Path) -> None:
    told = stack.yard("backup", "nosuch", code=1).stderr
    assert "no such volume: nosuch" in told
    assert "demo_data" in told
