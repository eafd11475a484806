"""The projects of the differential corpus, as material for other tests."""

from __future__ import annotations

import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "differential"))

from cases import Case, load_corpus
from harness import lay_out

__all__ = ["KNOWN_DIFFERENCES", "Case", "accepted_cases", "lay_out"]

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIFFERENCES = Path(__file__).parents[1] / "differential" / "known_differences.toml"
KNOWN_DIFFERENCES = tomllib.loads(_DIFFERENCES.read_text()).keys()


@cache
def accepted_cases() -> Sequence[Case]:
    """Every project that docker compose takes."""
    return [case for case in load_corpus() if not case.rejected]
