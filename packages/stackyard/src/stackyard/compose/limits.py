"""How much a Compose file may ask of the loader.

A document of a few hundred bytes can describe gigabytes (aliases of aliases) or never
end (a FIFO). Every stage that can grow its input checks one of these bounds and names
it in its error. They are far above what people write: the largest public Compose files
have some thousand lines.
"""

from __future__ import annotations

from typing import Final

FILE_BYTES: Final = 32 * 1024 * 1024
"""The size of one Compose, env or label file."""

NESTING: Final = 100
"""Levels of mappings and sequences inside each other."""

NODES: Final = 3_000_000
"""Values of one document once its aliases are expanded."""

FILES: Final = 10_000
"""Files read for one project, includes and extends counted."""

CHAIN: Final = 100
"""Services extending each other, or files including each other, in one chain."""

STRING_BYTES: Final = 8 * 1024 * 1024
"""One value after its variables are substituted."""

PORTS: Final = 65_536
"""Ports one range may stand for."""
