"""What `yard` says of the stack's services."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from workspace_ops import spawn
from workspace_ops.errors import OperationError

if TYPE_CHECKING:
    from workspace_ops.settings import Settings

__all__ = ["COMPUTE", "DATABASE_SERVICES", "Container", "beside", "containers"]

COMPUTE = "workspace-db-compute"
DATABASE_SERVICES = (
    "workspace-db-safekeeper",
    "workspace-db-pageserver",
    COMPUTE,
)
_SECONDS = 30.0


class Container(msgspec.Struct, rename="pascal"):
    """One replica."""

    service: str
    state: str
    health: str = ""


def containers(settings: Settings) -> list[Container]:
    """Return the replicas there are, those that do not run too."""
    argv = (*settings.yard, "ps", "--all", "--format", "json")
    lines = spawn.output(argv, settings.variables, within=_SECONDS).splitlines()
    try:
        return [msgspec.json.decode(line, type=Container) for line in lines if line]
    except msgspec.DecodeError as error:
        raise OperationError(f"yard ps says what is not understood: {error}") from error


def beside(settings: Settings, service: str, *argv: str) -> str:
    """Run a command beside a service, as in its container; return what it writes."""
    words = (*settings.yard, "exec", "-T", service, *argv)
    return spawn.output(words, settings.variables, within=_SECONDS)
