"""What services tell of their process and disk."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, generate_latest

from branchpg.http.volume import observe


def shown(directory: str) -> dict[str, float]:
    registry = CollectorRegistry(auto_describe=False)
    observe(registry, directory)
    lines = generate_latest(registry).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(number) for name, number in pairs}


def test_the_disk_of_a_directory_is_shown(tmp_path):
    found = shown(str(tmp_path))

    size = os.statvfs(tmp_path)
    assert found["branchpg_volume_size_bytes"] == size.f_blocks * size.f_frsize
    assert found["branchpg_volume_available_bytes"] > 0
    assert (
        found["branchpg_volume_available_bytes"] <= found["branchpg_volume_size_bytes"]
    )
    assert found["process_start_time_seconds"] > 0


def test_a_directory_that_is_gone_hides_only_the_disk(tmp_path):
    found = shown(str(tmp_path / "gone"))

    assert "branchpg_volume_size_bytes" not in found
    assert "process_start_time_seconds" in found
