"""The end of the last whole record, however the WAL ends."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from branchpg.lsn import PAGE, SEGMENT, Lsn, Segment, record_end
from branchpg.postgres.record_end import find_record_end, last_written
from branchpg.safekeeper.segments import Segments


@pytest.fixture(scope="module")
def wal(installed, base, tmp_path_factory):
    """WAL of several segments, and the start and end of each record, in order."""
    import tempfile

    from packages.branchpg.tests.safekeeper.conftest import Stage

    directory = Path(tempfile.mkdtemp(prefix="sk", dir="/tmp"))
    directory.chmod(0o755)
    stage = Stage(installed, base, directory)
    primary = stage.primary(wal_keep_size="1GB", max_wal_size="1GB")
    try:
        primary.sql("create table t as select generate_series(1, 250000) as x")
        primary.sql("select pg_logical_emit_message(false, 'x', repeat('y', 3000000))")
        primary.sql("create table u as select generate_series(1, 250000) as x")
        primary.stop()
        kept = tmp_path_factory.mktemp("wal")
        for path in Path(primary.data, "pg_wal").glob("0*"):
            shutil.copy(path, kept / path.name)
    finally:
        stage.close()
        shutil.rmtree(directory)
    return kept, stage.start_lsn, _records(installed, kept)


def _records(installed, directory):
    import re
    import subprocess

    names = sorted(path.name for path in directory.iterdir())
    program = os.path.join(installed.directory, "pg_waldump")
    done = subprocess.run(
        [program, "-p", str(directory), names[0], names[-1]],
        capture_output=True,
        text=True,
    )
    pattern = re.compile(r"len \(rec/tot\):\s*\d+/\s*(\d+).*lsn: ([0-9A-F/]+)")
    found = [pattern.search(line) for line in done.stdout.splitlines()]
    starts = [(Lsn.parse(match[2]), int(match[1])) for match in found if match]
    return [(start, record_end(start, length)) for start, length in starts]


@pytest.fixture
def copy(wal, tmp_path):
    directory, start, records = wal
    for path in directory.iterdir():
        shutil.copy(path, tmp_path / path.name)
    segments = Segments(str(tmp_path), size=SEGMENT, postgres_timeline=1)
    return tmp_path, segments, start, records


def end_of(installed, copy):
    directory, segments, start, _ = copy
    return find_record_end(installed, str(directory), segments.present(), start)


def test_wal_that_ends_with_zeros(installed, copy):
    assert end_of(installed, copy) == copy[3][-1][1]


def test_nothing_is_here(installed, tmp_path):
    assert find_record_end(installed, str(tmp_path), [], Lsn(SEGMENT)) is None


def test_segments_of_zeros_only(installed, tmp_path):
    (tmp_path / Segment(1).name).write_bytes(bytes(SEGMENT))
    assert last_written(str(tmp_path), [Segment(1)]) is None
    found = find_record_end(installed, str(tmp_path), [Segment(1)], Lsn(SEGMENT))
    assert found is None


def test_nothing_after_the_start(installed, copy):
    directory, segments, _, records = copy
    end = records[-1][1]
    assert find_record_end(installed, str(directory), segments.present(), end) is None


@pytest.mark.parametrize("seed", range(12))
def test_wal_cut_anywhere_ends_with_the_record_before(installed, copy, seed):
    """Cut at a position, with zeros or with garbage after it."""
    directory, segments, start, records = copy
    chance = random.Random(seed)
    after = [record for record in records if record[0] > start]
    cut = Lsn(chance.choice(after)[0] + chance.randrange(0, 64))
    segments.cut(cut)
    if seed % 2:
        segment = segments.at(cut)
        with open(directory / segment.name, "r+b") as file:
            file.seek(cut - segment.start)
            file.write(chance.randbytes(min(20000, segment.end - cut)))

    # Up to seven bytes of padding follow a record, and are not needed.
    expected = max(end for _, end in records if end - 7 <= cut)
    found = end_of(installed, copy)

    assert found in {expected, max(end for _, end in records if end <= cut)}


def test_a_record_that_ends_with_its_segment_missing(installed, copy):
    """A record runs into a segment that is not here."""
    directory, segments, start, records = copy
    first, end = next(
        (first, end)
        for first, end in records
        if first > start and first // SEGMENT != end // SEGMENT and end % SEGMENT
    )
    for segment in segments.present():
        if segment.start > first:
            os.unlink(directory / segment.name)

    assert end_of(installed, copy) == max(e for _, e in records if e <= first)


def test_a_long_record_may_begin_segments_before(installed, copy):
    """Its continuation alone, in a last segment, is no whole record."""
    directory, segments, start, records = copy
    first, end = max(records, key=lambda record: record[1] - record[0])
    assert end - first > 100 * PAGE
    segments.cut(Lsn(end - 8))

    assert end_of(installed, copy) == max(e for _, e in records if e <= first)


def test_a_torn_page_in_the_middle(installed, copy):
    directory, segments, start, records = copy
    last = last_written(str(directory), segments.present())
    torn = Lsn(last.start + 20 * PAGE)
    with open(directory / last.name, "r+b") as file:
        file.seek(torn - last.start)
        file.write(bytes(PAGE))

    assert end_of(installed, copy) == max(e for _, e in records if e <= torn)
