"""Reading logs: order, parts, rotation, the last lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stackyard.engine.process.keeper.logs import LogFile, timestamp
from stackyard.engine.process.logview import LogReader, Record, Window, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Reading = Callable[..., LogReader]

EVERYTHING = Window()


class Written:
    """A log that a clock of our own gives its times: one nanosecond a write."""

    def __init__(self, path: Path, *, limit: int = 10**9, files: int = 5) -> None:
        self.now = 0
        self.path = str(path / "log")
        self._file = LogFile(self.path, limit=limit, files=files, clock=self._tick)

    def _tick(self) -> int:
        self.now += 1
        return self.now

    def write(self, text: str, stream: str = "stdout") -> None:
        self._file.write(stream, text.encode())


@pytest.fixture
def log(tmp_path: Path) -> Written:
    return Written(tmp_path)


@pytest.fixture
def reading() -> Iterator[Reading]:
    """Make readers, and close them after the test."""
    readers = []

    def read(log: Written, window: Window = EVERYTHING, **options: bool) -> LogReader:
        readers.append(LogReader(log.path, window, **options))
        return readers[-1]

    yield read
    for reader in readers:
        reader.close()


def texts(records: object) -> list[str]:
    return [record.text.decode() for record in records]  # type: ignore[attr-defined]


def stamp(number: int) -> bytes:
    return timestamp(number).encode()


def test_lines_come_as_they_were_written(log: Written, reading: Reading) -> None:
    log.write("one\ntwo\n")
    log.write("bad\n", "stderr")

    assert list(reading(log).history()) == [
        Record(stamp(1), b"stdout", b"one"),
        Record(stamp(1), b"stdout", b"two"),
        Record(stamp(2), b"stderr", b"bad"),
    ]


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    reader = LogReader(str(tmp_path / "none" / "log"), Window(tail=3))

    assert list(reader.history()) == list(reader.more()) == []


def test_parts_are_joined_though_another_stream_writes_between(
    log: Written, reading: Reading
) -> None:
    log.write("begin ")
    log.write("oops\n", "stderr")
    log.write("end\n")

    records = list(reading(log).history())

    assert texts(records) == ["oops", "begin end"]
    assert records[1].time == stamp(1)


def test_a_last_line_without_newline_is_shown_at_the_end(
    log: Written, reading: Reading
) -> None:
    log.write("whole\nhalf")

    assert texts(reading(log).history()) == ["whole", "half"]


def test_followed_output_waits_for_the_rest_of_a_line(
    log: Written, reading: Reading
) -> None:
    reader = reading(log)
    log.write("half ")

    assert texts(reader.history(last=False)) == []
    log.write("and half\n")
    assert texts(reader.more()) == ["half and half"]
    assert texts(reader.more()) == []


def test_raw_output_does_not(log: Written, reading: Reading) -> None:
    reader = reading(log, raw=True)
    log.write("name? ")

    assert texts(reader.history(last=False)) == ["name? "]
    log.write("thanks\n")
    assert texts(reader.more()) == ["thanks\n"]


def test_a_damaged_line_is_left_out(log: Written, reading: Reading) -> None:
    log.write("one\n")
    with open(log.path, "ab") as file:
        file.write(b"2026-01-\n")
    log.write("two\n")

    assert texts(reading(log).history()) == ["one", "two"]


@pytest.mark.parametrize("limit", [60, 200, 10**6])
def test_history_goes_through_all_rotated_files(
    tmp_path: Path, limit: int, reading: Reading
) -> None:
    log = Written(tmp_path, limit=limit, files=100)
    for number in range(50):
        log.write(f"{number}\n")

    found = texts(reading(log).history())

    assert found == [str(number) for number in range(50)]


@pytest.mark.parametrize("step", [1, 3, 7])
def test_following_survives_rotations(
    tmp_path: Path, step: int, reading: Reading
) -> None:
    log = Written(tmp_path, limit=120, files=8)
    reader = reading(log)
    found = texts(reader.history(last=False))
    for number in range(42):
        log.write(f"{number}\n")
        if number % step == 0:
            found += texts(reader.more())
    found += texts(reader.more())

    assert found == [str(number) for number in range(42)]


def test_a_log_of_one_file_is_emptied_in_place(
    tmp_path: Path, reading: Reading
) -> None:
    log = Written(tmp_path, limit=100, files=1)
    reader = reading(log)
    found = []
    for number in range(20):
        log.write(f"{number}\n")
        found += texts(reader.more())

    assert found[-1] in {"18", "19"}
    assert found == sorted(found, key=int)


def test_skipping_shows_only_what_comes_after(log: Written, reading: Reading) -> None:
    log.write("old\n")
    reader = reading(log)
    reader.skip()
    log.write("new\n")

    assert texts(reader.more()) == ["new"]


@pytest.mark.parametrize("count", [0, 1, 5, 999, 1000, 5000])
@pytest.mark.parametrize("limit", [500, 10_000, 10**9])
def test_the_last_lines(
    tmp_path: Path, count: int, limit: int, reading: Reading
) -> None:
    log = Written(tmp_path, limit=limit, files=1000)
    for number in range(1000):
        log.write(f"{number}\n", "stderr" if number % 300 == 0 else "stdout")

    found = texts(reading(log, Window(tail=count)).history())

    assert found == [str(number) for number in range(1000)][1000 - count :][-count:] * (
        count > 0
    )


def test_the_last_line_has_all_its_parts(log: Written, reading: Reading) -> None:
    for _ in range(3000):
        log.write("x" * 30)
    log.write("\n")

    (found,) = texts(reading(log, Window(tail=1)).history())

    assert found == "x" * 90_000


def test_following_goes_on_after_the_last_lines(log: Written, reading: Reading) -> None:
    log.write("one\ntwo\n")
    reader = reading(log, Window(tail=1))
    found = texts(reader.history(last=False))
    log.write("three\n")

    assert found + texts(reader.more()) == ["two", "three"]


def test_the_last_lines_of_a_big_log_are_read_from_its_end(
    tmp_path: Path, reading: Reading
) -> None:
    log = Written(tmp_path)
    for _ in range(40):
        log.write("a line of output that is neither long nor short\n" * 20_000)
    reader = reading(log, Window(tail=10))

    assert len(list(reader.history())) == 10
    assert reader.bytes_read < 1_000_000


def test_times_limit_what_is_shown(log: Written, reading: Reading) -> None:
    for number in range(1, 8):
        log.write(f"{number}\n")
    window = Window(since=stamp(3), until=stamp(5))

    assert texts(reading(log, window).history()) == ["3", "4", "5"]


def test_the_last_lines_are_those_within_the_times(
    log: Written, reading: Reading
) -> None:
    for number in range(1, 8):
        log.write(f"{number}\n")
    window = Window(until=stamp(5), tail=2)

    assert texts(reading(log, window).history()) == ["4", "5"]


def test_files_written_before_the_time_are_not_read(
    log: Written, reading: Reading
) -> None:
    log.write("old\n")
    reader = reading(log, Window(since=stamp(10**19)))

    assert texts(reader.history()) == []
    assert reader.bytes_read == 0


def test_several_logs_are_merged_by_time() -> None:
    first = [Record(stamp(1), b"stdout", b"a"), Record(stamp(4), b"stdout", b"d")]
    second = [Record(stamp(2), b"stdout", b"b"), Record(stamp(3), b"stdout", b"c")]

    found = [
        (key, record.text) for key, record in merged([("x", first), ("y", second)])
    ]

    assert found == [("x", b"a"), ("y", b"b"), ("y", b"c"), ("x", b"d")]
