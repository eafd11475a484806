"""What makes a document canonical: implicit networks, dependencies and names.

Compose Specification, "networks: the default network", "links", "network_mode",
"volumes_from", "name".
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, Final

from stackyard.compose.grammar.scalar import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SERVICE_PREFIX: Final = "service:"
_CONTAINER_PREFIX: Final = "container:"
_NAMED: Final = ("networks", "volumes", "configs", "secrets")
_NAMESPACES: Final = ("network_mode", "ipc", "pid", "uts", "cgroup")


def normalize(
    document: dict[str, Any], environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return the document with everything implicit written out; changed in place."""
    services = document.get("services")
    for service in services.values() if isinstance(services, dict) else ():
        if isinstance(service, dict):
            _service(service, environment)
    _default_network(document)
    _names(document)
    return document


def _service(service: dict[str, Any], environment: Mapping[str, str]) -> None:
    if service.get("pull_policy") == "if_not_present":
        service["pull_policy"] = "missing"
    build = service.get("build")
    if isinstance(build, dict):
        _build(build, environment)
    if "environment" in service:
        service["environment"] = resolved(service["environment"], environment)
    _implicit_dependencies(service)
    for mount in service.get("volumes") or ():
        if isinstance(mount, dict) and isinstance(mount.get("target"), str):
            mount["target"] = clean(mount["target"])
    if not service.get("networks") and not _without_networks(service):
        service["networks"] = {"default": None}


def _without_networks(service: dict[str, Any]) -> bool:
    return "provider" in service or bool(service.get("network_mode"))


def clean(path: str) -> str:
    """Return the shortest form of a path in a container."""
    if not path:
        return "."
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _build(build: dict[str, Any], environment: Mapping[str, str]) -> None:
    build.setdefault("context", ".")
    if "dockerfile_inline" not in build:
        build.setdefault("dockerfile", "Dockerfile")
    if "args" in build:
        args = resolved(build["args"], environment)
        if isinstance(args, dict):
            args = {key: value for key, value in args.items() if value is not None}
        else:
            args = [entry for entry in args if "=" in text_of(entry)]
        build["args"] = args


def resolved(value: Any, environment: Mapping[str, str]) -> Any:
    """Return key-value pairs with the keys that have no value taken from outside."""
    if isinstance(value, dict):
        return {
            key: environment.get(key) if item is None else item
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_resolved_entry(text_of(entry), environment) for entry in value]
    return value


def _resolved_entry(entry: str, environment: Mapping[str, str]) -> str:
    if "=" in entry or entry not in environment:
        return entry
    return f"{entry}={environment[entry]}"


def _implicit_dependencies(service: dict[str, Any]) -> None:
    found = dict(_implied(service))
    if not found:
        return
    dependencies = service.setdefault("depends_on", {})
    for name, restart in found.items():
        if name not in dependencies:
            dependency = {"condition": "service_started", "required": True}
            dependencies[name] = {**dependency, "restart": restart}


def _implied(service: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield services that other attributes name, and whether a restart spreads.

    Whoever uses this takes the last entry of a name, so the strongest come last.
    """
    for source in service.get("volumes_from") or ():
        if not text_of(source).startswith(_CONTAINER_PREFIX):
            yield text_of(source).partition(":")[0], False
    for attribute in _NAMESPACES:
        value = service.get(attribute)
        if isinstance(value, str) and value.startswith(_SERVICE_PREFIX):
            yield value.removeprefix(_SERVICE_PREFIX), True
    for link in service.get("links") or ():
        parts = text_of(link).split(":")
        yield parts[0] if len(parts) == 2 else text_of(link), True


def _default_network(document: dict[str, Any]) -> None:
    """Declare the network "default" if some service is on it."""
    services = document.get("services")
    used = isinstance(services, dict) and any(
        isinstance(service, dict) and "default" in (service.get("networks") or ())
        for service in services.values()
    )
    if used:
        networks = document.get("networks") or {}
        networks.setdefault("default", None)
        document["networks"] = networks


def _names(document: dict[str, Any]) -> None:
    project = document.get("name", "")
    for kind in _NAMED:
        resources = document.get(kind)
        if not isinstance(resources, dict):
            continue
        for key, resource in resources.items():
            value = resource if isinstance(resource, dict) else {}
            if "name" not in value:
                external = value.get("external") is True
                value["name"] = key if external else f"{project}_{key}"
            resources[key] = value
