"""Directories of launchers."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stackyard.images import launchers


def test_a_launcher_hands_on_its_arguments(tmp_path: Path) -> None:
    script = launchers.script("/usr/bin/env", "printf", "<%s>", "it's")

    directory = launchers.directory(str(tmp_path / "new" / "cache"), {"say": script})
    command = [os.path.join(directory, "say"), "two words"]

    assert subprocess.run(command, stdout=-1, text=True, check=True).stdout == (
        "<it's><two words>"
    )


def test_what_is_the_same_is_written_once(tmp_path: Path) -> None:
    cache = str(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        made = list(
            pool.map(lambda _: launchers.directory(cache, {"a": "x"}), range(16))
        )

    assert len(set(made)) == 1
    assert launchers.directory(cache, {"a": "y"}) != made[0]
    assert len(list(tmp_path.iterdir())) == 2
    assert os.access(Path(made[0]) / "a", os.X_OK)
