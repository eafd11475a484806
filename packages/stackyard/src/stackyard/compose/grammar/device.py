"""The short syntax of devices: `SOURCE[:TARGET[:PERMISSIONS]]`."""

from __future__ import annotations

from stackyard.compose.errors import InvalidValueError

__all__ = ["parse"]

_ALL_PERMISSIONS = "rwm"


def parse(spec: str) -> dict[str, str]:
    """Turn the short syntax into the long one.

    A single part is source and target at once, be it a path or the name of a CDI
    device (`vendor.com/class=name`). Nothing is checked: each part may be empty.
    """
    parts = spec.split(":")
    if len(parts) > 3:
        raise InvalidValueError(
            f'device "{spec}" has too many colons',
            hint="use the long syntax: source, target, permissions",
        )
    source = parts[0]
    target = (parts[1] if len(parts) > 1 else "") or source
    permissions = parts[2] if len(parts) > 2 else _ALL_PERMISSIONS
    return {"source": source, "target": target, "permissions": permissions}
