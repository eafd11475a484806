"""WAL as bytes over HTTP: segments, ranges of them, digests."""

from __future__ import annotations

import hashlib
import os
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.responses import Response, StreamingResponse

from branchpg.errors import BadRequest, BranchpgError, NotFound
from branchpg.lsn import Lsn, Segment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from branchpg.safekeeper.timeline import Timeline

__all__ = ["digest", "segment_response"]

_PIECE: Final = 256 * 1024
_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
_HISTORY: Final = re.compile(r"[0-9A-F]{8}\.history")


def digest(timeline: Timeline, start: Lsn, until: Lsn) -> str:
    """Return the SHA-256 of the WAL between two positions, in hexadecimal.

    Raises:
        BadRequest: it is not all here.
    """
    flush = timeline.flush_lsn
    if flush is None or not timeline.local_start_lsn <= start <= until <= flush:
        raise BadRequest(
            f"WAL is here from {timeline.local_start_lsn} to {flush}, "
            f"not from {start} to {until}"
        )
    found = hashlib.sha256()
    for piece in _bytes(timeline, start, until):
        found.update(piece)
    return found.hexdigest()


def segment_response(timeline: Timeline, name: str, wanted: str | None) -> Response:
    """Return a segment, or the range that a header asks for; zeros follow the end.

    Raises:
        NotFound: it is not here, or not yet.
    """
    if _HISTORY.fullmatch(name):
        return _history_file(timeline, name)
    flush = timeline.flush_lsn
    state = timeline.state
    segment = Segment.of_name(name, state.wal_seg_size)
    missing = flush is None or segment.start >= flush
    missing = missing or segment.postgres_timeline != state.postgres_timeline
    if flush is None or missing:
        raise NotFound(f"segment {name} is not here")
    start, end, status = 0, segment.size, HTTPStatus.OK
    match = _RANGE.fullmatch(wanted or "")
    if match:
        start = int(match[1])
        end = min(int(match[2] or segment.size) + 1, segment.size)
        if start >= end:
            return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        status = HTTPStatus.PARTIAL_CONTENT
    headers = {
        "content-length": str(end - start),
        "accept-ranges": "bytes",
        "x-flush-lsn": str(flush),
    }
    if match:
        headers["content-range"] = f"bytes {start}-{end - 1}/{segment.size}"
    try:
        file = timeline.segments.opened(segment)
    except FileNotFoundError:
        raise NotFound(f"segment {name} is not here") from None
    body = _range(file, start, end, flush - segment.start)
    return StreamingResponse(
        body, status, headers=headers, media_type="application/octet-stream"
    )


def _range(file: BinaryIO, start: int, end: int, flush: int) -> Iterator[bytes]:
    """Yield bytes of a segment's file, which may be removed meanwhile; then zeros."""
    with file:
        position = start
        while position < end:
            if position < flush:
                wanted = min(_PIECE, end - position, flush - position)
                piece = os.pread(file.fileno(), wanted, position)
            else:
                piece = bytes(min(_PIECE, end - position))
            if not piece:
                raise BranchpgError(f"a segment ends at {position} of {flush} bytes")
            yield piece
            position += len(piece)


def _bytes(timeline: Timeline, start: Lsn, until: Lsn) -> Iterator[bytes]:
    position = int(start)
    while position < until:
        piece = timeline.segments.read(position, min(_PIECE, until - position))
        if not piece:
            raise NotFound(f"the WAL at {Lsn(position)} is not here any more")
        yield piece
        position += len(piece)


def _history_file(timeline: Timeline, name: str) -> Response:
    try:
        with open(os.path.join(timeline.directory, name), "rb") as file:
            return Response(file.read(), media_type="text/plain")
    except FileNotFoundError:
        raise NotFound(f"{name} is not here") from None
