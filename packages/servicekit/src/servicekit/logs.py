"""Structured logs: one JSON object a line, on standard output."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import msgspec

# structlog loads rich where it finds it, for output on terminals: 4 MB of each process,
# and a tenth of a second of its start. With None in its place it is as not installed.
_RICH: Final = sys.modules.get("rich")
if _RICH is None:
    cast("dict[str, None]", sys.modules)["rich"] = None
import structlog  # noqa: E402 - after what it is not to find

if _RICH is None:
    del sys.modules["rich"]

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

__all__ = ["configure", "logger"]

_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)


def configure(service: str, level: str, *, output: BinaryIO | None = None) -> None:
    """Set up the logs of the process, those of libraries included."""
    number = logging.getLevelNamesMapping()[level.upper()]

    def named(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            named,
            _render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.BytesLoggerFactory(output or sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [_ToStructlog()]
    root.setLevel(max(number, logging.WARNING))


def logger() -> FilteringBoundLogger:
    """Return the logger; its first argument names the event."""
    found: FilteringBoundLogger = structlog.get_logger()
    return found


def _render(_logger: WrappedLogger, _name: str, event: EventDict) -> bytes:
    return _ENCODER.encode(event)


class _ToStructlog(logging.Handler):
    """What a library logs, in our shape."""

    def emit(self, record: logging.LogRecord) -> None:
        told: dict[str, Any] = {"logger": record.name}
        if record.exc_info:
            told["exc_info"] = record.exc_info
        logger().log(record.levelno, record.getMessage(), **told)
