"""A server's life: stale pid files, crashes, other versions, root."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from branchpg.errors import BranchpgError
from branchpg.postgres import cluster, programs
from branchpg.postgres.server import Server, end_leftover, postmaster, recover

if TYPE_CHECKING:
    from branchpg.postgres.programs import Programs


def settings(data: str) -> dict[str, str]:
    return {"listen_addresses": "", "unix_socket_directories": data}


def start(found: Programs, data: str) -> Server:
    return Server.start(found, data, settings=settings(data), log=f"{data}.log")


def test_start_and_stop(found: Programs, data: str) -> None:
    async def live() -> None:
        server = start(found, data)
        await server.wait_until_ready()
        running = postmaster(data)
        assert running
        assert running.pid == server.pid
        with pytest.raises(BranchpgError, match="runs on .* already"):
            start(found, data)
        await server.stop()

    asyncio.run(live())
    assert postmaster(data) is None
    assert cluster.control_data(found, data).is_shut_down


async def crash(found: Programs, data: str, *statements: str) -> None:
    """Run statements on a server, which then ends at once."""
    server = start(found, data)
    await server.wait_until_ready()
    dsn = f"host={data} user={cluster.SUPERUSER} dbname=template1"
    try:
        for statement in statements:
            await asyncio.to_thread(found.output, "psql", "-Xqc", statement, dsn)
    finally:
        await server.stop(fast=False)


def test_recovery_ends_with_a_clean_shutdown(found: Programs, data: str) -> None:
    async def live() -> None:
        # Nobody else may need it either, and no database is named like the user.
        await crash(found, data, "CREATE TABLE t ()", "DROP DATABASE postgres")
        assert not cluster.control_data(found, data).is_shut_down
        await recover(found, data, settings=settings(data), log=f"{data}.log")

    asyncio.run(live())
    assert postmaster(data) is None
    assert cluster.control_data(found, data).is_shut_down


def test_recovery_that_fails_is_told_with_the_log(found: Programs, data: str) -> None:
    async def live() -> None:
        await crash(found, data, "CREATE TABLE t ()")
        for name in os.listdir(f"{data}/pg_wal"):
            if len(name) == 24:
                os.unlink(f"{data}/pg_wal/{name}")
        await recover(found, data, settings=settings(data), log=f"{data}.log")

    with pytest.raises(BranchpgError, match="while it recovered:(?s:.*)checkpoint"):
        asyncio.run(live())


def test_a_stale_pid_file_that_names_a_stranger_is_no_server(
    found: Programs, data: str
) -> None:
    stranger = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE
    )
    try:
        with open(f"{data}/postmaster.pid", "w", encoding="ascii") as file:
            file.write(f"{stranger.pid}\n{data}\n0\n5432\n{data}\n\n0\nready   \n")
        assert postmaster(data) is None

        async def live() -> None:
            await end_leftover(data)
            server = start(found, data)
            await server.wait_until_ready()
            await server.stop()

        asyncio.run(live())
        assert stranger.poll() is None, "a stranger was signalled"
    finally:
        stranger.communicate(b"\n")


def test_a_server_that_outlived_its_starter_is_ended(
    found: Programs, data: str
) -> None:
    async def live() -> None:
        server = start(found, data)
        await server.wait_until_ready()
        await end_leftover(data)
        assert await server.wait() is not None

    asyncio.run(live())
    assert postmaster(data) is None


def test_a_crashed_postmaster_is_followed_by_one_that_recovers(
    found: Programs, data: str
) -> None:
    async def live() -> None:
        server = start(found, data)
        await server.wait_until_ready()
        os.kill(server.pid, signal.SIGKILL)
        await server.wait()
        await end_leftover(data)
        again = start(found, data)
        await again.wait_until_ready()
        await again.stop()

    asyncio.run(live())


def test_another_major_version_is_refused_with_the_remedy(
    found: Programs, data: str
) -> None:
    with open(f"{data}/PG_VERSION", "w", encoding="ascii") as file:
        file.write("12\n")
    with pytest.raises(BranchpgError, match="is of PostgreSQL 12") as failure:
        start(found, data)
    assert "BRANCHPG_POSTGRES_BIN" in str(failure.value.hint)


def test_a_server_that_cannot_start_says_why(found: Programs, data: str) -> None:
    with open(f"{data}/postgresql.conf", "a", encoding="ascii") as file:
        file.write("shared_buffers = nonsense\n")

    async def live() -> None:
        await start(found, data).wait_until_ready()

    with pytest.raises(BranchpgError, match="shared_buffers"):
        asyncio.run(live())


def test_no_programs_is_told_with_the_remedy() -> None:
    with pytest.raises(BranchpgError, match="PostgreSQL 9") as failure:
        programs.find({"PATH": ""}, major=9)
    assert "branchpg[postgres]" in str(failure.value.hint)
    with pytest.raises(BranchpgError, match="lacks"):
        programs.find({"BRANCHPG_POSTGRES_BIN": "/nowhere"})
