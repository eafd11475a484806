"""Whose a process is, and what it has started."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from process_support import eventually

from stackyard.engine.process import tree
from stackyard.engine.process.keeper.order import MARK


def marked(mark: str) -> set[int]:
    return {identity.pid for identity, _ in tree.marked(mark)}


def test_a_family(tmp_path: Path):
    mark = f"test.{tmp_path}/"
    script = "sleep 600 & (sleep 600 & wait) & wait"
    with subprocess.Popen(
        ["sh", "-c", script],
        env={"PATH": os.defpath, MARK: f"{mark}one"},
        start_new_session=True,
    ) as process:
        try:
            family = eventually(
                lambda: len(found := tree.descendants(process.pid)) == 4 and found
            )
            assert family[0] == process.pid
            assert set(family) == marked(mark)
            assert marked(f"{mark}two") == set()
            assert tree.mark_of(process.pid) == f"{mark}one"
            assert {tree.session_of(pid) for pid in family} == {process.pid}
        finally:
            os.killpg(process.pid, 9)
    eventually(lambda: not marked(mark))


def test_what_is_gone_has_nothing():
    with subprocess.Popen(["true"]) as process:
        pass
    assert tree.descendants(process.pid) == [process.pid]
    assert tree.mark_of(process.pid) is None
    assert tree.session_of(process.pid) == 0


def test_a_process_without_a_mark():
    with subprocess.Popen(["sleep", "600"], env={}, executable="/bin/sleep") as process:
        comm = Path(f"/proc/{process.pid}/comm")
        eventually(lambda: comm.read_text() == "sleep\n")
        assert tree.mark_of(process.pid) is None
        process.kill()
