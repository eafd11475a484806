"""Where the file system shares blocks: a branch costs one clone, and may lose it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from branchpg_harness.stack import Stack

from branchpg.store import clone

if TYPE_CHECKING:
    from collections.abc import Iterator

# More than what is quicker to replay than to clone.
ROWS = 200_000

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def xfs() -> Iterator[str]:
    """A directory on an XFS with reflink."""
    with mounted_xfs() as mount:
        yield mount


@contextlib.contextmanager
def mounted_xfs() -> Iterator[str]:
    if os.geteuid() != 0 or not shutil.which("mkfs.xfs"):
        pytest.skip("needs root, to mount, and mkfs.xfs (Debian: xfsprogs)")
    folder = tempfile.mkdtemp(prefix="bx", dir="/tmp")
    os.chmod(folder, 0o755)
    image, mount = f"{folder}/image", f"{folder}/x"
    os.mkdir(mount)
    with open(image, "wb") as file:
        file.truncate(4 * 2**30)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
    mounted = subprocess.run(
        ["mount", "-o", "loop", image, mount], capture_output=True, text=True
    )
    try:
        if mounted.returncode:
            pytest.skip(f"no loop device: {mounted.stderr}")
        os.chmod(mount, 0o755)
        yield mount
    finally:
        subprocess.run(["umount", mount], capture_output=True)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def stack(xfs: str) -> Iterator[Stack]:
    with Stack(place=xfs) as started:
        # No snapshot by the way: a branch would have less to catch up with.
        config = {"checkpoint_distance": 2**40, "checkpoint_timeout": "1d"}
        content = {"tenant_id": started.tenant, **config}
        started.http("pageserver").send("PATCH", "/v1/tenant/config", content, dict)
        # Nor one of a cluster that is set up for the first time, as main is here.
        started.sql("SELECT 1")
        started.api("PUT", f"/timeline/{started.timeline('main')}/checkpoint", {})
        yield started


def sown(stack: Stack, name: str) -> str:
    """Write much to a new branch, branch off it; return the directory of the seed."""
    stack.create(f"{name}-parent")
    stack.sql(
        "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 4) s "
        f"FROM generate_series(1, {ROWS}) n",
        branch=f"{name}-parent",
    )
    stack.create(name, f"{name}-parent")
    root = f"{stack.root}/pageserver/tenants/{stack.tenant}/timelines"
    seed = f"{root}/{stack.timeline(name)}/seed"
    assert os.path.exists(f"{seed}/snapshot.json")
    return seed


def rows(stack: Stack, name: str) -> Any:
    return stack.sql("SELECT count(*) FROM t", branch=name)


@pytest.mark.parametrize("size", [0, 1, 8192, 2**25, 2**25 + 1, 3 * 2**25 - 5])
def test_a_clone_is_made_in_pieces(xfs: str, size: int) -> None:
    source, target = f"{xfs}/source-{size}", f"{xfs}/target-{size}"
    content = os.urandom(size)
    with open(source, "wb") as file:
        file.write(content)
        os.fsync(file.fileno())
    before = os.statvfs(xfs).f_bfree
    clone.clone_file(source, target, driver=clone.Driver.REFLINK)
    with open(target, "rb") as file:
        assert file.read() == content
    if size > 2**20:
        assert before - os.statvfs(xfs).f_bfree < size / 4096 / 2  # blocks are shared


@pytest.fixture
def quiet() -> Iterator[str]:
    """The same, where nobody else writes: what is free tells what a test took."""
    with mounted_xfs() as mount:
        yield mount


def test_a_page_that_is_written_takes_little_more_than_itself(quiet: str) -> None:
    """The file system would set aside 128 kB around each, and soon be full."""
    pages, every = 256, 2**18
    folder = f"{quiet}/written"
    os.mkdir(folder)
    with open(f"{folder}/table", "wb") as file:
        file.write(os.urandom(pages * every))
        os.fsync(file.fileno())
    clone.clone_tree(folder, f"{folder}-copy", driver=clone.Driver.REFLINK)
    before = os.statvfs(quiet)
    with open(f"{folder}-copy/table", "r+b") as file:
        for number in range(pages):
            file.seek(number * every)
            file.write(os.urandom(8192))
        os.fsync(file.fileno())
    taken = (before.f_bfree - os.statvfs(quiet).f_bfree) * before.f_frsize
    assert pages * 8192 <= taken < 3 * pages * 8192


def test_the_first_endpoint_takes_the_clone_of_the_parent_itself(stack: Stack) -> None:
    seed = sown(stack, "taken")
    file = os.stat(f"{seed}/data/PG_VERSION").st_ino
    stack.sql("DELETE FROM t", branch="taken-parent")
    assert rows(stack, "taken") == ROWS
    pgdata = f"{stack.root}/compute/endpoints/{stack.endpoint('taken')['id']}/pgdata"
    assert os.stat(f"{pgdata}/PG_VERSION").st_ino == file
    assert not os.path.exists(seed)
    assert rows(stack, "taken-parent") == 0


def test_a_branch_that_lost_its_clone_is_made_of_what_its_parent_has(
    stack: Stack,
) -> None:
    shutil.rmtree(sown(stack, "lost"))
    assert rows(stack, "lost") == ROWS


def test_a_read_only_endpoint_leaves_the_clone_to_the_one_that_writes(
    stack: Stack,
) -> None:
    seed = sown(stack, "read")
    at = f"neon_lsn:{stack.branch('GET', '/read')['branch']['parent_lsn']}"
    with stack.connect("read", options=at) as past, past.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM t")
        assert cursor.fetchone() == (ROWS,)
    assert os.path.exists(seed)
    assert rows(stack, "read") == ROWS


def test_a_branch_of_a_branch_that_nobody_has_used(stack: Stack) -> None:
    sown(stack, "between")
    stack.create("leaf", "between")
    assert rows(stack, "leaf") == rows(stack, "between") == ROWS


@pytest.mark.parametrize("booted", [False, True], ids=["same boot", "another boot"])
def test_the_pageserver_is_killed_before_the_clone_is_used(
    stack: Stack, booted: bool
) -> None:
    """What is not on disk is not to be trusted after a start of the machine."""
    seed = sown(stack, f"killed-{booted:d}")
    stack.kill("pageserver")
    if booted:
        with open(f"{seed}/snapshot.json", "r+b") as file:
            about = json.load(file) | {"boot_id": "another one"}
            file.seek(0)
            file.truncate()
            file.write(json.dumps(about).encode())
    stack.start("pageserver")
    assert os.path.exists(seed) != booted
    assert rows(stack, f"killed-{booted:d}") == ROWS


def test_a_reset_takes_the_clone_too(stack: Stack) -> None:
    sown(stack, "again")
    stack.sql("INSERT INTO t SELECT * FROM t", branch="again-parent")
    stack.branch("POST", "/again/reset")
    assert rows(stack, "again") == 2 * ROWS
