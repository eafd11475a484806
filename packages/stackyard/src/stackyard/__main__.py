"""Where the process begins and ends: the script `yard` and `python -m stackyard`.

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
    """Run `yard` and end the process with its exit code."""
    gc.disable()
    # Imported here, where the collector is off already.
    from stackyard.cli.main import main as yard

    code = yard()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)  # noqa: TID251  nothing runs after this


if __name__ == "__main__":
    main()
