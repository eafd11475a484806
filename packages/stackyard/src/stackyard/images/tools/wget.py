"""`wget` as healthchecks call it, with the exit codes of GNU Wget."""

from __future__ import annotations

import http.client
import posixpath
import sys
from typing import TYPE_CHECKING, Final

from stackyard.images.tools import http as web
from stackyard.images.tools.program import Failure, Options, run, within

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_NO_FILE: Final = 3
_NO_NETWORK: Final = 4
_CERTIFICATE: Final = 5
_SERVER_ERROR: Final = 8
_REDIRECTS: Final = 20
_DEFAULT_SECONDS: Final = 900.0
_MOST_TRIES: Final = 20


def main(arguments: Sequence[str]) -> int:
    """Fetch every URL, or look whether it is there."""
    options = _parser().parse_args(arguments)
    for url in options.urls:
        _attempts(url, options)
    return 0


def _parser() -> Options:
    parser = Options("wget")
    add = parser.add_argument
    add("urls", nargs="+")
    add("-q", "--quiet", action="store_true")
    add("-nv", "--no-verbose", action="store_true")
    add("-S", "--server-response", action="store_true")
    add("-O", "--output-document")
    add("--spider", action="store_true")
    add("-t", "--tries", type=int, default=_MOST_TRIES)
    add("-T", "--timeout", type=float, default=_DEFAULT_SECONDS)
    add("--connect-timeout", type=float)
    add("--header", action="append", default=[])
    add("-U", "--user-agent")
    add("--post-data")
    add("--no-check-certificate", action="store_true")
    for flag in ("--no-proxy", "-4", "-6", "--retry-connrefused"):
        add(flag, action="store_true", dest="ignored")
    add("-Y", "--proxy", dest="ignored")
    return parser


def _attempts(url: str, options: argparse.Namespace) -> None:
    # GNU Wget tries again after a time-out only; what is refused stays so.
    for _ in range(max(1, options.tries or _MOST_TRIES) - 1):
        try:
            return _fetch(url, options)
        except TimeoutError:
            continue
    try:
        return _fetch(url, options)
    except TimeoutError as error:
        raise Failure(_NO_NETWORK, f"wget: {url}: timed out") from error


def _fetch(url: str, options: argparse.Namespace) -> None:
    try:
        with within(options.timeout):
            response = web.exchange(_request(url, options))
            if response.status < 400 and not options.spider:
                _write(response, url, options)
    except TimeoutError:
        raise
    except web.UnusableURLError as error:
        raise Failure(1, f"wget: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        is_tls = type(error).__module__ == "ssl"
        code = _CERTIFICATE if is_tls else _NO_NETWORK
        raise Failure(code, _told(f"wget: {url}: {error}", options)) from error
    if response.status >= 400:
        message = f"wget: server returned error: {response.status} {response.reason}"
        raise Failure(_SERVER_ERROR, _told(message, options))


def _request(url: str, options: argparse.Namespace) -> web.Request:
    headers = {
        "User-Agent": options.user_agent or "Wget/1 (stackyard)",
        "Accept": "*/*",
    }
    for line in options.header:
        name, _, value = line.partition(":")
        headers[name.strip()] = value.strip()
    body = None
    if options.post_data is not None:
        body = options.post_data.encode()
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    method = "HEAD" if options.spider else "GET" if body is None else "POST"
    return web.Request(
        url=url,
        method=method,
        headers=headers,
        body=body,
        connect_seconds=options.connect_timeout,
        verifies=not options.no_check_certificate,
        redirects=_REDIRECTS,
    )


def _write(
    response: http.client.HTTPResponse, url: str, options: argparse.Namespace
) -> None:
    path = options.output_document
    if path == "-":
        sys.stdout.buffer.write(response.read())
        return
    name = path or posixpath.basename(web.split(url).path) or "index.html"
    content = response.read()
    try:
        with open(name, "wb") as file:
            file.write(content)
    except OSError as error:
        raise Failure(_NO_FILE, f"wget: {name}: {error.strerror}") from error


def _told(message: str, options: argparse.Namespace) -> str:
    return "" if options.quiet else message


if __name__ == "__main__":
    run(main, "wget")
