"""Diagrams: the picture is of the text beside it, and the text is true."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest

DIAGRAMS = Path(__file__).parents[2] / "docs/guides/workspace/diagrams"
SOURCES = sorted(DIAGRAMS.glob("*.dot"))


def mark(text: str) -> str:
    spec = importlib.util.spec_from_file_location("render", DIAGRAMS / "render.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.mark(text))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_picture_is_of_its_text(source: Path) -> None:
    picture = source.with_suffix(".svg").read_text()

    assert picture.startswith(mark(source.read_text())), "run render.py"
    assert "</svg>" in picture


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_text_can_be_drawn(source: Path) -> None:
    done = subprocess.run(
        ["dot", "-Tsvg", str(source)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_architecture_has_the_services_and_ports_of_the_stack() -> None:
    compose = (DIAGRAMS.parents[3] / "stacks/workspace/compose.yaml").read_text()
    text = (DIAGRAMS / "architecture.dot").read_text()

    for name in re.findall(r"workspace-(?:db-)?[a-z]+", text):
        assert f"  {name}:\n" in compose
    for port in ("3103", "3200", "5433", "3080", "6400", "9898", "5454", "7676"):
        assert port in text
        assert port in compose
