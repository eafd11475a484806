"""Which tools a host lacks."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stackyard.images import tools

if TYPE_CHECKING:
    from stackyard.images.adapter import Host

NAMES = {"curl", "nc", "pg_isready", "redis-cli", "valkey-cli", "wget"}


def with_path(host: Host, path: Path) -> Host:
    return replace(host, environment={"PATH": str(path)})


def test_only_what_is_missing(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "path"
    path.mkdir()
    bare = tools.fallback_directory(with_path(host, path))
    assert bare
    assert set(os.listdir(bare)) == NAMES

    for name in NAMES - {"nc"}:
        (path / name).touch(0o755)
    some = tools.fallback_directory(with_path(host, path))
    assert some
    assert os.listdir(some) == ["nc"]

    (path / "nc").touch(0o755)
    assert tools.fallback_directory(with_path(host, path)) is None


def test_every_launcher_runs(host: Host, tmp_path: Path) -> None:
    directory = tools.fallback_directory(with_path(host, tmp_path))
    assert directory

    for name in NAMES:
        command = [str(Path(directory, name)), "--nonsense"]
        completed = subprocess.run(command, capture_output=True, text=True, check=False)
        assert completed.returncode
        assert f"hint: this is Stackyard's own {name.replace('valkey', 'redis')}" in (
            completed.stderr
        )
