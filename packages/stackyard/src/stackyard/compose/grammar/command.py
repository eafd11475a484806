"""Splitting a `command:` or `entrypoint:` string into arguments.

Compose runs no shell. It splits like one, up to the first operator of one: from an
unquoted `;`, `&`, `|`, `<` or `>` on, everything is dropped without a word, and a
`$(...)` or a pair of backquotes is kept as the text it is.
"""

from __future__ import annotations

import re

from stackyard.compose.errors import InvalidValueError

__all__ = ["split"]

_WORD = re.compile(r"[^ \t\r\n]+")
_SPECIAL = re.compile(r"[\\'\"`();&|<>]")
_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n]+)
    | (?P<plain>[^ \t\r\n\\'"`();&|<>]+)
    | '(?P<literal>[^']*+)'
    | "(?P<quoted>(?:[^"\\]++|\\.)*+)"
    | \\(?P<escaped>.)
    | (?P<backquoted>`(?:[^`\\'"]++|'[^']*+'|"(?:[^"\\]++|\\.)*+"|\\.)*+`)
    | (?P<substituted>\((?:[^()\\]++|\\.)*+\))
    # A closing parenthesis that closes nothing begins a group, up to the next one.
    | (?P<grouped>\)(?:[^()\\]++|\\.)*+\))
    | (?P<operator>[;&|<>])
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTING = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)""", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_DIGITS = frozenset("0123456789")
_HINT = (
    "close every quote and parenthesis; for a shell's syntax, "
    'write ["sh", "-c", "..."]'
)


def split(line: str) -> list[str]:
    """Split `line` into arguments; an empty line has none."""
    if not _SPECIAL.search(line):
        return _WORD.findall(line)
    arguments: list[str] = []
    parts: list[str] = []
    position = 0
    while position < len(line):
        match = _TOKEN.match(line, position)
        if match is None:
            raise _invalid(line)
        position = match.end()
        kind = match.lastgroup or ""
        if kind == "operator":
            if match[kind] == ">":
                _drop_descriptor(parts)
            break
        if kind == "space":
            _finish(arguments, parts)
            continue
        if kind == "substituted" and _last_character(parts) != "$":
            raise _invalid(line)
        parts.append(_value(kind, match[kind]))
    _finish(arguments, parts)
    return arguments


def _finish(arguments: list[str], parts: list[str]) -> None:
    """Make an argument of `parts`; empty quotes are a part too."""
    if parts:
        arguments.append("".join(parts))
        parts.clear()


def _drop_descriptor(parts: list[str]) -> None:
    """Drop the number of what is redirected, as in "2>", and anything like it."""
    if next((part[0] for part in parts if part), "") in _DIGITS:
        parts.clear()


def _last_character(parts: list[str]) -> str:
    return next((part[-1] for part in reversed(parts) if part), "")


def _value(kind: str, text: str) -> str:
    if kind in ("quoted", "substituted", "grouped"):
        return _ESCAPE.sub(r"\1", text)
    if kind == "backquoted":
        return _QUOTING.sub(_unquote, text)
    return text


def _unquote(quoting: re.Match[str]) -> str:
    literal, quoted, escaped = quoting.groups()
    if quoted is not None:
        return _ESCAPE.sub(r"\1", quoted)
    return str(escaped if literal is None else literal)


def _invalid(line: str) -> InvalidValueError:
    return InvalidValueError(f'invalid command line "{line}"', hint=_HINT)
