"""The web workspace, as the tools of its own world see it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
PAGES = ROOT / "services/workspace_board/src/workspace_board/static"
FIRST_LOAD = 200_000
"""Bytes, gzipped, until the board can be used."""


def run(*command: str | Path) -> str:
    done = subprocess.run(
        [WEB / "with-node", *command],
        cwd=WEB,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.timeout(300)
def test_the_logic_of_the_pages() -> None:
    assert re.search(r"Tests +[0-9]+ passed", run("npx", "vitest", "run", "--no-color"))


@pytest.mark.timeout(120)
def test_the_types_are_those_of_the_api(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "workspace_api", "openapi"],
        stdout=subprocess.PIPE,
        check=True,
    )
    (tmp_path / "openapi.json").write_bytes(made.stdout)
    target = tmp_path / "schema.d.ts"
    run("npx", "openapi-typescript", tmp_path / "openapi.json", "--output", target)
    kept = WEB / "apps/board/src/api/schema.d.ts"
    assert kept.read_text("utf-8") == target.read_text("utf-8"), (
        f"run: make {kept.relative_to(ROOT)}"
    )


def test_the_lock_says_what_a_package_is_and_not_where_it_came_from() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text("utf-8"))
    for name, package in lock["packages"].items():
        assert "://" not in package.get("resolved", ""), name
        if name.startswith("node_modules/") and not package.get("link"):
            assert package["integrity"].startswith("sha512-"), name


def test_the_first_load_is_small() -> None:
    page = (PAGES / "index.html").read_text("utf-8")
    wanted = set(re.findall(r'(?:src|href)="\./(assets/[^"]+)"', page))
    assert any(name.endswith(".js") for name in wanted)
    assert any(name.endswith(".css") for name in wanted)
    sizes = [(PAGES / f"{name}.gz").stat().st_size for name in ("index.html", *wanted)]
    assert sum(sizes) < FIRST_LOAD


@pytest.mark.timeout(120)
def test_the_wheel_has_the_pages(tmp_path: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index"),
            *("--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path),
            ROOT / "services/workspace_board",
        ],
        check=True,
    )
    (wheel,) = tmp_path.glob("workspace_board-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    built = {
        f"workspace_board/static/{path.relative_to(PAGES).as_posix()}"
        for path in PAGES.rglob("*")
        if path.is_file()
    }
    assert built <= names
    assert "workspace_board/static/index.html.br" in built
