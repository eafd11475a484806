"""What segments of WAL hold, as PostgreSQL's own pg_waldump reads them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from branchpg import spawn
from branchpg.lsn import Lsn, record_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from branchpg.lsn import Segment
    from branchpg.postgres.programs import Programs

__all__ = ["Commit", "commits"]

_COMMIT: Final = re.compile(
    r"len \(rec/tot\):\s*\d+/\s*(?P<length>\d+), .*lsn: (?P<lsn>[0-9A-F]+/[0-9A-F]+), "
    r".*desc: COMMIT(?:_PREPARED)? .*?(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC"
)


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


def commits(
    programs: Programs, directory: str, segments: Sequence[Segment]
) -> Iterator[Commit]:
    """Yield the commits in a row of segments, in the order of the log."""
    names = [segments[0].name] + ([segments[-1].name] if len(segments) > 1 else [])
    # That it stops with an error is how every log ends.
    words = spawn.result(
        [
            os.path.join(programs.directory, "pg_waldump"),
            *("--path", directory, "--rmgr=Transaction", *names),
        ],
        environment=programs.environment,
    ).stdout.decode()
    size = segments[0].size
    for match in _COMMIT.finditer(words):
        start, length = Lsn.parse(match["lsn"]), int(match["length"])
        moment = datetime.fromisoformat(match["time"]).replace(tzinfo=UTC)
        yield Commit(start, record_end(start, length, size), moment)
