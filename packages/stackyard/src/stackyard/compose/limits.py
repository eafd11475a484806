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

NODES: Final = 1_000_000
"""Values of one document once its aliases are expanded, and of a whole project: its
documents, what services extend, and the variables of env files, each time."""

FILES: Final = 10_000
"""Files read for one project, and how often they are: one included twice is two."""

PROBLEMS: Final = 1000
"""Problems told of one project."""

CHAIN: Final = 100
"""Services extending each other, or files including each other, in one chain."""

STRING_BYTES: Final = 8 * 1024 * 1024
"""One value after its variables are substituted."""

EXPANDED_BYTES: Final = 64 * 1024 * 1024
"""What the values with variables, and the env files, of one project come to."""

PORTS: Final = 131_072
"""Ports that the ranges of one project may stand for."""
