"""Run the edge: `python -P -m stackyard.engine.process.edge --socket PATH`.

With `--ready FD` it writes a line to that descriptor, and closes it, once its control
socket is there.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

from .capacity import Capacity, raise_limit
from .control import Control, listen
from .loop import Loop
from .table import RouteTable

_USAGE = "usage: python -m stackyard.engine.process.edge --socket PATH [--ready FD]"


def main(arguments: list[str]) -> None:
    """Serve until told to stop."""
    # argparse would be a tenth of the process.
    options = dict(zip(arguments[::2], arguments[1::2], strict=False))
    if len(arguments) % 2 or not {"--socket"} <= options.keys() <= {
        "--socket",
        "--ready",
    }:
        raise SystemExit(_USAGE)
    path = options["--socket"]
    # A terminal's end is no reason to close the ports.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    loop = Loop()
    table = RouteTable(loop, Capacity(loop, raise_limit()))
    try:
        listener = listen(path)
    except OSError as error:
        raise SystemExit(f"the edge cannot listen: {error}") from error
    Control(loop, table, listener)
    if "--ready" in options:
        with open(int(options["--ready"]), "wb") as ready:
            ready.write(b"ready\n")
    # What is loaded stays: no collection need look at it again.
    gc.collect()
    gc.freeze()
    loop.run()
    table.close()
    os.unlink(path)


if __name__ == "__main__":
    main(sys.argv[1:])
