"""The service as it is started, with the pages that `make web` has built."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from workspace_board.files import BUILT

if TYPE_CHECKING:
    from collections.abc import Iterator

API = "https://api.example.org:8443"


class Board:
    """A running service."""

    def __init__(self, **environment: str) -> None:
        given = {"HOST": "127.0.0.1", "PORT": "0", "DRAIN_SECONDS": "0", **environment}
        self.child = subprocess.Popen(
            [sys.executable, "-m", "workspace_board"],
            env={"PATH": os.environ["PATH"], **given},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self.child.stdout is not None
        self.said = json.loads(self.child.stdout.readline())

    def get(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        port = self.said["port"]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=named)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def stop(self) -> int:
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(30)
        assert self.child.stdout is not None
        self.child.stdout.close()
        return code


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    running = Board(BOARD_API_URL=f"{API}/")
    yield running
    assert running.stop() == 0


def test_the_page_is_asked_for_each_time_and_its_scripts_are_kept(board: Board) -> None:
    answer, page = board.get("/")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-cache"
    script = re.search(r'src="\./(assets/[^"]+\.js)"', page.decode())
    assert script
    answer, _ = board.get(f"/{script[1]}")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_the_page_has_no_script_of_its_own(board: Board) -> None:
    _, page = board.get("/")
    assert not re.search(rb"<script(?![^>]*\bsrc=)", page)
    assert b"<style" not in page


def test_scripts_are_sent_as_they_were_compressed(board: Board) -> None:
    name = next(BUILT.glob("assets/index-*.js")).name
    answer, packed = board.get(f"/assets/{name}", Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed) == (BUILT / "assets" / name).read_bytes()
    answer, packed = board.get(f"/assets/{name}", Accept_Encoding="gzip, br")
    assert answer.headers["Content-Encoding"] == "br"
    assert packed == (BUILT / "assets" / f"{name}.br").read_bytes()


def test_a_file_that_is_known_is_not_sent_again(board: Board) -> None:
    first, _ = board.get("/")
    again, body = board.get("/", If_None_Match=f'"x", W/{first.headers["ETag"]}')
    assert (again.status, body) == (304, b"")


def test_the_head_of_a_page_tells_its_length(board: Board) -> None:
    _, page = board.get("/")
    answer, body = board.get("/", method="HEAD")
    assert (answer.status, body) == (200, b"")
    assert int(answer.headers["Content-Length"]) == len(page)


def test_the_page_may_talk_to_the_api_and_to_nobody_else(board: Board) -> None:
    answer, _ = board.get("/")
    rules = dict(
        rule.strip().split(" ", 1)
        for rule in answer.headers["Content-Security-Policy"].split(";")
    )
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"] == f"'self' {API}"
    assert rules["frame-ancestors"] == "'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_is_told_where_the_api_is(board: Board) -> None:
    answer, config = board.get("/config.json")
    assert json.loads(config) == {"api_url": API}
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/assets/", "/../settings.py", "/assets/%2e%2e/index.html", "//x"],
)
def test_what_was_not_built_is_not_found(board: Board, path: str) -> None:
    answer, _ = board.get(path)
    assert answer.status == 404
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_probes_and_metrics_answer(board: Board) -> None:
    answer, body = board.get("/health")
    told = json.loads(body)
    assert (answer.status, told["status"]) == (200, "healthy")
    assert told["service"] == "workspace-board"
    assert told["checks"]["files"]["status"] == "healthy"
    assert board.get("/ready")[0].status == board.get("/healthz")[0].status == 200
    _, metrics = board.get("/metrics")
    assert b'workspace_board_requests_total{method="GET",route="/health"' in metrics


def test_nothing_is_written_to_it(board: Board) -> None:
    answer, _ = board.get("/", method="POST")
    assert answer.status == 405


@pytest.mark.parametrize(
    "url",
    ["workspace-api:3200", "ftp://host", "http://user:secret@host", "http://h/?q"],
)
def test_an_api_that_no_browser_could_use_is_refused(url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workspace_board"],
        env={"PATH": os.environ["PATH"], "BOARD_API_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == os.EX_CONFIG
    assert "BOARD_API_URL" in done.stderr
    assert "secret" not in done.stderr
