"""A place to compile in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from compile_support import Compiler

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    return Compiler(tmp_path)
