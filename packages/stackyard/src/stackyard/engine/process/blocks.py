"""Every project's block of loopback addresses: 4,094 of 127.1.0.0 to 127.255.255.254.

127.0.0.0/16 is left alone: the system uses addresses in it. Where a project begins to
look is a hash of its user and name, so that the projects of two users rarely meet.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from typing import TYPE_CHECKING

from stackyard.engine.errors import StateError
from stackyard.engine.process.durable import read_json, write_json

if TYPE_CHECKING:
    from stackyard.engine.process.state import ProjectState

FIRST = 16
LAST = 255 * 16 + 15
SIZE = 4094


def block_of(state: ProjectState) -> int:
    """Return the project's block, the same one every time.

    The block number is bits 12 to 23 of its addresses.

    Raises:
        StateError: all blocks are given away.
    """
    path = state.root.path / "addresses.json"
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        blocks: dict[str, int] = read_json(path) or {}
        if state.name not in blocks:
            blocks[state.name] = _free(state, set(blocks.values()))
            write_json(path, blocks)
        return blocks[state.name]
    finally:
        os.close(lock)


def _free(state: ProjectState, taken: set[int]) -> int:
    seed = hashlib.sha256(f"{os.getuid()} {state.path}".encode()).digest()
    count = LAST - FIRST + 1
    start = int.from_bytes(seed[:4], "big") % count
    for step in range(count):
        block = FIRST + (start + step) % count
        if block not in taken:
            return block
    raise StateError(
        f"all {count} blocks of loopback addresses are taken",
        hint=f"remove projects that are gone from {state.root.path}/addresses.json",
    )
