"""Attributes that have a value even where the file gives none."""

from __future__ import annotations

from typing import Any


def set_defaults(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with implicit values written out; it is changed in place."""
    for service in _mappings(document.get("services")):
        build = service.get("build")
        if isinstance(build, dict):
            build.setdefault("context", ".")
        for secret in _mappings(service.get("secrets")):
            source = secret.get("source")
            secret.setdefault("target", f"/run/secrets/{source}")
        for port in _mappings(service.get("ports")):
            port.setdefault("protocol", "tcp")
            port.setdefault("mode", "ingress")
        for device in _mappings(service.get("gpus")):
            _count(device)
        for device in _mappings(_reserved_devices(service)):
            _count(device)
    return document


def _mappings(value: Any) -> list[dict[str, Any]]:
    items = value.values() if isinstance(value, dict) else value
    if not isinstance(value, (dict, list)):
        return []
    return [item for item in items if isinstance(item, dict)]


def _count(device: dict[str, Any]) -> None:
    if "device_ids" not in device:
        device.setdefault("count", "all")


def _reserved_devices(service: dict[str, Any]) -> Any:
    value: Any = service
    for key in ("deploy", "resources", "reservations", "devices"):
        value = value.get(key) if isinstance(value, dict) else None
    return value
