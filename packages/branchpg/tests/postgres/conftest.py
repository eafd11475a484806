from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from branchpg.postgres import cluster, owner, programs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchpg.postgres.programs import Programs


@pytest.fixture(scope="module")
def found() -> Programs:
    return programs.find(os.environ)


@pytest.fixture
def data(found: Programs) -> Iterator[str]:
    """An initialised cluster, where the servers' user may go."""
    root = tempfile.mkdtemp(prefix="pg-", dir="/tmp")
    os.chmod(root, 0o755)
    path = os.path.join(root, "data")
    os.mkdir(path, 0o700)
    owner.give(path, found.identity)
    cluster.initialise(found, path)
    Path(path, "pg_hba.conf").write_text("local all all trust\n")
    yield path
    shutil.rmtree(root)
