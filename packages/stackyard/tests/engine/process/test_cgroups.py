"""Control groups as files: version 1, version 2, and none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stackyard.engine.process import cgroups
from stackyard.engine.process.cgroups import Cgroups
from stackyard.engine.process.spec import Limits

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_is_limited_without_groups(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cgroups.os, "geteuid", lambda: 1000)
    groups = Cgroups("mark/")
    assert groups.version == 0
    assert not groups.out_of_memory("id")
    groups.remove("id")


@pytest.mark.parametrize("version", [1, 2])
def test_which_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int):
    monkeypatch.setattr(cgroups.os, "geteuid", lambda: 0)
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path)
    if version == 1:
        (tmp_path / "memory").mkdir()
    else:
        (tmp_path / "cgroup.controllers").write_text("memory")
    assert Cgroups("mark/").version == version


def test_out_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cgroups.os, "geteuid", lambda: 0)
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path)
    (tmp_path / "cgroup.controllers").write_text("memory")
    groups = Cgroups("mark/")
    groups.create("id", Limits(memory=1))
    (events,) = list(tmp_path.rglob("id")) or [tmp_path]
    (events / "memory.events").write_text("oom 1\noom_kill 0\n")
    assert not groups.out_of_memory("id")
    (events / "memory.events").write_text("oom 1\noom_kill 2\n")
    assert groups.out_of_memory("id")
