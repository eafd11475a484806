"""What compilation needs to know of the machine and of whoever runs `yard`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from stackyard.images.adapter import Host
from stackyard.images.tools import fallback_directory

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

    @cached_property
    def host(self) -> Host:
        """What image adapters are told."""
        return Host(
            environment=self.environment, cache=str(self.state.root.path / "tools")
        )

    @cached_property
    def can_seal(self) -> bool:
        """Whether read-only mounts can be enforced; tried once."""
        from stackyard.engine.process import mountspace  # few need it

        return mountspace.is_possible()

    @cached_property
    def fallback_tools(self) -> str | None:
        """The directory that goes last on every PATH; looked up once."""
        return fallback_directory(self.host)
