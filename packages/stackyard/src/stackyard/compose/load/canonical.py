"""Short syntax -> long syntax, so that later stages know one form of each attribute.

With interpolation switched off a port or a device may hold a variable and not parse.
It is then left as it stands; of ports, all of the service, as the reference
implementation does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stackyard.compose import limits
from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar import device, port, ssh, volume
from stackyard.compose.grammar.scalar import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from stackyard.compose.errors import Path
    from stackyard.compose.load.context import Context

    Transform = Callable[[Any], Any]


def canonical(document: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return the document in long syntax.

    Values that do not parse are reported and left out.
    """
    walker = _Walker(context)
    services = document.get("services")
    if isinstance(services, dict):
        for name, service in services.items():
            if isinstance(service, dict):
                walker.apply(service, _SERVICE, ("services", name))
    for kind in ("networks", "volumes", "secrets", "configs"):
        resources = document.get(kind)
        if isinstance(resources, dict):
            for name, resource in resources.items():
                resources[name] = _external(resource, (kind, name), context)
    return document


class _Walker:
    def __init__(self, context: Context) -> None:
        self._context = context

    def apply(self, value: dict[str, Any], rules: dict[str, Any], path: Path) -> None:
        for attribute in [key for key in rules if key in value]:
            below = (*path, attribute)
            item = self._one(value[attribute], rules[attribute], below)
            if attribute == "ports" and isinstance(item, list):
                self._context.spend(below, ports=len(item))
            if item is _INVALID:
                del value[attribute]
            else:
                value[attribute] = item

    def _one(self, value: Any, rule: Any, path: Path) -> Any:
        if isinstance(rule, dict):
            if isinstance(value, dict):
                self.apply(value, rule, path)
            return value
        if isinstance(rule, tuple):
            whole, below = rule
            value = self._transformed(value, whole, path)
            if isinstance(value, dict):
                self.apply(value, below, path)
            return value
        if isinstance(rule, _Each):
            return self._each(value, rule, path)
        return self._transformed(value, rule, path)

    def _each(self, value: Any, rule: _Each, path: Path) -> Any:
        if isinstance(value, list):
            items = (
                self._transformed(item, rule.item, (*path, index))
                for index, item in enumerate(value)
            )
            return [item for item in items if item is not _INVALID]
        if isinstance(value, dict) and rule.mappings:
            entries = {
                key: self._transformed(item, rule.item, (*path, key))
                for key, item in value.items()
            }
            return {key: it for key, it in entries.items() if it is not _INVALID}
        return value

    def _transformed(self, value: Any, transform: Transform, path: Path) -> Any:
        try:
            return transform(value)
        except InvalidValueError as error:
            if transform in (_ports, _device) and not self._context.options.interpolate:
                return value
            self._context.report(error.message, path, hint=error.hint)
            return _INVALID


class _Each:
    """A rule for the entries of a list, or of a mapping too."""

    def __init__(self, item: Transform, *, mappings: bool = False) -> None:
        self.item = item
        self.mappings = mappings


class _Invalid:
    """Stands for a value that was reported and is left out."""


_INVALID: Final = _Invalid()


def _external(resource: Any, path: Path, context: Context) -> Any:
    """Bring `external: {name: X}`, the old form, into the present one."""
    if not isinstance(resource, dict):
        return resource
    external = resource.get("external")
    if isinstance(external, str):
        hint = "write true or false"
        context.report(f"{external!r} is not a boolean", (*path, "external"), hint=hint)
    if not isinstance(external, dict):
        return resource
    context.warn(
        f"{'.'.join(map(str, path))}: external.name is deprecated. "
        "Please set name and external: true"
    )
    old, name = external.get("name"), resource.get("name")
    resource["external"] = True
    if old is not None:
        if name is not None and name != old:
            context.report("name and external.name differ", path, hint="keep name")
        resource["name"] = old
    return resource


def _build(value: Any) -> Any:
    return {"context": value} if isinstance(value, str) else value


def _depends_on(value: Any) -> Any:
    if _are_names(value):
        return {
            name: {"condition": "service_started", "required": True} for name in value
        }
    if isinstance(value, dict):
        for dependency in value.values():
            if isinstance(dependency, dict):
                dependency.setdefault("required", True)
    return value


def _env_file(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    return [_env_file_entry(item) for item in items if item is not None]


def _env_file_entry(item: Any) -> Any:
    if isinstance(item, dict):
        item.setdefault("required", True)
        return item
    return {"path": item, "required": True}


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _addresses(value: Any) -> Any:
    """Leave out what is empty, as where a variable for one more server is not set."""
    items = _as_list(value)
    return [item for item in items if item] if isinstance(items, list) else items


def _names(value: Any) -> Any:
    return dict.fromkeys(value) if _are_names(value) else value


def _are_names(value: Any) -> bool:
    """Return whether a value is a list of texts; the schema refuses other lists."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _contexts(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    contexts: dict[str, str] = {}
    for item in value:
        name, found, target = str(item).partition("=")
        if not found:
            raise InvalidValueError(
                f"context {item!r} has no target", hint="write NAME=PATH"
            )
        contexts[name] = target
    return contexts


def _context_map(value: Any) -> Any:
    contexts = _contexts(value)
    for name, target in contexts.items() if isinstance(contexts, dict) else ():
        if not isinstance(target, str):
            raise InvalidValueError(f"context {name} must be a string", hint="quote it")
    return contexts


def _extends(value: Any) -> Any:
    return {"service": value} if isinstance(value, str) else value


def _gpus(value: Any) -> Any:
    return [{"count": "all"}] if isinstance(value, str) else value


def _file_mount(value: Any) -> Any:
    return {"source": value} if isinstance(value, str) else value


def _volume(value: Any) -> Any:
    return volume.parse(value) if isinstance(value, str) else value


def _device(value: Any) -> Any:
    return device.parse(value) if isinstance(value, str) else value


def _ports(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    result: list[Any] = []
    for item in value:
        if isinstance(item, dict):
            result.append(item)
        else:
            result.extend(port.parse(item))
        if len(result) > limits.PORTS + len(value):
            raise InvalidValueError(f"more than {limits.PORTS:,} ports in ranges")
    return result


def _ssh(value: Any) -> Any:
    return ssh.parse(value) if isinstance(value, list) else value


def _attestation(value: Any) -> Any:
    return text_of(value) if isinstance(value, bool) else value


def _ulimit(value: Any) -> Any:
    if isinstance(value, str):
        raise InvalidValueError(f"{value!r} is not a limit", hint="write a number")
    return value


def _watch(value: Any) -> Any:
    for item in value if isinstance(value, list) else ():
        for key in {"ignore", "include"} & set(item):
            item[key] = _as_list(item[key])
    return value


_MOUNTS: Final = _Each(_file_mount)
_BUILD: Final[dict[str, Any]] = {
    "secrets": _MOUNTS,
    "additional_contexts": _context_map,
    "ssh": _ssh,
    "provenance": _attestation,
    "sbom": _attestation,
    "ulimits": _Each(_ulimit, mappings=True),
}
_SERVICE: Final[dict[str, Any]] = {
    "build": (_build, _BUILD),
    "depends_on": _depends_on,
    "env_file": _env_file,
    "label_file": _as_list,
    "extends": _extends,
    "gpus": _gpus,
    "networks": _names,
    "models": _names,
    "volumes": _Each(_volume),
    "dns": _addresses,
    "devices": _Each(_device),
    "secrets": _MOUNTS,
    "configs": _MOUNTS,
    "ports": _ports,
    "ulimits": _Each(_ulimit, mappings=True),
    "develop": {"watch": _watch},
}
