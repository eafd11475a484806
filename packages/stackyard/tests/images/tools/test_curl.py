"""curl, as healthchecks call it; its exit codes are curl's."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run, Web


@pytest.mark.parametrize(
    ("options", "path", "code"),
    [
        (["-f"], "/", 0),
        (["-fsS"], "/status/204", 0),
        (["--fail", "--silent"], "/status/404", 22),
        (["-sf"], "/status/503", 22),
        (["--fail-with-body"], "/status/500", 22),
        (["-s"], "/status/500", 0),
        (["-f"], "/to/status/500", 0),
        (["-fL"], "/to/status/500", 22),
        (["-fsSL", "--compressed"], "/to/to/status/200", 0),
        (["-fm", "0.3"], "/hang", 28),
        (["--max-time", "0.3", "-s"], "/hang", 28),
        ([], "/nothing", 52),
    ],
)
def test_exit_codes(
    run: Run, web: Web, options: list[str], path: str, code: int
) -> None:
    assert run("curl", *options, web.url + path).returncode == code


def test_what_does_not_answer(run: Run, closed_port: int) -> None:
    refused = run("curl", "-f", f"http://127.0.0.1:{closed_port}/")

    assert refused.returncode == 7
    assert refused.stderr.startswith("curl: (7) Failed to connect")
    assert run("curl", f"127.0.0.1:{closed_port}", "--retry", "2").returncode == 7
    assert run("curl", "http://no.such.host.invalid/").returncode == 6
    assert run("curl", "ftp://127.0.0.1/").returncode == 3
    assert run("curl", "http://127.0.0.1:port/").returncode == 3


def test_silence(run: Run, closed_port: int) -> None:
    url = f"http://127.0.0.1:{closed_port}/"

    assert run("curl", "-s", url).stderr == ""
    assert run("curl", "-sS", url).stderr


def test_output(run: Run, web: Web, tmp_path: Path) -> None:
    shown = run("curl", "-s", f"{web.url}/echo?a=b")
    assert shown.stdout.startswith("GET /echo?a=b\n")
    assert run("curl", "-so", "file", web.url).stdout == ""
    assert (tmp_path / "file").read_text().startswith("GET /\n")
    assert run("curl", "-o", "/no/such/directory/file", web.url).returncode == 23
    options = ["-s", "-o", "/dev/null", "-w", "%{http_code}\\n"]
    assert run("curl", *options, f"{web.url}/status/418").stdout == "418\n"
    assert run("curl", *options, "-f", f"{web.url}/status/418").stdout == "418\n"
    assert run("curl", "-sI", web.url).stdout.startswith("HTTP/1.1 200 OK\n")


def test_the_request(run: Run, web: Web) -> None:
    url = f"{web.url}/echo"
    text = run("curl", "-s", "-H", "X-One: 1", "-u", "a:b", "-A", "me", url).stdout
    assert "X-One: 1\n" in text
    assert "Authorization: Basic YTpi\n" in text
    assert "User-Agent: me\n" in text
    assert run("curl", "-sXPUT", "-d", "x", url).stdout.startswith("PUT")
    posted = run("curl", "-s", "-d", "a=1", "-d", "b=2", url).stdout
    assert posted.startswith("POST")
    assert posted.endswith("\na=1&b=2")


def test_credentials_stay_with_their_host(run: Run, web: Web) -> None:
    own = web.url.replace("://", "://a:b@")

    assert "Authorization" in run("curl", "-sL", f"{own}/to/echo").stdout
    assert (
        "Authorization" in run("curl", "-sL", "-u", "a:b", f"{web.url}/to/echo").stdout
    )


def test_a_unix_socket(run: Run, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")

        thread = threading.Thread(target=serve)
        thread.start()
        assert run("curl", "-sf", "--unix-socket", path, "http://d/").stdout == "hello"
        thread.join(10)


def test_what_it_does_not_know(run: Run, web: Web) -> None:
    completed = run("curl", "--http3", web.url)

    assert completed.returncode == 2
    assert "--http3" in completed.stderr
    assert "hint: this is Stackyard's own curl" in completed.stderr
