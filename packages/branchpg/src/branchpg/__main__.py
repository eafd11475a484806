"""Where the process begins and ends: the script `branchpg` and `python -m branchpg`.

A command lives for a tenth of a second, and a third of that would go into collecting
garbage while modules are imported and into tearing them down again. Both are left out.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn


def main() -> NoReturn:
    """Run `branchpg` and end the process with its exit code."""
    gc.disable()
    # Imported here, where the collector is off already.
    from branchpg.client.cli.main import main as command_line

    code = command_line()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)  # noqa: TID251  nothing runs after this


if __name__ == "__main__":
    main()
