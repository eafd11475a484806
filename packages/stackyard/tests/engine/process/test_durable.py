"""What is on the disk after a crash at any moment, and when the disk is full."""

from __future__ import annotations

import errno
import os
import resource
import signal
from typing import TYPE_CHECKING

import pytest

from stackyard.engine.process import durable
from stackyard.engine.process.durable import (
    Journal,
    read_journal,
    read_json,
    replace_file,
    write_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RECORDS = [{"number": number, "text": "é\n" * number} for number in range(4)]


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond 4 kB, and whoever tries is told EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_journal_keeps_what_was_appended(tmp_path: Path):
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append(_RECORDS[:2])
    journal.append(_RECORDS[2:])
    journal.append([])
    journal.close()
    assert read_journal(path) == _RECORDS
    assert path.stat().st_mode & 0o777 == 0o600


def test_there_may_be_no_journal(tmp_path: Path):
    assert read_journal(tmp_path / "journal") == []


def test_a_journal_torn_at_any_byte_keeps_the_whole_records(tmp_path: Path):
    path = tmp_path / "journal"
    journal = Journal(path)
    ends = []
    for record in _RECORDS:
        journal.append([record])
        ends.append(journal.size)
    journal.close()
    data = path.read_bytes()
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        whole = sum(end <= size for end in ends)
        assert read_journal(path) == _RECORDS[:whole]


def test_a_journal_torn_at_any_byte_can_be_appended_to(tmp_path: Path):
    """What follows a torn line would be lost: whoever opens a journal cuts it off."""
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append(_RECORDS[:2])
    journal.close()
    data = path.read_bytes()
    first = data.index(b"\n") + 1
    for size in range(first, len(data)):
        path.write_bytes(data[:size])
        known = read_journal(path)
        journal = Journal(path)
        journal.append(_RECORDS[2:3])
        journal.close()
        assert read_journal(path) == [*known, _RECORDS[2]]


@pytest.mark.parametrize("garbage", [b"\0" * 64, b"junk\n", b"00000000 {}\n", b"\n"])
def test_what_follows_a_broken_line_is_not_trusted(tmp_path: Path, garbage: bytes):
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append(_RECORDS[:1])
    journal.close()
    good = path.read_bytes()
    path.write_bytes(good + garbage + good)
    assert read_journal(path) == _RECORDS[:1]


def test_a_rewritten_journal_goes_on(tmp_path: Path):
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append(_RECORDS)
    journal.rewrite(_RECORDS[:1])
    journal.append(_RECORDS[1:2])
    journal.close()
    assert read_journal(path) == _RECORDS[:2]


def test_a_journal_on_a_full_disk_holds_no_half_line(tmp_path: Path, full_disk: None):
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.append(_RECORDS)
    with pytest.raises(OSError, match="File too large"):
        journal.append([{"text": "x" * 5000}])
    journal.append(_RECORDS[:1])
    journal.close()
    assert read_journal(path) == [*_RECORDS, _RECORDS[0]]


def test_a_file_is_not_replaced_on_a_full_disk(tmp_path: Path, full_disk: None):
    path = tmp_path / "file"
    replace_file(path, b"old")
    with pytest.raises(OSError, match="File too large"):
        replace_file(path, b"x" * 5000)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


class CrashError(BaseException):
    """The machine stops here."""


@pytest.mark.parametrize(
    ("step", "expected"),
    [("open", b"old"), ("fsync", b"old"), ("rename", b"old"), ("sync", b"new")],
)
def test_a_file_is_old_or_new_after_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, expected: bytes
):
    path = tmp_path / "file"
    replace_file(path, b"old")

    def crash(*_: object, **__: object) -> None:
        raise CrashError

    place, name = {
        "open": (durable.os, "open"),
        "fsync": (durable.os, "fsync"),
        "rename": (type(path), "rename"),
        "sync": (durable, "sync_directory"),
    }[step]
    with monkeypatch.context() as patch:
        patch.setattr(place, name, crash)
        with pytest.raises(CrashError):
            replace_file(path, b"new")
    assert path.read_bytes() == expected
    replace_file(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as caught:
        replace_file(tmp_path / "gone" / "file", b"")
    assert caught.value.errno == errno.ENOENT
    assert os.listdir(tmp_path) == []


def test_json(tmp_path: Path):
    path = tmp_path / "file"
    assert read_json(path) is None
    write_json(path, {"é": [1]})
    assert read_json(path) == {"é": [1]}
    path.write_bytes(b"{")
    with pytest.raises(ValueError, match="line 1"):
        read_json(path)
