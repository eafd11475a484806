"""A real database with branches, and an old one beside it: a plain PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from branchpg_harness.stack import PASSWORD, Stack, wait_for

from branchpg.environment import environment
from branchpg.postgres import owner, programs
from branchpg.postgres.cluster import initialise
from branchpg.postgres.server import Server
from workspace_ops import revisions
from workspace_ops.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# In pytest's importlib mode a test module does not see its neighbours by itself.
sys.path.insert(0, str(Path(__file__).parent))

# In place of yard, which the end-to-end tests use: it says what a test wrote down.
YARD = """\
#!{python}
import pathlib, sys
here = pathlib.Path(__file__).parent
if sys.argv[1] == "ps":
    print((here / "ps").read_text())
elif sys.argv[1] == "exec":
    sys.exit((here / "exec").read_text() or 0)
"""
SERVICES = (
    "workspace-db-safekeeper",
    "workspace-db-pageserver",
    "workspace-db-compute",
)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with Stack() as started:
        yield started


@pytest.fixture(scope="session")
def whole(stack: Stack) -> Settings:
    """The stack, with its schema unless a test has left something else."""
    compute, pageserver = stack.ports["compute"], stack.ports["pageserver"]
    settings = Settings(
        variables=dict(os.environ),
        yard=("false",),
        password=PASSWORD,
        token="unused",
        database_port=compute["pg"],
        pageserver_port=pageserver["http"],
        compute_port=compute["http"],
        role="postgres",
    )
    from workspace_ops_support import answers

    wait_for(lambda: answers(settings), "the database answers")
    return settings


@pytest.fixture
def settings(whole: Settings) -> Settings:
    """The same, with nothing but what its schema begins with.

    A branch for each test would be clearer, and a copy of the cluster where the file
    system cannot share blocks.
    """
    from workspace_ops_support import clear

    clear(whole)
    revisions.migrate(whole, None, "head")
    return whole


@pytest.fixture
def yard(whole: Settings, tmp_path: Path) -> Callable[..., Settings]:
    """Settings with a `yard` that says what the services are."""

    def made(*, exec_fails: str = "", **states: str) -> Settings:
        lines = []
        for name in SERVICES:
            state = states.get(name.rpartition("-")[2], "running")
            if state:
                health = "healthy" if state == "running" else ""
                state, health = (
                    ("running", "unhealthy") if state == "ill" else (state, health)
                )
                lines.append(
                    f'{{"Service":"{name}","State":"{state}","Health":"{health}"}}'
                )
        (tmp_path / "ps").write_text("\n".join(lines))
        (tmp_path / "exec").write_text(exec_fails)
        script = tmp_path / "yard"
        script.write_text(YARD.format(python=sys.executable))
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return replace(whole, yard=(str(script),))

    return made


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """A plain PostgreSQL; yields a connection string without its database."""
    root = Path(tempfile.mkdtemp(prefix="old-", dir="/tmp"))
    root.chmod(0o755)
    data = root / "data"
    data.mkdir()
    found = programs.find(environment())
    if found.identity:
        owner.give_tree(str(root), found.identity)
    initialise(found, str(data))
    (data / "pg_hba.conf").write_text("local all all trust\n")
    settings = {"unix_socket_directories": str(root), "listen_addresses": ""}
    server = Server.start(found, str(data), settings=settings, log=str(root / "log"))
    try:
        asyncio.run(server.wait_until_ready(60))
        yield f"host={root} user=cloud_admin"
    finally:
        asyncio.run(server.stop())
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def old(cluster: str, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Make an old database of a script; return its connection string."""
    name = f"old_{abs(hash(request.node.nodeid)):x}"

    def made(script: str) -> str:
        from workspace_ops_support import execute

        execute(f"{cluster} dbname=postgres", f"CREATE DATABASE {name}")
        dsn = f"{cluster} dbname={name}"
        execute(dsn, script)
        return dsn

    return made
