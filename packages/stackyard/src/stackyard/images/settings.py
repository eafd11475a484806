"""The environment of the programs of this package that run as processes of their own.

Adapters run inside `yard` and take it as an argument; entrypoints and tools begin here.
"""

from __future__ import annotations

import os


def process_environment() -> dict[str, str]:
    """Return a copy of the environment variables."""
    return dict(os.environ)
