"""`curl` as healthchecks call it, with curl's exit codes."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import sys
from typing import IO, TYPE_CHECKING, Final

from stackyard.images.tools import http as web
from stackyard.images.tools.program import Failure, Options, run, within

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

_MALFORMED: Final = 3
_NO_HOST: Final = 6
_NO_CONNECTION: Final = 7
_HTTP_ERROR: Final = 22
_WRITE_ERROR: Final = 23
_TIMEOUT: Final = 28
_EMPTY_REPLY: Final = 52
_RECEIVE_ERROR: Final = 56
_CERTIFICATE: Final = 60
_REDIRECTS: Final = 50

_IGNORED: Final = ("-v", "-4", "-6", "-N", "-#")
_VARIABLE: Final = re.compile(r"%\{(\w+)\}")
_ESCAPES: Final = {"\\n": "\n", "\\t": "\t", "\\r": "\r"}


def main(arguments: Sequence[str]) -> int:
    """Fetch every URL; the exit code is the last one's."""
    options = _parser().parse_args(arguments)
    code = 0
    for url in options.urls:
        code = _attempts(url, options)
    return code


def _parser() -> Options:
    parser = Options("curl")
    add = parser.add_argument
    add("urls", nargs="*", default=[])
    add("--url", dest="urls", action="append")
    add("-f", "--fail", action="store_true")
    add("--fail-with-body", action="store_true")
    add("-s", "--silent", action="store_true")
    add("-S", "--show-error", action="store_true")
    add("-o", "--output", default="-")
    add("-L", "--location", action="store_true")
    add("-k", "--insecure", action="store_true")
    add("-I", "--head", action="store_true")
    add("-i", "--include", action="store_true")
    add("-X", "--request")
    add("-H", "--header", action="append", default=[])
    add("-d", "--data", action="append")
    add("-u", "--user")
    add("-A", "--user-agent")
    add("-w", "--write-out", default="")
    add("-m", "--max-time", type=float)
    add("--connect-timeout", type=float)
    add("--retry", type=int, default=0)
    add("--retry-connrefused", action="store_true")
    add("--unix-socket")
    for flag in _IGNORED:
        add(flag, action="store_true", dest="ignored")
    for name in ("--retry-delay", "--retry-max-time", "--noproxy"):
        add(name, dest="ignored")
    for name in ("--retry-all-errors", "--compressed", "--no-progress-meter"):
        add(name, action="store_true", dest="ignored")
    return parser


def _attempts(url: str, options: argparse.Namespace) -> int:
    for _ in range(options.retry):
        try:
            return _fetch(url, options)
        except Failure as failure:
            refused = failure.code == _NO_CONNECTION and options.retry_connrefused
            if failure.code != _TIMEOUT and not refused:
                break
    try:
        return _fetch(url, options)
    except Failure as failure:
        if options.silent and not options.show_error:
            raise Failure(failure.code) from failure
        raise


def _fetch(url: str, options: argparse.Namespace) -> int:
    request = _request(url, options)
    status = 0
    try:
        with within(options.max_time), _failures(url):
            response = web.exchange(request)
            status = response.status
            if status < 400 or not options.fail:
                _write(response, options)
    finally:
        sys.stdout.write(_written_out(options.write_out, status, url))
        sys.stdout.flush()
    if status >= 400 and (options.fail or options.fail_with_body):
        reason = f"curl: (22) The requested URL returned error: {status}"
        raise Failure(_HTTP_ERROR, reason)
    return 0


def _request(url: str, options: argparse.Namespace) -> web.Request:
    headers = {
        "User-Agent": options.user_agent or "curl/8 (stackyard)",
        "Accept": "*/*",
    }
    if options.user:
        headers |= web.basic(options.user)
    body = None
    if options.data is not None:
        body = "&".join(options.data).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    for line in options.header:
        name, _, value = line.partition(":")
        headers[name.strip()] = value.strip()
    method = "HEAD" if options.head else "GET" if body is None else "POST"
    return web.Request(
        url=url,
        method=options.request or method,
        headers=headers,
        body=body,
        connect_seconds=options.connect_timeout,
        verifies=not options.insecure,
        redirects=_REDIRECTS if options.location else 0,
        unix_socket=options.unix_socket,
    )


def _write(response: http.client.HTTPResponse, options: argparse.Namespace) -> None:
    head = f"HTTP/1.1 {response.status} {response.reason}\r\n{response.headers}"
    try:
        with _sink(options.output) as sink:
            if options.head or options.include:
                sink.write(
                    head.encode().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
                )
            while chunk := response.read(1 << 16):
                sink.write(chunk)
            sink.flush()
    except FileNotFoundError as error:
        raise Failure(_WRITE_ERROR, f"curl: (23) {error}") from error


@contextlib.contextmanager
def _sink(path: str) -> Iterator[IO[bytes]]:
    if path == "-":
        yield sys.stdout.buffer
        return
    with open(path, "wb") as file:
        yield file


def _written_out(template: str, status: int, url: str) -> str:
    values = {"http_code": f"{status:03}", "response_code": f"{status:03}", "url": url}
    for escape, text in _ESCAPES.items():
        template = template.replace(escape, text)
    return _VARIABLE.sub(lambda match: values.get(match[1], ""), template)


@contextlib.contextmanager
def _failures(url: str) -> Iterator[None]:
    try:
        yield
    except web.UnusableURLError as error:
        raise _failure(_MALFORMED, "URL rejected", error) from error
    except TimeoutError as error:
        raise _failure(_TIMEOUT, "Operation timed out", error) from error
    except socket.gaierror as error:
        host = web.split(url).hostname
        raise _failure(_NO_HOST, f"Could not resolve host: {host}", error) from error
    except (http.client.RemoteDisconnected, http.client.BadStatusLine) as error:
        raise _failure(_EMPTY_REPLY, "Empty reply from server", error) from error
    except ConnectionResetError as error:
        raise _failure(_RECEIVE_ERROR, "Connection reset", error) from error
    except http.client.HTTPException as error:
        raise _failure(_RECEIVE_ERROR, "Receiving failed", error) from error
    except OSError as error:
        is_tls = type(error).__module__ == "ssl"
        code = _CERTIFICATE if is_tls else _NO_CONNECTION
        raise _failure(code, f"Failed to connect to {url}", error) from error


def _failure(code: int, message: str, error: Exception) -> Failure:
    reason = f": {error}" if str(error) else ""
    return Failure(code, f"curl: ({code}) {message}{reason}")


if __name__ == "__main__":
    run(main, "curl")
