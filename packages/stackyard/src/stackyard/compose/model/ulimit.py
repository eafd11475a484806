"""`services.*.ulimits.*` (Compose Specification, "ulimits")."""

from __future__ import annotations

from typing import Any

from stackyard.compose.errors import InvalidValueError, Path
from stackyard.compose.model.codec import Codec, Form, Model, Report, attribute
from stackyard.compose.model.codecs import INTEGER, UNQUOTED


class Ulimit(Model):
    """A resource limit: one number for both, or a soft and a hard one."""

    single: int = attribute(INTEGER)
    """The soft and the hard limit; 0 where they are given apart."""
    soft: int = attribute(INTEGER)
    """The limit in force; -1 is unlimited."""
    hard: int = attribute(INTEGER)
    """How far an unprivileged process may raise the soft limit."""


def _decode(value: Any, path: Path, report: Report) -> Ulimit:
    if isinstance(value, dict):
        soft, hard = (
            UNQUOTED.decode(value.get(key, 0), (*path, key), report)
            for key in ("soft", "hard")
        )
        return Ulimit(single=0, soft=soft, hard=hard)
    if isinstance(value, int):
        return Ulimit(single=value, soft=0, hard=0)
    raise InvalidValueError(f"{value!r} is not a limit", hint="write a whole number")


def _encode(limit: Ulimit, form: Form) -> int | dict[str, int]:
    if limit.single:
        return limit.single
    pair = {"soft": limit.soft, "hard": limit.hard}
    if form is Form.JSON:
        return {key: value for key, value in pair.items() if value}
    return pair


ULIMIT = Codec(_decode, None, _encode)
