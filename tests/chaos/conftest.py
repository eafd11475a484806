"""Chaos tests use the stack as the end-to-end tests do."""

from __future__ import annotations

import sys
from pathlib import Path

# In pytest's importlib mode a test module does not see its neighbours by itself.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
