"""Checks of a merged document that need no types yet."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackyard.compose.errors import Path
    from stackyard.compose.load.context import Context

_SOURCES: Final = {
    "configs": ("file", "environment", "content"),
    "secrets": ("file", "environment"),
}


def check(document: dict[str, Any], context: Context) -> None:
    """Report resources that say two things at once, and addresses that are none."""
    for kind, name, volume in _resources(document, ("volumes",)):
        _external_volume(volume, (kind, name), context)
    for kind, name, resource in _resources(document, ("configs", "secrets")):
        _file_object(resource, _SOURCES[kind], (kind, name), context)
    for _, name, service in _resources(document, ("services",)):
        _service(service, ("services", name), context)


def _resources(
    document: dict[str, Any], kinds: tuple[str, ...]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for kind in kinds:
        section = document.get(kind)
        for name, value in section.items() if isinstance(section, dict) else ():
            if isinstance(value, dict):
                yield kind, name, value


def _external_volume(volume: dict[str, Any], path: Path, context: Context) -> None:
    if not volume.get("external"):
        return
    for key in volume:
        if key not in {"name", "external"} and not key.startswith("x-"):
            context.report(
                f"conflicting parameters external and {key}",
                (*path, key),
                hint="an external volume is described where it was created",
            )


def _file_object(
    resource: dict[str, Any], keys: tuple[str, ...], path: Path, context: Context
) -> None:
    given = [key for key in keys if resource.get(key) is not None]
    if resource.get("external"):
        return
    if len(given) > 1:
        context.report(f"{' and '.join(given)} exclude each other", path)
    elif not given and not _comes_from_elsewhere(resource):
        context.report(f"one of {', '.join(keys)} must be set", path)


def _comes_from_elsewhere(resource: dict[str, Any]) -> bool:
    return any(resource.get(key) for key in ("external", "driver"))


def _service(service: dict[str, Any], path: Path, context: Context) -> None:
    for index, port in enumerate(service.get("ports") or ()):
        _address(port, (*path, "ports", index), context)
    for index, mount in enumerate(service.get("volumes") or ()):
        _bind(mount, (*path, "volumes", index), context)
    deploy = service.get("deploy")
    value: Any = deploy
    for key in ("resources", "reservations", "devices"):
        value = value.get(key) if isinstance(value, dict) else None
    below: Path = (*path, "deploy", "resources", "reservations", "devices")
    for index, device in enumerate(value or ()):
        _device(device, (*below, index), context)
    for index, device in enumerate(service.get("gpus") or ()):
        _device(device, (*path, "gpus", index), context)


def _address(port: Any, path: Path, context: Context) -> None:
    address = port.get("host_ip") if isinstance(port, dict) else None
    if not isinstance(address, str) or not address or "$" in address:
        return
    try:
        ipaddress.ip_address(address)
    except ValueError:
        context.report(f"{address!r} is not an IP address", (*path, "host_ip"))


def _bind(mount: Any, path: Path, context: Context) -> None:
    # What is not resolved is not looked at: the reference finds it on the way.
    if not context.options.resolve_paths or not isinstance(mount, dict):
        return
    if mount.get("type") == "bind" and not mount.get("source"):
        context.report("a bind mount needs a source", path, hint="add source: PATH")


def _device(device: Any, path: Path, context: Context) -> None:
    if isinstance(device, dict) and "count" in device and "device_ids" in device:
        context.report("count and device_ids exclude each other", path)
