"""A data directory that no server runs on: make one, read its control file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from branchpg import spawn
from branchpg.errors import BranchpgError
from branchpg.lsn import Lsn
from branchpg.postgres.owner import data_place, give

if TYPE_CHECKING:
    from branchpg.postgres.programs import Programs
    from branchpg.spawn import Identity

__all__ = [
    "STANDBY_SIGNAL",
    "SUPERUSER",
    "ControlData",
    "control_data",
    "initialise",
    "let_stand_by",
    "major_of",
]

SUPERUSER: Final = "cloud_admin"
"""The bootstrap superuser, which only the services of branchpg log in as."""

STANDBY_SIGNAL: Final = "standby.signal"

_LINE: Final = re.compile(r"([^:]+):\s*(.*)")


@dataclass(frozen=True)
class ControlData:
    """What of pg_control matters here; see pg_controldata."""

    system_identifier: int
    state: str
    checkpoint: Lsn
    redo: Lsn
    postgres_timeline: int
    wal_segment_size: int

    @property
    def is_shut_down(self) -> bool:
        """Whether the last server on it ended cleanly."""
        return self.state == "shut down"


def initialise(programs: Programs, data: str, *, locale: str = "C.UTF-8") -> None:
    """Run initdb in a directory that exists, is empty, and is the servers' user's.

    Nothing is forced to disk: who makes it part of a store does that.
    """
    directory, place = data_place(data, programs.identity)
    command = [programs.path("initdb"), "-D", place, "--no-sync", "--no-instructions"]
    command += ["--username", SUPERUSER, "--encoding", "UTF8", "--locale", locale]
    command += ["--auth-local", "peer", "--auth-host", "scram-sha-256"]
    command += ["--data-checksums"]
    spawn.output(
        command,
        environment=programs.environment,
        identity=programs.identity,
        directory=directory,
    )


def control_data(programs: Programs, data: str) -> ControlData:
    """Read the control file of a data directory."""
    words = programs.output("pg_controldata", "-D", data)
    matches = (_LINE.fullmatch(line) for line in words.splitlines())
    fields = {match[1]: match[2] for match in matches if match}
    try:
        return ControlData(
            system_identifier=int(fields["Database system identifier"]),
            state=fields["Database cluster state"],
            checkpoint=Lsn.parse(fields["Latest checkpoint location"]),
            redo=Lsn.parse(fields["Latest checkpoint's REDO location"]),
            postgres_timeline=int(fields["Latest checkpoint's TimeLineID"]),
            wal_segment_size=int(fields["Bytes per WAL segment"]),
        )
    except KeyError as error:
        raise BranchpgError(
            f'pg_controldata says nothing of {error} in "{data}"'
        ) from error


def let_stand_by(data: str, identity: Identity | None) -> None:
    """Let the next server on a data directory replay what is there, and only read."""
    sign = os.path.join(data, STANDBY_SIGNAL)
    with open(sign, "wb"):
        give(sign, identity)


def major_of(data: str) -> int:
    """Return the major version that wrote a data directory."""
    try:
        with open(os.path.join(data, "PG_VERSION"), encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError) as error:
        raise BranchpgError(
            f'"{data}" is not a data directory of PostgreSQL',
            hint="name the directory that holds PG_VERSION",
        ) from error
