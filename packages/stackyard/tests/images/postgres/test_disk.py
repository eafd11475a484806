"""Forcing a cluster to disk by whole file systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stackyard.images.postgres import disk

if TYPE_CHECKING:
    from pathlib import Path


def a_cluster(path: Path) -> Path:
    for part in ("base", "pg_tblspc", "elsewhere"):
        (path / part).mkdir(parents=True)
    (path / "wal").mkdir()
    (path / "pg_wal").symlink_to(path / "wal")
    return path


def test_whatever_the_cluster_links_to_is_synced(tmp_path: Path) -> None:
    data = a_cluster(tmp_path)
    (data / "pg_tblspc/16384").symlink_to(data / "elsewhere")
    disk.sync_whole(str(data))


def test_a_tablespace_that_is_gone_is_an_error(tmp_path: Path) -> None:
    data = a_cluster(tmp_path)
    (data / "pg_tblspc/16384").symlink_to(data / "gone")
    with pytest.raises(FileNotFoundError):
        disk.sync_whole(str(data))


@pytest.mark.parametrize(
    ("system", "release", "can"),
    [
        ("Linux", "5.8.0-12-generic", True),
        ("Linux", "6.18.44", True),
        ("Linux", "5.7.19", False),  # its syncfs hides failures
        ("Linux", "strange", False),
        ("Darwin", "23.1.0", False),
    ],
)
def test_only_kernels_that_tell_of_failures_are_trusted(
    system: str, release: str, can: bool
) -> None:
    assert disk.can_sync_whole(system, release) is can
