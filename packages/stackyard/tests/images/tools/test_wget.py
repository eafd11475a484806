"""wget, as healthchecks call it; its exit codes are GNU Wget's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run, Web


@pytest.mark.parametrize(
    ("options", "path", "code"),
    [
        (["--spider", "-q"], "/", 0),
        (["-q", "--spider", "--tries=1"], "/status/404", 8),
        (["-qO-"], "/status/500", 8),
        (["--no-verbose", "--tries=1", "--spider"], "/to/status/200", 0),
        (["-nv", "-t", "1", "--spider"], "/to/status/503", 8),
        (["-q", "-T", "0.3", "-t2", "-O", "/dev/null"], "/hang", 4),
        (["-q", "--spider"], "/nothing", 4),
    ],
)
def test_exit_codes(
    run: Run, web: Web, options: list[str], path: str, code: int
) -> None:
    assert run("wget", *options, web.url + path).returncode == code


def test_what_does_not_answer(run: Run, closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}/"

    assert run("wget", "--spider", url).returncode == 4
    assert "Connection refused" in run("wget", "--spider", url).stderr
    assert run("wget", "-q", "--spider", url).stderr == ""
    assert run("wget", "ftp://127.0.0.1/").returncode == 1
    assert run("wget", "--nonsense", url).returncode == 2


def test_output(run: Run, web: Web, tmp_path: Path) -> None:
    options = ["-q", "--header", "X-One: 1", "--no-check-certificate"]
    text = run("wget", *options, "-O-", f"{web.url}/echo").stdout
    assert text.startswith("GET /echo\n")
    assert "X-One: 1\n" in text
    run("wget", "-q", f"{web.url}/a/200")
    assert (tmp_path / "200").read_text().startswith("GET /a/200\n")
    posted = run("wget", "-qO", "-", "--post-data=a=1", f"{web.url}/echo").stdout
    assert posted.startswith("POST")
    assert posted.endswith("\na=1")
    assert run("wget", "-qO", "/no/such/directory/x", web.url).returncode == 3
