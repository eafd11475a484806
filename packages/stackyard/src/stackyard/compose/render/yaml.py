"""Plain data -> YAML, byte for byte as Go's yaml.v3 writes it.

PyYAML could write this too, but with its own choices: it does not indent sequences
inside mappings, quotes other strings, and takes seconds for a large project. The rules
for scalars are those of libyaml's emitter, which yaml.v3 is a translation of, with
yaml.v3's additions: what YAML 1.1 took for a boolean or a base-60 number is quoted.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from stackyard.compose.files.yaml_scalars import Timestamp, resolve
from stackyard.compose.grammar.scalar import float_text
from stackyard.compose.model.codec import Sorted
from stackyard.compose.render.order import natural_order

if TYPE_CHECKING:
    from collections.abc import Iterator

_INDENT: Final = "  "
# Keys of more bytes, and those with line breaks, are written as `? key`.
_SIMPLE_KEY: Final = 128

_PLAIN: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_/.-]*\Z")
_BASE_60: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")
_OLD_BOOLEANS: Final = frozenset(
    form
    for word in ("y", "yes", "on", "n", "no", "off")
    for form in (word, word.capitalize(), word.upper())
)
_FIRST_INDICATOR: Final = frozenset("#,[]{}&*!|>'\"%@`")
_BREAKS: Final = "\r\n\x85\u2028\u2029"
_SPACE_OR_BREAK: Final = f" \t{_BREAKS}"
_BREAK: Final = re.compile(f"[{_BREAKS}]")
# The breaks that stand as they are in a literal or in single quotes. As in YAML 1.1,
# the separators of Unicode are among them: what follows one is indented.
_KEPT_BREAKS: Final = ("\n", "\u2028", "\u2029")
_CONTINUATION: Final = re.compile("(?<=[\n\u2028\u2029])(?=[^\n\u2028\u2029])")
_SPACE_BEFORE_BREAK: Final = re.compile(" [\n\u2028\u2029]")
_SPACE_AT_BREAK: Final = re.compile(" [\n\u2028\u2029]|[\n\u2028\u2029] ")
_INDICATOR: Final = re.compile(
    rf"(?:---|\.\.\.)|[?:-](?=[{_SPACE_OR_BREAK}]|\Z)|:(?=[{_SPACE_OR_BREAK}]|\Z)"
)
_INNER_INDICATOR: Final = re.compile(
    rf":(?=[{_SPACE_OR_BREAK}]|\Z)|(?<=[{_SPACE_OR_BREAK}\0])#"
)
# What is not written as it is, apart from tabs and line feeds: control characters, and
# what is beyond the Basic Multilingual Plane or a byte order mark. As one character
# class it would take half the time of a whole command to compile.
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BEYOND: Final = frozenset("\ufeff\ufffe\uffff")
_ESCAPES: Final = {
    "\0": "\\0",
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\e",
    '"': '\\"',
    "\\": "\\\\",
    "\x85": "\\N",
    "\u2028": "\\L",
    "\u2029": "\\P",
}


def to_yaml(value: Any) -> str:
    """Return `value` (dicts, lists, scalars) as a YAML document."""
    lines: list[str] = []
    _Writer(lines).document(value)
    # A literal may end with a break of its own, and not with a line feed only.
    return "".join(
        line if line.endswith(_KEPT_BREAKS) else f"{line}\n" for line in lines
    )


class _Writer:
    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def document(self, value: Any) -> None:
        if _is_block(value):
            self._block(value, "", "")
        else:
            self._lines.append(_scalar(value, ""))

    def _mapping(self, value: dict[str, Any], indent: str, first: str) -> None:
        """Write a mapping; `first` stands before its first key instead of `indent`."""
        lead = first or indent
        for key, item in _entries(value):
            if not _is_simple_key(key):
                self._lines.append(f"{lead}? {_scalar(key, indent)}")
                name, inner = f"{indent}:", f"{indent}: "
            else:
                name, inner = f"{lead}{_scalar(key, indent)}:", ""
            if not _is_block(item):
                self._lines.append(f"{name} {_scalar(item, indent)}")
            elif inner:
                self._block(item, indent + _INDENT, inner)
            else:
                self._lines.append(name)
                self._block(item, indent + _INDENT, "")
            lead = indent

    def _block(self, value: Any, indent: str, first: str) -> None:
        write = self._mapping if isinstance(value, dict) else self._sequence
        write(value, indent, first)

    def _sequence(self, value: list[Any], indent: str, first: str) -> None:
        lead = first or indent
        for item in value:
            if _is_block(item):
                self._block(item, indent + _INDENT, f"{lead}- ")
            else:
                self._lines.append(f"{lead}- {_scalar(item, indent)}")
            lead = indent


def _entries(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Sorted):
        return ((key, value[key]) for key in sorted(value, key=natural_order))
    return iter(value.items())


@lru_cache(maxsize=4096)
def _is_simple_key(key: str) -> bool:
    if len(key.encode(errors="surrogatepass")) > _SIMPLE_KEY:
        return False
    return _BREAK.search(key) is None


def _is_block(value: Any) -> bool:
    """Return whether a value is written over several lines."""
    return isinstance(value, (dict, list)) and bool(value)


def _scalar(value: Any, indent: str) -> str:
    if isinstance(value, Timestamp):
        return str(value)
    if isinstance(value, str):
        return _text(value, indent)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return "{}"
    return "[]" if isinstance(value, list) else str(value)


def _float(value: float) -> str:
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return ".nan" if math.isnan(value) else float_text(value)


@lru_cache(maxsize=4096)
def _text(text: str, indent: str) -> str:
    if "\n" in text and _literal_allowed(text):
        return _literal(text, indent + _INDENT)
    if "\n" in text or _would_change(text):
        return _double_quoted(text)
    if _PLAIN.match(text) or _plain_allowed(text):
        return text
    if _single_quoted_allowed(text):
        quoted = text.replace("'", "''")
        return f"'{_CONTINUATION.sub(indent + _INDENT, quoted)}'"
    return _double_quoted(text)


def _would_change(text: str) -> bool:
    """Return whether the plain text would be read as something else than a string."""
    if text in _OLD_BOOLEANS or _BASE_60.match(text):
        return True
    value = resolve(None, text, plain=True)
    return type(value) is not str


def _plain_allowed(text: str) -> bool:
    if text[0] in _FIRST_INDICATOR or text[0] == " " or text[-1] == " ":
        return False
    if _INDICATOR.match(text) or _INNER_INDICATOR.search(text):
        return False
    if _BREAK.search(text):
        return False
    return "\t" not in text and not _has_special(text)


def _single_quoted_allowed(text: str) -> bool:
    if "\t" in text or _SPACE_AT_BREAK.search(text):
        return False
    return not _has_special(text)


def _has_special(text: str) -> bool:
    if _CONTROL.search(text):
        return True
    return not text.isascii() and any(map(_is_beyond, text))


def _is_beyond(char: str) -> bool:
    return char > "\uffff" or char in _BEYOND or "\ud800" <= char <= "\udfff"


def _literal_allowed(text: str) -> bool:
    """Return whether `|` keeps the text: no line ends in a space."""
    if _has_special(text) or text.endswith(" "):
        return False
    return _SPACE_BEFORE_BREAK.search(text) is None


def _literal(text: str, indent: str) -> str:
    hint = str(len(_INDENT)) if text[0] in f" {_BREAKS}" else ""
    if text[-1] not in _KEPT_BREAKS:
        hint += "-"
    elif len(text) == 1 or text[-2] in _KEPT_BREAKS:
        hint += "+"
    return f"|{hint}" + _CONTINUATION.sub(indent, f"\n{text}")


def _double_quoted(text: str) -> str:
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    known = _ESCAPES.get(char)
    if known is not None:
        return known
    if not _has_special(char):
        return char
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
