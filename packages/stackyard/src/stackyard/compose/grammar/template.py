"""Interpolation: `$NAME` and `${NAME...}` inside the values of a Compose file.

    $$            a literal $            ${A:-d} ${A-d}   default
    $A  ${A}      the value of A         ${A:?m} ${A?m}   required, else the message m
                                         ${A:+r} ${A+r}   replacement

The operators with a colon treat an empty variable like an unset one. An argument
(d, m, r) is itself a template. A `$` before anything else is an ordinary character.

The reference implementation matches a braced reference greedily, to the last `}` of
the line, and only then looks for the brace that balances. Files depend on both
halves (JSON in a default; text with braces after a reference), so the parser keeps
them: see `_references`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from stackyard.compose import limits
from stackyard.compose.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Lookup = Callable[[str], str | None]

__all__ = ["MAX_DEPTH", "Variable", "substitute", "variables"]

MAX_DEPTH = 100
"""How deep arguments may nest before a template is refused rather than expanded."""

# Names are ASCII letters in either case. The two others are what Unicode folds onto
# "s" and "k": the reference matches names case-insensitively and takes them too.
_LETTER = "A-Za-z_\u017f\u212a"
_NAME = rf"[{_LETTER}][{_LETTER}0-9]*+"
_REFERENCE = re.compile(
    rf"\$(?:(\$)|({_NAME})|\{{(?:({_NAME})(?:\}}|(:?[-+?])))?)",
)
_NESTING = re.compile(r"\$\$|\$\{|\}")
# The character after an opening brace is never looked at, be it a brace itself.
_BRACE = re.compile(r"\{.?|\}", re.DOTALL)
_ASCII_NAME = re.compile(r"[A-Za-z0-9_]+")

_BAD_FORMAT_HINT = (
    'write "$$" for a literal "$"; a variable is written "$NAME" or "${NAME}", '
    'with an operator "${NAME:-default}"'
)


@dataclass(frozen=True, slots=True)
class Variable:
    """One use of a variable, with its argument unexpanded.

    `default` belongs to the operators `:-` and `-`, `alternate` to `:+` and `+`.
    """

    name: str
    default: str = ""
    alternate: str = ""
    required: bool = False


class _Reference(NamedTuple):
    """A place in a template that is not literal text.

    `operator` is "$" for the escape, "" for a plain name, None for bad syntax.
    `reach` is where the greedy match ends, of which the reference is the beginning.
    """

    start: int
    end: int
    reach: int
    name: str
    operator: str | None
    argument: str


def substitute(
    template: str,
    lookup: Lookup,
    *,
    missing: Callable[[str], None] | None = None,
) -> str:
    """Replace every reference in `template` by what `lookup` says.

    `missing` hears the name of each variable that is unset where nothing else was
    given. An argument is expanded even where it is not used, as the reference does:
    `${SET:-${UNSET}}` reports UNSET, and a required variable in there must be set.
    """
    if "$" not in template:
        return template
    _check_nesting(template)
    return _expand(template, lookup, missing, 0)


def variables(template: str) -> list[Variable]:
    """List the uses of variables as `docker compose config --variables` finds them.

    Where a name occurs twice, the last entry is the one the command shows. A
    reference with bad syntax has the name "". What stands in the message of a
    required variable is not listed.
    """
    if "$" not in template:
        return []
    _check_nesting(template)
    return _extract(template, 0)


def _expand(
    text: str,
    lookup: Lookup,
    missing: Callable[[str], None] | None,
    depth: int,
) -> str:
    _check_depth(depth)
    parts: list[str] = []
    position = length = 0
    for start, end, _, name, operator, argument in _references(text):
        parts.append(text[position:start])
        position = end
        if operator is None:
            raise InvalidValueError(
                f'invalid interpolation format "{text}"', hint=_BAD_FORMAT_HINT
            )
        if operator == "$":
            parts.append("$")
        elif operator:
            if "$" in argument:
                argument = _expand(argument, lookup, missing, depth + 1)
            parts.append(_apply(operator, name, argument, lookup))
        else:
            parts.append(_plain(name, lookup, missing))
        length += len(parts[-1])
        _check_length(length)
    parts.append(text[position:])
    return "".join(parts)


def _plain(name: str, lookup: Lookup, missing: Callable[[str], None] | None) -> str:
    value = lookup(name)
    if value is None and missing is not None:
        missing(name)
    return value or ""


def _apply(operator: str, name: str, argument: str, lookup: Lookup) -> str:
    value = lookup(name)
    present = value is not None and (value != "" or operator[0] != ":")
    if operator[-1] == "+":
        return argument if present else value or ""
    if present:
        return value or ""
    if operator[-1] == "-":
        return argument
    reason = f": {argument}" if argument else ""
    raise InvalidValueError(
        f"required variable {name} is missing a value{reason}",
        hint=f"set {name} in the environment or in the .env file",
    )


def _extract(text: str, depth: int) -> list[Variable]:
    """Collect the variables of `text` in the order that makes "last wins" true.

    The reference implementation looks into the rest of a greedy match before it
    records the reference the match began with. Hence the stack: what a line opens is
    recorded backwards once the line's last brace is passed.
    """
    _check_depth(depth)
    found: list[Variable] = []
    opened: list[_Reference] = []
    for reference in _references(text):
        if opened and reference.start >= opened[-1].reach:
            _record(opened, found, depth)
        if reference.operator:
            if reference.operator != "$":
                opened.append(reference)
        else:
            found.append(_variable(reference))
    _record(opened, found, depth)
    return found


def _record(opened: list[_Reference], found: list[Variable], depth: int) -> None:
    while opened:
        variable = _variable(opened.pop())
        found.append(variable)
        for argument in (variable.default, variable.alternate):
            if "$" in argument:
                found += _extract(argument, depth + 1)


def _variable(reference: _Reference) -> Variable:
    _, _, _, name, operator, argument = reference
    if not name.isascii():
        # The listing, unlike the substitution, knows ASCII names only.
        ascii_part = _ASCII_NAME.match(name)
        return Variable(ascii_part[0] if ascii_part else f"{name}{operator}{argument}")
    if not operator:
        return Variable(name)
    kind = operator[-1]
    return Variable(
        name,
        default=argument if kind == "-" else "",
        alternate=argument if kind == "+" else "",
        required=kind == "?",
    )


def _check_nesting(template: str) -> None:
    """Refuse what is clearly too deep before every level of it is looked through."""
    if template.count("${") <= MAX_DEPTH:
        return
    depth = 0
    for token in _NESTING.finditer(template):
        if token[0] == "${":
            depth += 1
            _check_depth(depth - 1)
        elif depth and token[0] == "}":
            depth -= 1


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidValueError(
            f"variables are nested more than {MAX_DEPTH} deep",
            hint="give the inner value a variable of its own",
        )


def _check_length(length: int) -> None:
    """Refuse what many references to a long value would come to, before it does."""
    if length > limits.STRING_BYTES:
        raise InvalidValueError(
            f"longer than {limits.STRING_BYTES // (1024 * 1024)} MiB "
            "once variables are expanded",
            hint="use fewer variables, or shorter values",
        )


def _references(text: str) -> Iterator[_Reference]:
    """Find the references of `text` from left to right; arguments stay unexpanded."""
    position = line_end = last_brace = 0
    while match := _REFERENCE.search(text, position):
        start, position = match.span()
        escape, plain, braced, operator = match.groups()
        if operator is None:
            name = plain or braced
            kind = "$" if escape else None if name is None else ""
            yield _Reference(start, position, position, name or "", kind, "")
            continue
        if position >= line_end:
            # An argument ends on its line. Looking the line up once keeps a long
            # line with many references linear.
            line_end = _line_end(text, position)
            last_brace = text.rfind("}", position, line_end)
        if last_brace < position:
            position = start + len("${")
            yield _Reference(start, position, position, "", None, "")
            continue
        close = _balancing_brace(text, start, last_brace)
        argument = text[position:close]
        position = close + 1
        yield _Reference(start, position, last_brace + 1, braced, operator, argument)


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _balancing_brace(text: str, start: int, last: int) -> int:
    """Find the brace that closes the one at `start`, else the last of the line."""
    depth = 0
    for brace in _BRACE.finditer(text, start, last + 1):
        if brace[0] != "}":
            depth += 1
        elif depth == 1:
            return brace.start()
        else:
            depth -= 1
    return last
