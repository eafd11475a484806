"""Images of our own services."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stackyard.images import registry
from stackyard.images.adapter import ImageError
from stackyard.images.reference import parse

if TYPE_CHECKING:
    from pathlib import Path

    from stackyard.images.adapter import Host


def test_it_is_the_script_beside_the_interpreter(tmp_path: Path, host: Host) -> None:
    script = tmp_path / "workspace-api"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    here = replace(host, python=str(tmp_path / "python"))

    adapter = registry.find(parse("stackyard/workspace-api"), here)

    assert adapter
    image = adapter.image()
    assert image.entrypoint == (str(script),)
    assert image.exposed_ports == (3200,)
    assert adapter.launch((str(script), "--x")) == (str(script), "--x")


def test_a_script_that_is_not_installed(tmp_path: Path, host: Host) -> None:
    here = replace(host, python=str(tmp_path / "python"))
    adapter = registry.find(parse("stackyard/workspace-board"), here)

    assert adapter
    with pytest.raises(ImageError, match="no program workspace-board") as told:
        adapter.image()
    assert "make setup" in told.value.hint
