"""Programs that healthchecks call, for hosts that lack them.

Each is a small module that knows what healthchecks use, and says so of all else. They
stand last on PATH: what the host has comes first.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from stackyard.images import launchers

if TYPE_CHECKING:
    from stackyard.images.adapter import Host

__all__ = ["fallback_directory"]

_MODULES: Final = {
    "curl": "curl",
    "nc": "nc",
    "pg_isready": "pg_isready",
    "redis-cli": "redis_cli",
    "valkey-cli": "redis_cli",
    "wget": "wget",
}


def fallback_directory(host: Host) -> str | None:
    """Return the directory to put last on PATH, None where the host has them all."""
    path = host.environment.get("PATH", "")
    scripts = {
        name: launchers.script(host.python, "-P", "-m", f"{__name__}.{module}")
        for name, module in _MODULES.items()
        if shutil.which(name, path=path) is None
    }
    return launchers.directory(host.cache, scripts) if scripts else None
