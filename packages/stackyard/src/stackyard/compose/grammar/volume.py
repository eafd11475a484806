"""The short syntax of service volumes: `[SOURCE:]TARGET[:OPTION,...]`.

A source that looks like a path makes a bind mount, any other a named volume, none an
anonymous one. Windows drives may stand on either side. Paths are not resolved here,
only the target is put into its simplest form, as Compose does for the long syntax
too (`clean_target`).

Under `--no-interpolate` a string may still hold references, so a colon inside
`${...}` separates nothing.
"""

from __future__ import annotations

import re
from posixpath import normpath
from typing import TypeAlias

from stackyard.compose.errors import InvalidValueError

__all__ = ["Mount", "clean_target", "parse"]

Mount: TypeAlias = dict[str, "str | bool | dict[str, str | bool]"]

_DELIMITER = re.compile(r"\$\{|[:}]")
_PATH = re.compile(r"[./~]|\\\\")
_PROPAGATIONS = frozenset(
    {"private", "rprivate", "shared", "rshared", "slave", "rslave"}
)
_SELINUX_LABELS = frozenset({"z", "Z"})
_HINT = 'write "SOURCE:TARGET" or "SOURCE:TARGET:ro"; the long syntax takes any path'


def parse(spec: str) -> Mount:
    """Turn the short syntax into the long one, in the order Compose prints it."""
    if len(spec) <= 2 and len(spec.encode(errors="replace")) <= 2:
        # Too short for two sections: taken as it is, without empty volume options.
        if not spec:
            raise InvalidValueError("volume is empty", hint=_HINT)
        return {"type": "volume", "target": clean_target(spec)}
    sections = _sections(spec)
    if "" in sections:
        raise _invalid(spec, "a section between colons is empty")
    if len(sections) > 3:
        raise _invalid(spec, "it has too many colons")
    if len(sections) == 1:
        return {"type": "volume", "target": clean_target(sections[0]), "volume": {}}
    source, target, *options = sections
    return _mount(source, target, options[0].split(",") if options else [])


def clean_target(target: str) -> str:
    """Remove what a path inside the container does not need: `//`, `.`, `..`."""
    if not target:
        return target
    cleaned = normpath(target)
    # POSIX lets two leading slashes mean something else; Go's path.Clean does not.
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _mount(source: str, target: str, options: list[str]) -> Mount:
    read_only = False
    selinux = propagation = ""
    volume: dict[str, str | bool] = {}
    for option in options:
        if option in ("ro", "rw"):
            read_only = option == "ro"
        elif option == "nocopy":
            volume["nocopy"] = True
        elif option in _SELINUX_LABELS:
            selinux = option
        elif option in _PROPAGATIONS:
            propagation = option
        # Others are ignored, `cached` and whatever else Compose has never minded.
    is_bind = _is_path(source)
    bind = _bind_options(selinux, propagation, create_host_path=is_bind)
    mount: Mount = {
        "type": "bind" if is_bind else "volume",
        "source": source,
        "target": clean_target(target),
    }
    if read_only:
        mount["read_only"] = True
    if bind:
        mount["bind"] = bind
    if volume or not is_bind:
        mount["volume"] = volume
    return mount


def _bind_options(
    selinux: str, propagation: str, *, create_host_path: bool
) -> dict[str, str | bool]:
    options: dict[str, str | bool] = {}
    if selinux:
        options["selinux"] = selinux
    if propagation:
        options["propagation"] = propagation
    if create_host_path:
        options["create_host_path"] = True
    return options


def _sections(spec: str) -> list[str]:
    """Split at the colons that separate; drop what follows a brace left open."""
    sections = []
    start = depth = 0
    for delimiter in _DELIMITER.finditer(spec):
        kind = delimiter[0]
        if kind == "${":
            depth += 1
        elif kind == "}":
            depth = max(depth - 1, 0)
        elif depth == 0:
            section = spec[start : delimiter.start()]
            is_drive = len(section) == 1 and section.isalpha()
            if not is_drive:
                sections.append(section)
                start = delimiter.end()
    if depth == 0:
        sections.append(spec[start:])
    elif len(sections) < 2:
        raise _invalid(spec, "it has no target")
    return sections


def _is_path(source: str) -> bool:
    if _PATH.match(source):
        return True
    return source[1:2] == ":" and source[0].isalpha()


def _invalid(spec: str, reason: str) -> InvalidValueError:
    return InvalidValueError(f'invalid volume "{spec}": {reason}', hint=_HINT)
