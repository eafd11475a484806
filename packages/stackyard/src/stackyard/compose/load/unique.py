"""Lists whose entries have a key: of two entries with the same key, the later wins.

Compose Specification, "Merge: unique resources". It runs after each merge, on entries
in short and long syntax alike, and once more when all are in their long form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.scalar import text_of
from stackyard.compose.grammar.volume import parse as parse_volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from stackyard.compose.errors import Path
    from stackyard.compose.load.context import Context

    KeyOf = Callable[[Any], str]


def unique(document: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return the document without entries that a later one replaces."""
    for kind, rules in _RULES.items():
        _each(document.get(kind), rules, (kind,), context)
    return document


def _each(value: Any, rules: dict[str, Any], path: Path, context: Context) -> None:
    """Apply rules to every mapping in a mapping by name."""
    for name, item in value.items() if isinstance(value, dict) else ():
        if isinstance(item, dict):
            _apply(item, rules, (*path, name), context)


def _apply(
    value: dict[str, Any], rules: dict[str, Any], path: Path, context: Context
) -> None:
    for attribute in value.keys() & rules.keys():
        rule, item, below = rules[attribute], value[attribute], (*path, attribute)
        if isinstance(rule, dict):
            if ANY in rule:
                _each(item, rule[ANY], below, context)
            elif isinstance(item, dict):
                _apply(item, rule, below, context)
        elif isinstance(item, list) and (len(item) > 1 or rule in _CHECKED):
            value[attribute] = _deduplicated(item, rule, below, context)


def _deduplicated(
    items: list[Any], key_of: KeyOf, path: Path, context: Context
) -> list[Any]:
    entries: dict[str, Any] = {}
    for index, item in enumerate(items):
        try:
            entries[key_of(item)] = item
        except InvalidValueError as error:
            context.report(error.message, (*path, index), hint=error.hint)
    return list(entries.values())


def _key(item: Any) -> str:
    return text_of(item).partition("=")[0]


def _text(item: Any) -> str:
    if isinstance(item, float):
        raise InvalidValueError(f"{item!r} is not a port", hint="quote it")
    return text_of(item)


def _volume(item: Any) -> str:
    if isinstance(item, dict):
        return _target(item)
    return str(parse_volume(item).get("target", "")) if isinstance(item, str) else ""


def _target(item: dict[str, Any]) -> str:
    target = item.get("target")
    if not isinstance(target, str):
        raise InvalidValueError(
            "a mount needs a target", hint="add target: the path in the container"
        )
    return target


def _device(item: Any) -> str:
    if isinstance(item, str):
        parts = item.split(":")
        return parts[1] if len(parts) > 1 else parts[0]
    return _target(item) if isinstance(item, dict) else ""


def _mount(folder: str) -> KeyOf:
    def key_of(item: Any) -> str:
        if isinstance(item, dict):
            return text_of(item.get("target")) or f"{folder}/{item.get('source')}"
        return f"{folder}/{item}"

    return key_of


def _port(item: Any) -> str:
    if isinstance(item, float):
        raise InvalidValueError(f"{item!r} is not a port", hint="quote it")
    if not isinstance(item, dict):
        return text_of(item)
    target = item.get("target")
    if target is None:
        raise InvalidValueError("a port needs a target", hint="add target: a number")
    published = text_of(item.get("published"))
    host = item.get("host_ip") or "0.0.0.0"
    protocol = item.get("protocol") or "tcp"
    return f"{host}:{published}:{target}/{protocol}"


def _env_file(item: Any) -> str:
    return text_of(item.get("path")) if isinstance(item, dict) else text_of(item)


ANY: Final = "*"
# Of these, a single entry is looked at too: it may lack what makes it unique.
_CHECKED: Final = (_volume, _device, _port, _text)
_BUILD: Final[dict[str, Any]] = {
    "args": _key,
    "additional_contexts": _key,
    "tags": _key,
    "labels": _key,
}
_SERVICE: Final[dict[str, Any]] = {
    "annotations": _key,
    "build": _BUILD,
    "cap_add": _key,
    "cap_drop": _key,
    "devices": _device,
    "configs": _mount(""),
    "deploy": {"labels": _key},
    "dns": _key,
    "dns_opt": _key,
    "dns_search": _key,
    "environment": _key,
    "env_file": _env_file,
    "expose": _text,
    "labels": _key,
    "links": _key,
    "networks": {ANY: {"aliases": _key, "link_local_ips": _key}},
    "ports": _port,
    "profiles": _key,
    "secrets": _mount("/run/secrets"),
    "sysctls": _key,
    "tmpfs": _key,
    "volumes": _volume,
}
_RULES: Final = {
    "services": _SERVICE,
    "networks": {"labels": _key},
}
