"""The projects of the differential corpus, as material for other tests."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "differential"))

from cases import Case, load_corpus
from harness import lay_out

__all__ = ["Case", "accepted_cases", "lay_out"]

if TYPE_CHECKING:
    from collections.abc import Sequence


@cache
def accepted_cases() -> Sequence[Case]:
    """Every project that docker compose takes."""
    return [case for case in load_corpus() if not case.rejected]
