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
    _open_streams()
    # Imported here, where the collector is off already.
    from stackyard.cli.main import main as yard

    code = yard()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)  # noqa: TID251  nothing runs after this


def _open_streams() -> None:
    """See to it that what is printed can be: in UTF-8, as Docker Compose prints.

    Where the caller has closed a stream (`>&-`), the next file opened would get its
    number, and what is printed with it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
        elif name != "stdin":
            # Names of files may hold bytes that are not UTF-8; they pass through.
            errors = "surrogateescape" if name == "stdout" else "backslashreplace"
            stream.reconfigure(encoding="utf-8", errors=errors)


if __name__ == "__main__":
    main()
