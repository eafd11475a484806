"""What segments of WAL hold, as PostgreSQL's own pg_waldump reads them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from branchpg import spawn
from branchpg.lsn import Lsn, Segment, record_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchpg.postgres.programs import Programs

__all__ = ["Commit", "commits", "end_of_records"]

_STOPPED: Final = re.compile(r"error in WAL record at ([0-9A-F]+/[0-9A-F]+): ")
_COMMIT: Final = re.compile(
    r"len \(rec/tot\):\s*\d+/\s*(?P<length>\d+), .*lsn: (?P<lsn>[0-9A-F]+/[0-9A-F]+), "
    r".*desc: COMMIT(?:_PREPARED)? .*?(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC"
)
_RECORD: Final = re.compile(
    r"len \(rec/tot\):\s*\d+/\s*(?P<length>\d+), .*?lsn: (?P<lsn>[0-9A-F]+/[0-9A-F]+), "
    r"prev \S+, desc: (?P<what>\w+)"
)
_NOTHING: Final = ("could not find a valid record", "invalid WAL segment size")


@dataclass(frozen=True)
class Commit:
    """A transaction that committed.

    Attributes:
        start: the position of its commit record.
        end: the position after it: from here on the transaction is visible.
        time: what its server's clock said, to the microsecond.
    """

    start: Lsn
    end: Lsn
    time: datetime


def end_of_records(
    programs: Programs, directory: str, segments: Sequence[Segment]
) -> Lsn | None:
    """Return the position after the last whole record in a row of segments.

    Their files lie in `directory`, and what follows the last record is zeros or torn.
    None means that no record begins there at all.
    """
    _output, words = _dump(programs, directory, segments, "--quiet")
    stopped = _STOPPED.search(words)
    if stopped:
        last = Lsn.parse(stopped[1])
        rest = [segment for segment in segments if segment.end > last]
        output, _ = _dump(programs, directory, rest, f"--start={last}", "--limit=1")
    elif any(sign in words for sign in _NOTHING):
        return None
    else:  # the last record ends where the last file does, or goes on in the next one
        output, _ = _dump(programs, directory, segments)
    *_, found = _RECORD.finditer(output)
    start, length = Lsn.parse(found["lsn"]), int(found["length"])
    if found["what"] == "SWITCH":  # what is left of its segment belongs to it
        return Segment.at(start, size=segments[0].size).end
    return record_end(start, length, segments[0].size)


def commits(
    programs: Programs, directory: str, segments: Sequence[Segment]
) -> Iterator[Commit]:
    """Yield the commits in a row of segments, in the order of the log."""
    words, _ = _dump(programs, directory, segments, "--rmgr=Transaction")
    size = segments[0].size
    for match in _COMMIT.finditer(words):
        start, length = Lsn.parse(match["lsn"]), int(match["length"])
        moment = datetime.fromisoformat(match["time"]).replace(tzinfo=UTC)
        yield Commit(start, record_end(start, length, size), moment)


def _dump(
    programs: Programs, directory: str, segments: Sequence[Segment], *options: str
) -> tuple[str, str]:
    """Run pg_waldump; that it stops with an error is how every log ends."""
    names = [segments[0].name] + ([segments[-1].name] if len(segments) > 1 else [])
    program = os.path.join(programs.directory, "pg_waldump")
    done = spawn.result(
        [program, "--path", directory, *options, *names],
        environment=programs.environment,
    )
    return done.stdout.decode(), done.stderr.decode(errors="replace")
