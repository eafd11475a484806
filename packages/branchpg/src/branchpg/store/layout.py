"""Where a pageserver keeps things.

<workdir>/
  lock, ports.json, id
  staging/                         what is being made; emptied at each start
  tenants/<tenant>/catalog.json    see store.catalog
  tenants/<tenant>/timelines/<timeline>/
    snapshots/<LSN>/snapshot.json  see store.snapshots
    snapshots/<LSN>/data/          a data directory without WAL
    seed/                          a snapshot of the ancestor where the timeline starts,
                                   or a replica promoted there, until its first endpoint
                                   takes it as its directory
    wal/<segment>                  whole segments
    wal/<segment>.partial          the timeline's first one, up to where it starts, if
                                   its ancestor might lose that
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from branchpg.errors import BadRequest

if TYPE_CHECKING:
    from branchpg.lsn import Lsn

__all__ = ["Layout", "check_id"]

_ID: Final = re.compile(r"[0-9a-f]{32}")


def check_id(text: str) -> str:
    """Return a tenant's or timeline's id; raise BadRequest for what is none."""
    if not _ID.fullmatch(text):
        raise BadRequest(f'invalid id "{text}"', hint="an id is 32 hexadecimal digits")
    return text


class Layout:
    """Paths below a pageserver's directory."""

    def __init__(self, root: str) -> None:
        self.root = os.path.abspath(root)
        self.staging = os.path.join(self.root, "staging")
        self.tenants = os.path.join(self.root, "tenants")

    def tenant(self, tenant_id: str) -> str:
        """The directory of a tenant."""
        return os.path.join(self.tenants, check_id(tenant_id))

    def catalog(self, tenant_id: str) -> str:
        """The file of a tenant's catalog."""
        return os.path.join(self.tenant(tenant_id), "catalog.json")

    def timelines(self, tenant_id: str) -> str:
        """The directory of a tenant's timelines."""
        return os.path.join(self.tenant(tenant_id), "timelines")

    def timeline(self, tenant_id: str, timeline_id: str) -> str:
        """The directory of a timeline."""
        return os.path.join(self.timelines(tenant_id), check_id(timeline_id))

    def wal(self, tenant_id: str, timeline_id: str) -> str:
        """The directory of a timeline's segments."""
        return os.path.join(self.timeline(tenant_id, timeline_id), "wal")

    def seed(self, tenant_id: str, timeline_id: str) -> str:
        """The directory of what a timeline's first endpoint begins with."""
        return os.path.join(self.timeline(tenant_id, timeline_id), "seed")

    def snapshots(self, tenant_id: str, timeline_id: str) -> str:
        """The directory of a timeline's snapshots."""
        return os.path.join(self.timeline(tenant_id, timeline_id), "snapshots")

    def snapshot(self, tenant_id: str, timeline_id: str, lsn: Lsn) -> str:
        """The directory of one snapshot; names sort as their LSNs do."""
        return os.path.join(self.snapshots(tenant_id, timeline_id), f"{int(lsn):016X}")
