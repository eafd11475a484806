"""Real projects, and the real command line on them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from branchpg_harness.command_line import Cli

from branchpg.client import Project


@pytest.fixture(scope="session")
def _short():
    # Deep temporary directories of pytest are closed to the user of root's servers.
    directory = tempfile.mkdtemp(prefix="bp-")
    os.chmod(directory, 0o755)
    yield Path(directory)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def place(_short):
    """A new directory, with a short name."""
    return Path(tempfile.mkdtemp(dir=_short))


@pytest.fixture(scope="module")
def project(_short):
    """A project that runs; tests make branches of it, and leave `main` alone."""
    root = tempfile.mkdtemp(dir=_short)
    os.chmod(root, 0o755)
    project = Project.create(os.path.join(root, "db"), port=0, database="shop")
    project.start()
    yield project
    project.remove()


@pytest.fixture
def cli(project, place):
    """The command line, somewhere else, on the project."""
    return Cli(place, BRANCHPG_PROJECT=project.place.root)


@pytest.fixture
def own(_short):
    """A project of this test alone, not started; what runs is stopped afterwards."""
    root = tempfile.mkdtemp(dir=_short)
    os.chmod(root, 0o755)
    project = Project.create(os.path.join(root, "db"), port=0, database="shop")
    yield project
    project.stop()
