"""Fixtures for tests that need a PostgreSQL: one project a run, a branch for each test.

The workers of pytest-xdist share the project: the first that needs it makes it, under
a lock, and the process that started them all removes it at the end. pytest imports this
module in every run, so that nothing else is imported here.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchpg.client.project import Branch, Project

__all__ = ["branchpg_branch", "branchpg_project"]

_OPTION: Final = "branchpg_project"
_INPUT: Final = "branchpg_shared"
_DATABASE: Final = "test"
_TTL_SECONDS: Final = 3600

_shared: Final = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `branchpg_project` name a project that is there already."""
    parser.addini(
        _OPTION,
        "directory of the project of branchpg that tests use; else a temporary one",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where it meets the others."""
    node.workerinput[_INPUT] = _meeting_place(node.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what was started for the tests, in the process that began them."""
    directory = config.stash.get(_shared, None)
    if directory is None or hasattr(config, "workerinput"):
        return
    del config.stash[_shared]
    if os.listdir(directory):
        _end(directory)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def branchpg_project(request: pytest.FixtureRequest) -> Project:
    """A project that runs: a temporary one, or the one that the settings name.

    That is the ini option `branchpg_project`, or the variable BRANCHPG_PROJECT.
    """
    from branchpg.client.project import Project
    from branchpg.environment import environment

    config = request.config
    directory = _meeting_place(config)
    named = config.getini(_OPTION) or environment().get("BRANCHPG_PROJECT")
    with _locked(directory):
        if named:
            root = os.path.join(config.rootpath, named)
            project = Project.open(root)
        else:
            root = os.path.join(directory, "db")
            project = (
                Project.open(root)
                if os.path.exists(root)
                else Project.create(root, port=0, database=_DATABASE)
            )
        started = project.services.start(lambda _name, _state: None)
        with open(os.path.join(directory, "started"), "a", encoding="utf-8") as file:
            file.writelines(f"{service.name}\t{root}\n" for service in started)
    return project


@pytest.fixture
def branchpg_branch(branchpg_project: Project) -> Iterator[Branch]:
    """A branch of the default one for this test alone, deleted afterwards.

    A run that is killed leaves some behind, which expire within the hour.
    """
    from datetime import timedelta

    branch = branchpg_project.branch(expires_at=timedelta(seconds=_TTL_SECONDS))
    yield branch
    branch.delete()


def _meeting_place(config: pytest.Config) -> str:
    """Return the directory that all workers of a run share."""
    given = getattr(config, "workerinput", {}).get(_INPUT)
    if given is not None:
        return str(given)
    if _shared not in config.stash:
        directory = tempfile.mkdtemp(prefix="branchpg-tests-")
        # Root's servers run as another user, who has to pass.
        os.chmod(directory, 0o711 if os.geteuid() == 0 else 0o700)
        config.stash[_shared] = directory
    return config.stash[_shared]


def _end(directory: str) -> None:
    from branchpg.client.project import Project

    with open(os.path.join(directory, "started"), encoding="utf-8") as file:
        pairs = [line.rstrip("\n").split("\t", 1) for line in file]
    for root in {root for _name, root in pairs}:
        names = tuple(name for name, of in pairs if of == root)
        services = Project.open(root).services
        services.stop(lambda _name, _state: None, only=names)


class _locked:
    """Holds a directory's lock for a block."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, "lock")

    def __enter__(self) -> None:
        import fcntl

        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(self, *_error: object) -> None:
        os.close(self._handle)
