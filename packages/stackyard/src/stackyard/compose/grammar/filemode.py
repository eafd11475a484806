"""The `mode` of a config or secret: octal digits in a string, or a number."""

from __future__ import annotations

import re

from stackyard.compose.errors import InvalidValueError

__all__ = ["FileMode", "parse"]

_OCTAL = re.compile(r"[-+]?[0-7]+")
_MAX_DIGITS = 22
_INT64 = range(-(2**63), 2**63)


class FileMode(int):
    """The permission bits of a file; its string is octal, as in `0440`."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"0{int(self):o}"

    def __repr__(self) -> str:
        return f"FileMode({self})"


def parse(value: str | int) -> FileMode:
    """Read a mode. YAML has turned an unquoted 0440 into the number 288 already."""
    if isinstance(value, int):
        return FileMode(value)
    if _OCTAL.fullmatch(value) and len(value.lstrip("+-0")) <= _MAX_DIGITS:
        mode = int(value, 8)
        if mode in _INT64:
            return FileMode(mode)
    raise InvalidValueError(
        f'invalid file mode "{value}"', hint='write octal digits, such as "0440"'
    )
