"""What an installation of PostgreSQL can do."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from branchpg.postgres import programs

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT = """#!/bin/sh
echo 'FATAL:  invalid value for parameter "wal_compression": "lz4"' >&2
exit 1
"""


def test_pages_in_the_log_are_compressed_where_it_was_built_so() -> None:
    assert programs.find(os.environ).log_compression == "lz4"


def test_they_are_not_where_it_was_not(tmp_path: Path) -> None:
    program = tmp_path / "postgres"
    program.write_text(WITHOUT)
    program.chmod(0o755)
    found = replace(programs.find(os.environ), directory=str(tmp_path))
    assert found.log_compression == "off"
