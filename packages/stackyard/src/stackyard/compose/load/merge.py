"""One document over another: the Compose Specification's "Merge" rules.

Mappings merge by key and sequences append, except where the tables below say otherwise:
a command replaces, key-value lists are brought into one syntax first, and so on.
Duplicates that appending leaves behind are the next stage's work
(`stackyard.compose.load.unique`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stackyard.compose.errors import InvalidValueError, Path
from stackyard.compose.grammar.scalar import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Merger = Callable[[Any, Any, Path], Any]

ANY: Final = "*"


class MergeError(InvalidValueError):
    """Two layers do not fit together; `path` says where."""

    def __init__(self, message: str, path: Path, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


def merge_documents(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with `over` on top; `base` is changed in place.

    Raises:
        MergeError: a mapping meets a sequence or a scalar.
    """
    return _merge_mappings(base, over, (), _RULES)


def merge_service(base: dict[str, Any], over: dict[str, Any], name: str) -> Any:
    """Return the service `base` extended by `over`.

    Raises:
        MergeError: as `merge_documents`.
    """
    return _merge(base, over, ("services", name), _RULES["services"][ANY])


def _merge(base: Any, over: Any, path: Path, rules: Any) -> Any:
    merger = rules.get(None) if rules else None
    if merger is not None:
        return merger(base, over, path)
    if over is None:
        return base
    if isinstance(base, dict):
        if not isinstance(over, dict):
            raise _cannot_override(base, over, path)
        return _merge_mappings(base, over, path, rules)
    if isinstance(base, list):
        if not isinstance(over, list):
            raise _cannot_override(base, over, path)
        return base + over
    return over


def _merge_mappings(
    base: dict[str, Any], over: dict[str, Any], path: Path, rules: Any
) -> dict[str, Any]:
    for key, value in over.items():
        if key not in base:
            base[key] = value
            continue
        below = (rules.get(key) or rules.get(ANY)) if rules else None
        base[key] = _merge(base[key], value, (*path, key), below)
    return base


def _cannot_override(base: Any, over: Any, path: Path) -> MergeError:
    return MergeError(
        f"cannot override {_kind(base)} with {_kind(over)}",
        path,
        hint="write both in the same syntax, or tag the later one !override",
    )


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else f"{value!r}"


def _replace(base: Any, over: Any, path: Path) -> Any:
    del base, path
    return over


def _as_sequence(value: Any) -> list[Any]:
    """Return a mapping as sorted `key=value` texts, a scalar as a list of one."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        entries: list[str] = []
        for key, item in value.items():
            if item is None:
                entries.append(key)
            elif isinstance(item, list):
                entries.extend(f"{key}={text_of(each)}" for each in item)
            else:
                entries.append(f"{key}={text_of(item)}")
        return sorted(entries)
    return [] if value is None else [value]


def _to_sequence(base: Any, over: Any, path: Path) -> Any:
    del path
    return _as_sequence(base) + _as_sequence(over)


def _extra_hosts(base: Any, over: Any, path: Path) -> Any:
    del path
    below = _as_sequence(base)
    return below + [entry for entry in _as_sequence(over) if entry not in below]


def _build(base: Any, over: Any, path: Path) -> Any:
    def mapping(value: Any) -> dict[str, Any]:
        value = {"context": value} if isinstance(value, str) else (value or {})
        if not isinstance(value, dict):
            raise _cannot_override(base, over, path)
        return value

    return _merge_mappings(mapping(base), mapping(over), path, _BUILD)


def _started() -> dict[str, Any]:
    return {"condition": "service_started", "required": True}


def _by_key(default: Callable[[], Any], rules: Any = None) -> Merger:
    """Return a merger for what may be a list of names or a mapping by name."""

    def mapping(value: Any, path: Path) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        if isinstance(value, list):
            return {_name(item, path): default() for item in value}
        return {}

    def merger(base: Any, over: Any, path: Path) -> Any:
        return _merge_mappings(mapping(base, path), mapping(over, path), path, rules)

    return merger


def _name(item: Any, path: Path) -> str:
    if isinstance(item, str):
        return item
    raise MergeError(f"expected a name, found {_kind(item)}", path)


def _logging(base: Any, over: Any, path: Path) -> Any:
    """Options belong to a driver: those of another driver are dropped."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return base if over is None else over
    drivers = [layer["driver"] for layer in (base, over) if "driver" in layer]
    if len(drivers) == 2 and drivers[0] != drivers[1]:
        return over
    return _merge_mappings(base, over, path, None)


def _ipam_config(base: Any, over: Any, path: Path) -> Any:
    """Entries are the same when their subnet is."""
    if not isinstance(base, list) or not isinstance(over, list):
        raise _cannot_override(base, over, path)
    merged: list[Any] = []
    for below in base:
        for above in over:
            _add_pool(merged, below, above, path)
    return merged


def _add_pool(merged: list[Any], below: Any, above: Any, path: Path) -> None:
    both = isinstance(below, dict) and isinstance(above, dict)
    same = both and _subnet(below) == _subnet(above)
    subnets = [_subnet(pool) for pool in merged]
    pool = _merge_mappings(dict(below), above, path, None) if same else above
    if _subnet(pool) not in subnets:
        merged.append(pool)
    elif same:
        merged[subnets.index(_subnet(pool))] = pool


def _subnet(entry: Any) -> Any:
    return entry.get("subnet") if isinstance(entry, dict) else None


def _rule(merger: Merger) -> dict[str | None, Any]:
    return {None: merger}


_SEQUENCE: Final = _rule(_to_sequence)
_REPLACE: Final = _rule(_replace)
_HOSTS: Final = _rule(_extra_hosts)
_BUILD: Final[dict[str | None, Any]] = {
    "args": _SEQUENCE,
    "additional_contexts": _SEQUENCE,
    "extra_hosts": _HOSTS,
    "labels": _SEQUENCE,
    "ulimits": {ANY: _REPLACE},
}
_SERVICE: Final[dict[str | None, Any]] = {
    "annotations": _SEQUENCE,
    "build": _rule(_build),
    "command": _REPLACE,
    "depends_on": _rule(_by_key(_started)),
    "deploy": {"labels": _SEQUENCE},
    "dns": _SEQUENCE,
    "dns_opt": _SEQUENCE,
    "dns_search": _SEQUENCE,
    "entrypoint": _REPLACE,
    "env_file": _SEQUENCE,
    "label_file": _SEQUENCE,
    "environment": _SEQUENCE,
    "extra_hosts": _HOSTS,
    "healthcheck": {"test": _REPLACE},
    "labels": _SEQUENCE,
    "volumes": {ANY: {"volume": {"labels": _SEQUENCE}}},
    "logging": _rule(_logging),
    "models": _rule(_by_key(lambda: None)),
    "networks": _rule(_by_key(lambda: None)),
    "sysctls": _SEQUENCE,
    "tmpfs": _SEQUENCE,
    "ulimits": {ANY: _REPLACE},
}
_RULES: Final[dict[str | None, Any]] = {
    "services": {ANY: _SERVICE},
    "networks": {ANY: {"ipam": {"config": _rule(_ipam_config)}, "labels": _SEQUENCE}},
    "volumes": {ANY: {"labels": _SEQUENCE}},
}
