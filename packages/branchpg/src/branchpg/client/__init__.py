"""The client of branchpg: projects and branches from Python, and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from branchpg.client.project import Branch, Project

__all__ = ["Branch", "Project"]


def __getattr__(name: str) -> Any:
    """Import what is asked for: the command line is to begin quickly."""
    if name not in __all__:
        raise AttributeError(name)
    from branchpg.client import project

    return getattr(project, name)
