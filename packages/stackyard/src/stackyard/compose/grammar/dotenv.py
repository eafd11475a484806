"""Env files: `.env` and `--env-file`, a service's `env_file`, and `format: raw`.

The grammar of the ordinary format, a statement at a time:

    # a comment
    NAME=value  NAME: value  export NAME=value
    NAME=plain words, up to a comment         # needs a space before it
    NAME='literally, over several lines'
    NAME="escapes \\n and $OTHER, over several lines"
    NAME                  inherited: taken from `lookup`, left out where unset there

References see `lookup` first and earlier statements after it. An assignment itself
wins over `lookup`; whether the operating system's environment then wins over the
file is the caller's business (it does for `.env`, not for `env_file`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stackyard.compose import limits
from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar import template

if TYPE_CHECKING:
    from collections.abc import Callable

    Lookup = Callable[[str], str | None]

__all__ = ["DotenvError", "parse", "parse_raw"]

_BOM = "\ufeff"
# Go's unicode.IsSpace. Python's own notion adds the separators U+001C to U+001F.
_SPACE = (
    " \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
)
_BLANK = " \t\v\f\r\x85\xa0"

_BETWEEN_STATEMENTS = re.compile(rf"(?:[{_SPACE}]++|#[^\n]*+)*+")
_EXPORT = re.compile(rf"export(?=[ \t\n\f\r])[{_BLANK}]*+")
_KEY = re.compile(rf"[\w.\-\[\]{_BLANK}]*+")
_BLANKS = re.compile(rf"[{_BLANK}]*+")
_QUOTED = {
    "'": re.compile(r"'((?:[^'\\]++|\\.)*+)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL),
}
_ESCAPE = re.compile(r"\\(0[0-9]{0,3}|.)", re.DOTALL)
_ESCAPED = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "$": "$$",  # for the template, which turns it into one "$"
}
_DIGITS = frozenset("0123456789")


class DotenvError(InvalidValueError):
    """A statement is wrong; `line` counts from 1, and the message begins with it."""

    def __init__(self, line: int, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"line {line}: {message}", hint=hint)
        self.line = line


def parse(
    text: str,
    lookup: Lookup,
    *,
    missing: Callable[[str], None] | None = None,
    skip_numbered: bool = False,
) -> dict[str, str]:
    """Read an env file of the ordinary format.

    `missing` hears of variables that are unset where they are used. Compose ignores
    names that begin with a digit in `.env` and `--env-file`, but keeps them in
    `env_file`; `skip_numbered` asks for the former.
    """
    variables: dict[str, str] = {}

    def resolve(name: str) -> str | None:
        value = lookup(name)
        return variables.get(name) if value is None else value

    text = text.removeprefix(_BOM)
    position = _skip(_BETWEEN_STATEMENTS, text, 0)
    total = 0
    while position < len(text):
        key, separator, start = _key(text, position)
        value: str | None
        if separator == "\n":
            value, position = lookup(key), start
        else:
            value, position = _value(text, start, resolve, missing)
        if value is not None:
            variables[key] = value
            total += len(value)
            _check_total(total, text, start)
        position = _skip(_BETWEEN_STATEMENTS, text, position)
    if skip_numbered:
        return {k: v for k, v in variables.items() if k[:1] not in _DIGITS}
    return variables


def parse_raw(text: str, lookup: Lookup) -> dict[str, str]:
    """Read an env file of `format: raw`: NAME=VALUE a line, nothing interpreted.

    A name alone is inherited from `lookup`. Trailing white space and quotes belong
    to the value.
    """
    variables: dict[str, str] = {}
    for number, whole_line in enumerate(text.removeprefix(_BOM).split("\n"), start=1):
        line = whole_line.removesuffix("\r").lstrip(_SPACE)
        if not line or line[0] == "#":
            continue
        key, separator, value = line.partition("=")
        if not key:
            raise DotenvError(
                number, f'no variable name in "{line}"', hint="write NAME=VALUE"
            )
        if " " in key or "\t" in key:
            raise DotenvError(
                number,
                f'variable name "{key}" contains white space',
                hint="the raw format takes NAME=VALUE without spaces or export",
            )
        if separator:
            variables[key] = value
        elif (inherited := lookup(key)) is not None:
            variables[key] = inherited
    return variables


def _key(text: str, position: int) -> tuple[str, str, int]:
    """Read a name; return it, the character that ended it, and where to go on."""
    if exported := _EXPORT.match(text, position):
        position = exported.end()
        if position == len(text):
            raise DotenvError(
                _line_number(text, position),
                "nothing to export",
                hint='write "export NAME"',
            )
    end = _skip(_KEY, text, position)
    if end == len(text):
        # A name alone counts as inherited by virtue of its line break. Without one
        # at the end of the file, the reference reads a value without a name.
        return "", "", position
    key = text[position:end].rstrip(_SPACE)
    separator = text[end]
    if separator not in "=:\n":
        raise DotenvError(
            _line_number(text, end),
            f'unexpected character "{separator}" in variable name '
            f'"{text[position : _line_end(text, end)]}"',
            hint="a name holds letters, digits and _ . - [ ]",
        )
    if " " in key:
        raise DotenvError(
            _line_number(text, position),
            f'variable name "{key}" contains a space',
            hint='write NAME=VALUE, or "export NAME=VALUE"',
        )
    return key, separator, _skip(_BLANKS, text, end + 1)


def _value(
    text: str,
    start: int,
    resolve: Lookup,
    missing: Callable[[str], None] | None,
) -> tuple[str, int]:
    """Read the value at `start`; return it and where the next statement may begin."""
    quote = text[start : start + 1]
    if quote in _QUOTED:
        value, end = _quoted(text, start, quote)
    else:
        end = _line_end(text, start)
        value = text[start:end].partition(" #")[0].rstrip(_SPACE)
    if quote == "'" or "$" not in value:
        return value, end
    try:
        return template.substitute(value, resolve, missing=missing), end
    except InvalidValueError as error:
        line = _line_number(text, start)
        raise DotenvError(line, error.message, hint=error.hint) from error


def _check_total(total: int, text: str, start: int) -> None:
    """Refuse what lines that each use the one before twice would grow to."""
    if total > limits.EXPANDED_BYTES:
        size = limits.EXPANDED_BYTES // (1024 * 1024)
        raise DotenvError(
            _line_number(text, start),
            f"more than {size} MiB of values once variables are expanded",
            hint="use fewer variables, or shorter values",
        )


def _quoted(text: str, start: int, quote: str) -> tuple[str, int]:
    match = _QUOTED[quote].match(text, start)
    if match is None:
        raise DotenvError(
            _line_number(text, start),
            f"unterminated quoted value {text[start : _line_end(text, start)]}",
            hint=f"close it with {quote}; inside it, {quote} is written \\{quote}",
        )
    value = match[1]
    if "\\" in value:
        value = _ESCAPE.sub(_unescape, value) if quote == '"' else _literal(value)
    return value, match.end()


def _unescape(escape: re.Match[str]) -> str:
    code = escape[1]
    if code[0] != "0":
        return _ESCAPED.get(code, escape[0])
    if len(code) == len("0ooo") and code[1:] <= "377" and not set(code) & {"8", "9"}:
        return chr(int(code, 8))
    # Not an octal byte. The reference has taken the 0 out by the time it notices.
    return f"\\{code[1:]}"


def _literal(value: str) -> str:
    """Undo the one escape of single quotes; every other backslash stays."""
    return _ESCAPE.sub(lambda escape: "'" if escape[1] == "'" else escape[0], value)


def _skip(blank: re.Pattern[str], text: str, position: int) -> int:
    match = blank.match(text, position)
    return match.end() if match else position


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _line_number(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
