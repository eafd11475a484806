"""Options that say where a server listens: every address becomes the replica's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stackyard.images.adapter import SELF

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["on_own_address"]

_WILDCARDS: Final = frozenset({"", "0.0.0.0", "*", "::", "[::]"})


def on_own_address(
    arguments: tuple[str, ...], options: Mapping[str, int], *, glue: str = " "
) -> tuple[str, ...]:
    """Return the arguments with each option there, and on the replica's address.

    Args:
        arguments: `--option host:port` or `--option=host:port`, among others.
        options: option -> the port it has by default.
        glue: how an option that is added is written: in two words, or with `=`.
    """
    result: list[str] = []
    missing = dict(options)
    before = ""
    for word in arguments:
        name, equals, value = word.partition("=")
        if equals and name in options:
            result.append(f"{name}={_own(value)}")
            missing.pop(name, None)
        elif before in options:
            result.append(_own(word))
            missing.pop(before, None)
        else:
            result.append(word)
        before = word
    for name, port in missing.items():
        added = f"{SELF}:{port}"
        result += [name, added] if glue == " " else [f"{name}{glue}{added}"]
    return tuple(result)


def _own(address: str) -> str:
    host, colon, port = address.rpartition(":")
    return f"{SELF}:{port}" if colon and host in _WILDCARDS else address
