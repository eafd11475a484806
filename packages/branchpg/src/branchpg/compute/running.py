"""What endpoints share, and what is known of one that runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from branchpg.compute.proxy.backend import Closing
from branchpg.compute.proxy.pool import Pool
from branchpg.compute.standing import standing

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from branchpg.compute.activity import Observer
    from branchpg.compute.configure import First
    from branchpg.compute.followers import Followers
    from branchpg.compute.ports import Ports
    from branchpg.compute.storage import Storage
    from branchpg.http.safekeepers import Safekeepers
    from branchpg.lsn import Lsn
    from branchpg.postgres.programs import Programs
    from branchpg.postgres.server import Server
    from branchpg.store.catalog import Generation

__all__ = ["Running", "Surroundings"]


@dataclass(frozen=True)
class Surroundings:
    """What all endpoints of a compute share.

    Attributes:
        programs: the PostgreSQL that they run.
        storage: the pageserver.
        safekeepers: where commits are made to last.
        workdir: below it each has its directory.
        run: a directory for sockets, of a short name.
        ports: those that servers have there.
        followers: servers that follow those of endpoints.
        control_dsn: where the SQL functions find the pageserver.
        first: what a new cluster gets.
        kept_log: bytes of log that are kept for a safekeeper that is away, beyond
            what a quorum does not have yet.
    """

    programs: Programs
    storage: Storage
    safekeepers: Safekeepers
    workdir: str
    run: str
    ports: Ports
    followers: Followers
    control_dsn: str
    first: First
    kept_log: int


@dataclass(eq=False)
class Running:
    """A server that runs.

    `timings` are the milliseconds of its start by step, by compute_ctl's names.
    """

    server: Server
    timeline_id: str
    generation: int
    dsn: str
    socket_path: str
    observer: Observer
    start_lsn: Lsn
    history: tuple[Generation, ...]
    timings: Mapping[str, int]
    was_promoted: bool = False
    closing: Closing = field(default_factory=Closing)
    confirming: asyncio.Task[None] | None = None
    started_at: float = field(default_factory=time.time)
    pool: Pool = field(init=False)

    def __post_init__(self) -> None:
        """Make the pool of its processes."""
        self.pool = Pool(partial(standing, self.observer))
