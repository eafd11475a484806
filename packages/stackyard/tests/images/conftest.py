"""Real servers on addresses of their own, in directories that other users can reach."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stackyard.images.adapter import Host

if TYPE_CHECKING:
    from collections.abc import Iterator

# Here, and not in a helper's own place: see the conftest.py two levels up.
sys.path.insert(0, str(Path(__file__).parent))

_counter = itertools.count(1)


@pytest.fixture
def address() -> str:
    """An address that no other test of this or another run uses at the time."""
    process, number = os.getpid(), next(_counter)
    return f"127.{64 + process % 128}.{process // 128 % 256}.{number % 254 + 1}"


@pytest.fixture
def room() -> Iterator[Path]:
    """A short directory that everybody can enter; pytest's own are for one user."""
    path = Path(tempfile.mkdtemp(prefix="yard-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """This machine, with a cache of the test's own."""
    return Host(
        environment={"PATH": os.environ.get("PATH", os.defpath)},
        cache=str(tmp_path / "cache"),
    )
