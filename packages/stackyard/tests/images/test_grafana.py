"""Grafana, by the program that is installed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stackyard.images.adapter import SELF, ImageError
from stackyard.images.grafana import GrafanaAdapter
from stackyard.images.reference import parse

if TYPE_CHECKING:
    from pathlib import Path

    from stackyard.images.adapter import Host


def test_where_there_is_none_it_says_how_to_get_it(host: Host) -> None:
    adapter = GrafanaAdapter(parse("grafana/grafana"), replace(host, environment={}))

    with pytest.raises(ImageError, match="not installed") as told:
        adapter.image()

    assert "YARD_GRAFANA_HOME" in told.value.hint


def test_it_listens_on_the_replicas_address(tmp_path: Path, host: Host) -> None:
    program = tmp_path / "bin" / "grafana"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    here = replace(host, environment={"YARD_GRAFANA_HOME": str(tmp_path)})
    adapter = GrafanaAdapter(parse("grafana/grafana"), here)

    image = adapter.image()

    assert adapter.launch((*image.entrypoint, *image.command)) == (
        *(str(program), "server", "--homepath", str(tmp_path)),
        f"cfg:server.http_addr={SELF}",
    )
