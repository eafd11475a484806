"""`build.ssh`: `default`, the builder's agent, or `ID=PATH`, a key or a socket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stackyard.compose.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["entries", "parse"]


def parse(value: Mapping[str, str | None] | Iterable[str]) -> dict[str, str | None]:
    """Turn either syntax into a mapping of ids to paths, not resolved yet."""
    if isinstance(value, Mapping):
        return dict(value)
    keys: dict[str, str | None] = {}
    for line in value:
        name, separator, path = line.partition("=")
        if not separator and name != "default":
            raise InvalidValueError(
                f'invalid ssh key "{line}"', hint='write "default" or "ID=PATH"'
            )
        keys[name] = path if separator else None
    return keys


def entries(keys: Mapping[str, str | None]) -> list[str]:
    """List the keys as Compose prints them: `default`, `ID: PATH`."""
    return [f"{name}: {path}" if path else name for name, path in keys.items()]
