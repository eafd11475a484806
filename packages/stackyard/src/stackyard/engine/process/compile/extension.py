"""`x-yard` of a service: what only the native engine needs."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stackyard.engine.errors import CompileError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.compose.model import Service

KEY = "x-yard"


@dataclass(frozen=True)
class PreStart:
    """A command that runs once before the first replica starts."""

    command: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Extension:
    """The settings; None is as without one.

    Attributes:
        command: what runs natively, in place of entrypoint and command.
        environment: variables over those of the file.
        user: in place of the service's.
        working_dir: relative to the project's directory.
        umask: file mode creation mask.
        unhealthy: whether a replica that is unhealthy is restarted.
        pre_start: run once before the first replica starts.
    """

    command: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    working_dir: str | None = None
    umask: int = 0o022
    unhealthy: bool = False
    pre_start: tuple[PreStart, ...] = ()


def extension_of(service: Service) -> Extension:
    """Return the settings of a service.

    Raises:
        CompileError: one has no meaning; the error says which and what would.
    """
    return _Reader(service.name).read(service.extensions.get(KEY) or {})


class _Reader:
    def __init__(self, service: str) -> None:
        self._service = service

    def read(self, value: Any) -> Extension:
        if not isinstance(value, dict):
            raise self._wrong("", "is not a mapping", "command: ...")
        command = value.get("command")
        return Extension(
            command=None if command is None else self._words("command", command),
            environment=self._variables("environment", value.get("environment")),
            user=_text(value.get("user")),
            working_dir=_text(value.get("working_dir")),
            umask=self._umask(value.get("umask", "022")),
            unhealthy=self._restart_on(value.get("restart_on")),
            pre_start=self._pre_start(value.get("pre_start") or ()),
        )

    def _words(self, place: str, value: Any) -> tuple[str, ...]:
        words: tuple[str, ...] = ()
        if isinstance(value, (list, tuple)):
            words = tuple(map(str, value))
        elif isinstance(value, str):
            try:
                words = tuple(shlex.split(value))
            except ValueError as error:
                reason = f"cannot be split into words: {str(error).lower()}"
                raise self._wrong(
                    place, reason, "a list: [program, argument]"
                ) from None
        if not words:
            raise self._wrong(place, "names no program", "program argument")
        return words

    def _variables(self, place: str, value: Any) -> dict[str, str]:
        if isinstance(value, (list, tuple)):
            pairs = [str(item).partition("=")[::2] for item in value]
            return dict(pairs)
        if value is not None and not isinstance(value, dict):
            raise self._wrong(place, "is not a mapping", "NAME: value")
        return {str(name): _text(text) or "" for name, text in (value or {}).items()}

    def _umask(self, value: Any) -> int:
        # YAML makes a number of 022 by itself; a mask in quotes stays text.
        if isinstance(value, str) and re.fullmatch("(0o?)?[0-7]{1,3}", value):
            return int(value.removeprefix("0o"), 8)
        if isinstance(value, int) and 0 <= value <= 0o777:
            return value
        raise self._wrong("umask", f"is no mask: {value!r}", '"022"')

    def _restart_on(self, value: Any) -> bool:
        if value not in {None, "unhealthy"}:
            raise self._wrong("restart_on", f"cannot be {value!r}", "unhealthy")
        return value is not None

    def _pre_start(self, items: Any) -> tuple[PreStart, ...]:
        found = []
        for number, item in enumerate(
            items if isinstance(items, (list, tuple)) else [0]
        ):
            place = f"pre_start[{number}]"
            if not isinstance(item, dict):
                raise self._wrong(place, "is not a mapping", "- command: ...")
            command = self._words(f"{place}.command", item.get("command"))
            variables = self._variables(f"{place}.environment", item.get("environment"))
            found.append(PreStart(command, variables))
        return tuple(found)

    def _wrong(self, place: str, reason: str, example: str) -> CompileError:
        where = f"{KEY}.{place}" if place else KEY
        return CompileError(
            f"service {self._service}: {where} {reason}", hint=f"write {example}"
        )


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
