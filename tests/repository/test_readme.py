"""What the README shows is what the commands print."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"

WRONG = """\
services:
  web:
    image: nginx
    prots: ["80:80"]
    environment: {LOG: debug}
    depends_on: [databse]
  database:
    image: postgres
    healthcheck: {interval: 5x}
"""
RIGHT = """\
services:
  base:
    image: alpine
    environment: {LOG: info}
  web:
    extends: base
    image: nginx
    environment: [LOG=debug]
"""
OVERRIDE = """\
services:
  web:
    environment: {LOG: trace}
"""


@pytest.mark.parametrize(
    ("files", "arguments"),
    [
        pytest.param({"compose.yaml": WRONG}, ["config"], id="config"),
        pytest.param(
            {"compose.yaml": RIGHT, "compose.override.yaml": OVERRIDE},
            ["explain", "web.environment.LOG"],
            id="explain",
        ),
    ],
)
def test_examples_are_real(
    tmp_path: Path, files: dict[str, str], arguments: list[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    result = subprocess.run(
        [sys.executable, "-m", "stackyard", *arguments],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    shown = f"$ yard {' '.join(arguments)}\n{result.stdout}{result.stderr}"
    assert shown in README.read_text()
