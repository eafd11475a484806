"""Where the WAL in a directory ends: after the last record that pg_waldump accepts.

pg_waldump reads records, checks each one's checksum, and names the last good one when
it meets what is none: zeros, a torn record, an end in the middle of one. It gives up
without a word on the last one where a file is missing, hence the file of zeros.
"""

from __future__ import annotations

import os
import re
import struct
import tempfile
from typing import TYPE_CHECKING, Final

from branchpg import spawn
from branchpg.errors import BranchpgError
from branchpg.lsn import Lsn, Segment, record_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchpg.postgres.programs import Programs

__all__ = ["find_record_end", "last_written"]

_LAST: Final = re.compile(r"error in WAL record at ([0-9A-F]+/[0-9A-F]+):")
_NO_RECORD: Final = re.compile(r"could not find a valid record after")
_HEADER: Final = struct.Struct(
    "=HHIQ"
)  # XLogPageHeaderData: magic, info, tli, pageaddr
_SWITCH: Final = 0x40  # XLOG_SWITCH, of the resource manager 0
_LENGTH: Final = struct.Struct("=I")  # XLogRecord.xl_tot_len


def last_written(directory: str, segments: Sequence[Segment]) -> Segment | None:
    """Return the last segment that WAL was written to; the others are zeros."""
    for segment in reversed(segments):
        with open(os.path.join(directory, segment.name), "rb", buffering=0) as file:
            header = file.read(_HEADER.size)
        if len(header) == _HEADER.size:
            magic, _, _, address = _HEADER.unpack(header)
            if magic and address == segment.start:
                return segment
    return None


def find_record_end(
    programs: Programs, directory: str, segments: Sequence[Segment], start: Lsn
) -> Lsn | None:
    """Return the end of the last whole record after `start`; None if there is none.

    `segments` are those in the directory, the oldest first. Only the last two with WAL
    are read, as long as a record begins there: the ones before were on disk before
    anything was written to these. One is not enough, since of a record that began in
    the segment before, only its beginning there tells the checksum.
    """
    last = last_written(directory, segments)
    if last is None or last.end <= start:
        return None
    run = [item for item in _unbroken(segments, last) if item.end > start]
    with tempfile.TemporaryDirectory(prefix="wal-") as view:
        for segment in run:
            target = os.path.abspath(os.path.join(directory, segment.name))
            os.symlink(target, os.path.join(view, segment.name))
        with open(os.path.join(view, last.next().name), "wb") as zeros:
            zeros.truncate(last.size)
        for segment in reversed(run[:-1] or run):
            names = (segment.name, last.next().name)
            found = _last_record(programs, view, max(start, segment.start), names)
            if found is not None:
                return _end_of(directory, found, last)
            if segment.start <= start:
                return None
    return None


def _unbroken(segments: Sequence[Segment], last: Segment) -> list[Segment]:
    numbers = {segment.number for segment in segments}
    run = [last]
    while run[0].number - 1 in numbers:
        before = run[0].number - 1
        run.insert(0, Segment(before, last.postgres_timeline, last.size))
    return run


def _last_record(
    programs: Programs, view: str, start: Lsn, names: tuple[str, str]
) -> Lsn | None:
    done = spawn.result(
        (
            os.path.join(programs.directory, "pg_waldump"),
            "--quiet",
            f"--path={view}",
            f"--start={start}",
            *names,
        ),
        environment=programs.environment,
    )
    words = done.stderr.decode(errors="replace")
    match = _LAST.search(words)
    if match:
        return Lsn.parse(match[1])
    if _NO_RECORD.search(words):
        return None
    raise BranchpgError(f"pg_waldump cannot read the WAL: {words.strip()}")


def _end_of(directory: str, record: Lsn, last: Segment) -> Lsn:
    length = _LENGTH.unpack(_bytes(directory, record, 4, last))[0]
    end = record_end(record, length, last.size)
    # xl_info and xl_rmid stand in the header's bytes 16 and 17. The header may run into
    # a next page, but not within eight bytes that are aligned.
    kind = record_end(record, 17, last.size) - 8
    info, manager = _bytes(directory, kind, 2, last)
    if manager == 0 and info & 0xF0 == _SWITCH:
        # Nothing but zeros follows in the segment.
        return Segment.at(end - 1, last.postgres_timeline, last.size).end
    return end


def _bytes(directory: str, lsn: int, count: int, last: Segment) -> bytes:
    segment = Segment.at(lsn, last.postgres_timeline, last.size)
    with open(os.path.join(directory, segment.name), "rb", buffering=0) as file:
        return os.pread(file.fileno(), count, lsn - segment.start)
