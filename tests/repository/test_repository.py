"""Promises the repository makes about itself, which no other tool checks."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = (*ROOT.glob("packages/*"), *ROOT.glob("services/*"))
PROJECTS = sorted(path for part in PARTS for path in part.glob("pyproject.toml"))
DECISIONS = sorted(ROOT.glob("docs/decisions/[0-9]*.md"))

MAX_LINES = 700
HEADINGS = ["Status", "Context", "Decision", "Consequences", "Alternatives"]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tracked_files() -> list[Path]:
    """Every file that is, or is about to be, committed."""
    # The tests may run as another user than the one who cloned.
    git = ["git", "-c", "safe.directory=*", "-C", str(ROOT)]
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def test_the_lock_pins_every_requirement_by_hash_and_holds_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    lines = [line for line in lock.splitlines() if not line.lstrip().startswith("#")]
    entries = "\n".join(lines).replace("\\\n", " ").splitlines()
    entry = re.compile(r"[\w.-]+==\S+( +;[^@]*?)?( +--hash=sha256:[0-9a-f]{64})+ *")
    assert [line for line in entries if not entry.fullmatch(line)] == []
    assert "://" not in lock


@pytest.mark.parametrize("project", PROJECTS, ids=relative)
def test_the_lock_covers_every_dependency(project: Path) -> None:
    lock = (ROOT / "requirements.lock").read_text()
    locked = set(re.findall(r"^([\w.-]+)==", lock, re.MULTILINE))
    own = {tomllib.loads(one.read_text())["project"]["name"] for one in PROJECTS}
    metadata = tomllib.loads(project.read_text())["project"]
    for requirement in metadata.get("dependencies", []):
        name = re.match(r"[\w.-]+", requirement)
        assert name is not None
        assert re.sub(r"[-_.]+", "-", name[0]).lower() in locked | own


@pytest.mark.parametrize("project", PROJECTS, ids=relative)
def test_every_dependency_says_why_it_is_there(project: Path) -> None:
    text = project.read_text()
    metadata = tomllib.loads(text)["project"]
    groups = [metadata.get("dependencies", [])]
    groups.extend(metadata.get("optional-dependencies", {}).values())
    lines = text.splitlines()
    for requirement in (item for group in groups for item in group):
        declared = next(line for line in lines if f'"{requirement}"' in line)
        assert re.search(r"#\s*\S", declared), f"{requirement}: no reason beside it"


def test_no_file_holds_a_path_of_the_machine_it_was_made_on() -> None:
    places = [
        r"/(?:root|home/[\w.-]+|Users/[\w.-]+)/\.(?:cache|local|pyenv|venv)\b",
        r"/tmp/(?:tmp\w|pytest-)",
    ]
    if len(ROOT.parts) > 2:  # a checkout in /app proves nothing: containers use /app
        places.append(re.escape(f"{ROOT}/"))
    place = re.compile("|".join(places))
    found = [
        f"{relative(path)}: {match[0]}"
        for path in tracked_files()
        if (match := place.search(path.read_text(errors="ignore")))
    ]
    assert found == []


def test_source_files_stay_short_enough_to_read() -> None:
    lengths = {
        relative(path): len(path.read_text().splitlines())
        for part in PARTS
        for path in part.glob("src/**/*.py")
    }
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


@pytest.mark.parametrize("decision", DECISIONS, ids=relative)
def test_a_decision_has_a_number_a_title_and_every_part(decision: Path) -> None:
    text = decision.read_text()
    assert text.startswith(f"# {decision.name[:4]} ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS


@pytest.mark.xdist_group("repository")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process")
def test_tests_that_share_a_stack_run_in_one_process(
    request: pytest.FixtureRequest,
) -> None:
    """Where xdist does not understand pytest, it says nothing and groups none."""
    if not request.config.getoption("loadgroup", default=False):
        pytest.skip("run without --dist loadgroup")
    assert request.node.nodeid.endswith("@repository")
