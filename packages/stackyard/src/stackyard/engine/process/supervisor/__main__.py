"""`python -m stackyard.engine.process.supervisor ROOT NAME READY`.

ROOT is the state root, NAME the project, READY a descriptor that gets one byte once the
supervisor answers.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Run until the project is down."""
    # asyncio does without TLS if it cannot be imported. We use none, and save 4 MB.
    sys.modules["ssl"] = None  # type: ignore[assignment]
    from stackyard.engine.process.supervisor.serve import serve

    serve(Path(arguments[0]), arguments[1], int(arguments[2]))


if __name__ == "__main__":
    main(sys.argv[1:])
