"""The built files, in memory: what is sent for each, in every coding it was built in.

They are few, and a megabyte together. Names below `assets/` carry a hash of what is in
them, so a browser may keep them for ever; any other name is asked for each time.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from servicekit.headers import RawHeaders

__all__ = ["BUILT", "Body", "File", "built", "load"]

BUILT: Final = Path(__file__).parent / "static"
"""Where `make web` puts what it builds."""

_KINDS: Final = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".ico": b"image/x-icon",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
    ".webmanifest": b"application/manifest+json",
    ".woff2": b"font/woff2",
}
_SUFFIXES: Final = {"br": ".br", "gzip": ".gz"}
"""Content codings, the better one first, and how their files end."""

_FOREVER: Final = b"public, max-age=31536000, immutable"
_ASK: Final = b"no-cache"
_REFUSED: Final = re.compile(r"q=0(\.0{0,3})?")


@dataclass(frozen=True)
class Body:
    """A file in one coding."""

    content: bytes
    etag: bytes
    coding: str | None = None


@dataclass(frozen=True)
class File:
    """A file in all its codings."""

    kind: bytes
    lasting: bool
    plain: Body
    coded: tuple[Body, ...] = ()

    def choose(self, accepted: str) -> Body:
        """Return the body that suits an `Accept-Encoding` best."""
        names = set(_accepted(accepted))
        found = (body for body in self.coded if body.coding in names)
        return next(found, self.plain)

    def headers(self, body: Body) -> RawHeaders:
        """Return the headers of an answer that has this body."""
        found = [
            (b"content-type", self.kind),
            (b"cache-control", _FOREVER if self.lasting else _ASK),
            (b"etag", body.etag),
        ]
        if self.coded:
            found.append((b"vary", b"Accept-Encoding"))
        if body.coding:
            found.append((b"content-encoding", body.coding.encode()))
        return found


def built(content: bytes, kind: str) -> File:
    """Return a file that was made here, not found; asked for each time."""
    return File(_KINDS[kind], lasting=False, plain=_body(content, None))


def load(root: Path) -> Mapping[str, File]:
    """Return every file below a directory by its path from there; none if it is not."""
    return dict(_found(root))


def _found(root: Path) -> Iterator[tuple[str, File]]:
    for path in sorted(root.rglob("*")):
        kind = _KINDS.get(path.suffix)
        if kind is None or not path.is_file():
            continue
        name = path.relative_to(root).as_posix()
        coded = (
            _body(twin.read_bytes(), coding)
            for coding, suffix in _SUFFIXES.items()
            if (twin := path.with_name(path.name + suffix)).is_file()
        )
        plain = _body(path.read_bytes(), None)
        yield name, File(kind, name.startswith("assets/"), plain, tuple(coded))


def _body(content: bytes, coding: str | None) -> Body:
    digest = hashlib.sha256(content).hexdigest()[:32]
    return Body(content, f'"{digest}"'.encode(), coding)


def _accepted(header: str) -> Iterator[str]:
    for part in header.split(","):
        name, _, weight = part.partition(";")
        if not _REFUSED.fullmatch(weight.strip()):
            yield name.strip().lower()
