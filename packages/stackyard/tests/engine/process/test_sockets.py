"""Unix sockets, also where the path is longer than an address may be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from stackyard.engine.process.lock import take_lock
from stackyard.engine.process.sockets import connect, listen

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["short", "long" * 50])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    directory = tmp_path / request.param
    directory.mkdir()
    return directory / "socket"


def test_a_connection(path: Path):
    assert connect(path) is None
    with listen(path) as listener:
        connection = connect(path)
        assert connection is not None
        with connection, listener.accept()[0] as other:
            connection.sendall(b"x")
            assert other.recv(1) == b"x"
        assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_listener_left_is_taken(path: Path):
    listen(path).close()
    assert connect(path) is None
    listen(path).close()


def test_no_descriptor_is_lost(path: Path):
    before = os.listdir("/proc/self/fd")
    assert connect(path) is None
    (path.parent / "file").touch()
    with pytest.raises(NotADirectoryError):
        connect(path.parent / "file" / ("x" * 200))
    assert os.listdir("/proc/self/fd") == before


def test_one_holds_a_lock(tmp_path: Path):
    lock = take_lock(tmp_path / "lock")
    assert lock is not None
    assert take_lock(tmp_path / "lock") is None
    os.close(lock)
    again = take_lock(tmp_path / "lock")
    assert again is not None
    os.close(again)
