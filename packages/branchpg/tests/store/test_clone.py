"""Copies of data directories: what belongs to them, and what does not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from branchpg.errors import BranchpgError
from branchpg.store import clone, sizes

if TYPE_CHECKING:
    from pathlib import Path


def cluster(root: Path) -> Path:
    """Return a directory that looks like a cluster's."""
    data = root / "data"
    for name in (
        "base/5",
        "global",
        "pg_wal/archive_status",
        "pg_replslot/x",
        "pg_tblspc",
    ):
        (data / name).mkdir(parents=True)
    for name, content in {
        "PG_VERSION": b"17\n",
        "base/5/16384": os.urandom(3 * 1024 * 1024),
        "base/5/pg_internal.init": b"cache",
        "base/5/pgsql_tmp1": b"scratch",
        "global/pg_control": b"control",
        "pg_wal/000000010000000000000001": b"wal",
        "pg_replslot/x/state": b"slot",
        "postmaster.pid": b"1",
        "branchpg.dsn": b"secret",
    }.items():
        (data / name).write_bytes(content)
    return data


def test_a_copy_has_everything_but_what_belongs_to_the_running_server(
    tmp_path: Path,
) -> None:
    data = cluster(tmp_path)
    driver = clone.probe(str(tmp_path))
    clone.clone_cluster(str(data), str(tmp_path / "copy"), driver=driver)
    files = {
        str(path.relative_to(tmp_path / "copy"))
        for path in (tmp_path / "copy").rglob("*")
        if path.is_file()
    }
    assert files == {"PG_VERSION", "base/5/16384", "global/pg_control"}
    original = (data / "base/5/16384").read_bytes()
    assert (tmp_path / "copy/base/5/16384").read_bytes() == original
    assert (tmp_path / "copy/pg_wal/archive_status").is_dir()
    assert (tmp_path / "copy/pg_replslot").is_dir()


@pytest.mark.parametrize("driver", list(clone.Driver))
def test_changes_of_a_copy_stay_in_it(tmp_path: Path, driver: clone.Driver) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"x" * 100_000)
    clone.clone_file(str(source), str(tmp_path / "b"), driver=driver)
    with (tmp_path / "b").open("r+b") as file:
        file.write(b"changed")
    assert source.read_bytes() == b"x" * 100_000


def test_a_name_that_is_taken_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    with pytest.raises(FileExistsError):
        clone.clone_file(
            str(tmp_path / "a"), str(tmp_path / "b"), driver=clone.Driver.COPY
        )
    assert (tmp_path / "b").read_bytes() == b"b"


def test_tablespaces_are_refused_with_the_remedy(tmp_path: Path) -> None:
    data = cluster(tmp_path)
    (data / "pg_tblspc/16500").symlink_to(tmp_path)
    with pytest.raises(BranchpgError, match="tablespaces") as failure:
        clone.clone_cluster(str(data), str(tmp_path / "copy"), driver=clone.Driver.COPY)
    assert "SET TABLESPACE" in str(failure.value.hint)


def test_links_are_not_followed_out_of_the_cluster(tmp_path: Path) -> None:
    data = cluster(tmp_path)
    (tmp_path / "outside").write_bytes(b"secret")
    (data / "base/5/link").symlink_to(tmp_path / "outside")
    clone.clone_cluster(str(data), str(tmp_path / "copy"), driver=clone.Driver.COPY)
    assert not (tmp_path / "copy/base/5/link").exists()


def test_sizes_of_a_tree(tmp_path: Path) -> None:
    data = cluster(tmp_path)
    size = sizes.of_tree(str(data), shared=True)
    assert size.logical > 3 * 1024 * 1024
    assert size.physical >= 3 * 1024 * 1024
    assert 0 <= size.shared <= size.physical
