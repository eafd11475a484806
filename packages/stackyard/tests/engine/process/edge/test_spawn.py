"""The edge starts in a session of its own, with nothing of its parent's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stackyard.engine.process.edge.spawn import SpawnError, spawn_edge


def test_it_is_on_its_own(edge):
    process = Path(f"/proc/{edge.pid}")
    assert os.getsid(edge.pid) == edge.pid != os.getsid(0)
    variables = dict(
        item.split("=", 1)
        for item in (process / "environ").read_text().rstrip("\0").split("\0")
    )
    assert variables.pop("YARD_MARK") == "test"
    assert variables.keys() == {"PYTHONPATH"}
    assert os.readlink(process / "fd" / "0") == os.devnull
    assert os.readlink(process / "fd" / "1") == os.devnull
    assert os.readlink(process / "fd" / "2") == str(edge.log)


def test_it_inherits_no_descriptor(edge):
    found = {os.readlink(path) for path in Path(f"/proc/{edge.pid}/fd").iterdir()}
    kinds = {name.partition(":")[0] for name in found}
    assert kinds == {os.devnull, str(edge.log), "socket", "anon_inode"}


def test_why_it_did_not_start_is_told(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    log = tmp_path / "log"
    log.write_text("of an earlier edge\n")
    with pytest.raises(SpawnError, match="the edge cannot listen") as caught:
        spawn_edge(blocked / "edge.sock", mark="test", log=log)
    assert "earlier" not in str(caught.value)
