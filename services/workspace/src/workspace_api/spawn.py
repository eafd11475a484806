"""The one place of this package that starts a process."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["run_self"]


async def run_self(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run this command with other arguments; return what went wrong, or nothing."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "workspace_api", *arguments),
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, words = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    return words.decode(errors="replace").strip() if child.returncode else ""
