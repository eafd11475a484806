"""What compilation needs to know of the machine and of whoever runs `yard`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.engine.process.state import ProjectState


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine.

    Attributes:
        environment: variables of the `yard` process; services get its PATH and HOME.
        state: where the project's state lies.
    """

    environment: Mapping[str, str]
    state: ProjectState
