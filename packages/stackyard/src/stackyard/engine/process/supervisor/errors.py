"""What can go wrong while the supervisor acts."""

from __future__ import annotations

from stackyard.engine.errors import EngineError


class ActionError(EngineError):
    """Something could not be done to a container."""
