"""Timestamps: YAML has them, no Compose attribute takes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stackyard.compose.errors import Problem
from stackyard.compose.files.yaml_scalars import Timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackyard.compose.errors import Path


def timestamp_problems(value: Any, path: Path = ()) -> Iterator[Problem]:
    """Yield every timestamp outside of extensions."""
    if isinstance(value, Timestamp):
        yield Problem(f"{value} is a timestamp here", path, hint=f'quote it: "{value}"')
    elif isinstance(value, dict):
        for key, item in value.items():
            if not key.startswith("x-"):
                yield from timestamp_problems(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from timestamp_problems(item, (*path, index))
