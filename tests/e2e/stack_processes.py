"""The processes of a stack that `yard` has brought up."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from stackyard.engine.process import tree
from stackyard.engine.process.state import StateRoot

if TYPE_CHECKING:
    from collections.abc import Mapping


def processes(home: Path, project: str) -> Mapping[int, bytes]:
    """Return the ids and command lines of all that runs of a project.

    They are read at once: databases begin and end servers at any time.
    """
    state = StateRoot(home / "stackyard").project(project)
    found = {}
    for identity, _ in tree.marked(state.mark):
        with suppress(FileNotFoundError, ProcessLookupError):
            found[identity.pid] = Path(f"/proc/{identity.pid}/cmdline").read_bytes()
    return found
