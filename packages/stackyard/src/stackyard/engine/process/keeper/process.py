"""One process the keeper looks after."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stackyard.engine.process.keeper.output import CHUNK, Channels

if TYPE_CHECKING:
    from stackyard.engine.process.identity import ProcessIdentity
    from stackyard.engine.process.keeper.logs import LogFile
    from stackyard.engine.process.keeper.records import Record

_READS_A_TURN = 4


@dataclass
class Process:
    """A process that runs, or has just ended and is being tidied up after.

    Attributes:
        record: what the journal knows of it; `log` is empty for short commands.
        mark: its `YARD_MARK`.
        log: where its output goes; None for captured output.
        capture: bytes of output still wanted.
        pidfd: of a process another keeper started, watched for its end; else -1.
        code: exit code, once the main process has ended.
        ended: whether it has.
    """

    record: Record
    identity: ProcessIdentity
    mark: str
    channels: Channels
    log: LogFile | None
    capture: int = 0
    pidfd: int = -1
    code: int | None = None
    ended: bool = False
    timed_out: bool = False
    output: bytearray = field(default_factory=bytearray)

    @property
    def adopted(self) -> bool:
        """Whether another keeper started it."""
        return self.pidfd >= 0

    def take(self, descriptor: int) -> bool:
        """Move what can be read to the log; return False at the end of the stream."""
        stream = self.channels.readers[descriptor]
        for _ in range(_READS_A_TURN):
            try:
                data = os.read(descriptor, CHUNK)
            except BlockingIOError:
                return True
            except OSError:  # EIO: nobody holds the terminal any more
                return False
            if not data:
                return False
            self._put(stream, data)
            if len(data) < CHUNK:
                return True
        return True

    def drain(self) -> None:
        """Move everything that is left."""
        for descriptor in list(self.channels.readers):
            waiting = True
            while waiting:
                before = self._amount
                waiting = self.take(descriptor) and self._amount > before

    _amount: int = 0

    def _put(self, stream: str, data: bytes) -> None:
        self._amount += len(data)
        if self.log is not None:
            self.log.write(stream, data)
        elif len(self.output) < self.capture:
            self.output += data[: self.capture - len(self.output)]
