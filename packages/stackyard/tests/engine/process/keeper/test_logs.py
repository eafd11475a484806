"""Log files: the format, rotation, and a disk that is full."""

from __future__ import annotations

import os
import resource
import signal
from typing import TYPE_CHECKING

import pytest

from stackyard.engine.process.keeper.logs import LogFile, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TIME = "1970-01-01T00:00:01.000000005Z"


def log_file(path: Path, *, limit: int = 10**9, files: int = 5) -> LogFile:
    return LogFile(str(path), limit=limit, files=files, clock=lambda: 1_000_000_005)


def test_a_time_always_has_nine_decimals():
    assert timestamp(1_000_000_005) == _TIME


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"one\n", ["F one"]),
        (b"one\ntwo\n", ["F one", "F two"]),
        (b"one\n\n", ["F one", "F "]),
        (b"part", ["P part"]),
        (b"one\npart", ["F one", "P part"]),
        (b"\n", ["F "]),
        (b"a b  c\r\n", ["F a b  c\r"]),
    ],
)
def test_lines(tmp_path: Path, data: bytes, expected: list[str]):
    log = log_file(tmp_path / "log")
    log.write("stderr", data)
    log.close()
    lines = (tmp_path / "log").read_bytes().decode().split("\n")[:-1]
    assert lines == [f"{_TIME} stderr {line}" for line in expected]


def test_another_process_appends(tmp_path: Path):
    for word in (b"one\n", b"two\n"):
        log = log_file(tmp_path / "log")
        log.write("stdout", word)
        log.close()
    assert (tmp_path / "log").read_text().count("\n") == 2


def test_rotation_keeps_the_youngest(tmp_path: Path):
    log = log_file(tmp_path / "log", limit=40, files=3)
    for number in range(6):
        log.write("stdout", b"%d\n" % number)
    log.close()
    contents = {
        name: (tmp_path / name).read_text()[-2:-1] for name in os.listdir(tmp_path)
    }
    assert contents == {"log": "", "log.1": "5", "log.2": "4"}


def test_one_file_begins_anew(tmp_path: Path):
    log = log_file(tmp_path / "log", limit=60, files=1)
    for number in range(4):
        log.write("stdout", b"%d\n" % number)
    log.close()
    assert os.listdir(tmp_path) == ["log"]
    assert (tmp_path / "log").read_text().count("\n") < 3


@pytest.fixture
def small_disk() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_what_is_lost_on_a_full_disk_is_counted(tmp_path: Path, small_disk: None):
    """No half line stays, and what comes later says how much is missing."""
    path = tmp_path / "log"
    log = log_file(path)
    log.write("stdout", b"kept\n")
    log.write("stdout", b"x" * 150 + b"\n")
    log.write("stdout", b"y" * 200 + b"\n")
    os.truncate(path, 0)
    log.write("stdout", b"again\n")
    log.close()
    assert path.read_text().splitlines() == [
        f"{_TIME} stdout F [352 bytes of output were lost]",
        f"{_TIME} stdout F again",
    ]
