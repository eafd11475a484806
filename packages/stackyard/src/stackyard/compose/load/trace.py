"""A record of the layers a document was made of, for `yard explain`."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stackyard.compose.errors import Path


@dataclass(frozen=True)
class Layer:
    """What one file contributed, interpolated, before it was merged with others.

    `raw` is the same before interpolation. `kind` is "file", "include" or "base": a
    file that only services of other files extend.
    """

    kind: str
    file: str
    document: dict[str, Any]
    raw: dict[str, Any]
    resets: tuple[Path, ...]


class Trace:
    """Collects layers in the order in which each was laid over the ones before."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.bases: dict[tuple[str, str], tuple[str, str]] = {}
        """(file, service) -> the (file, service) it extends."""

    def add(
        self,
        kind: str,
        file: str,
        *,
        document: dict[str, Any],
        raw: dict[str, Any],
        resets: tuple[Path, ...],
    ) -> None:
        """Add a layer; what is given is copied, as the loader goes on to change it."""
        copies = deepcopy(document), deepcopy(raw)
        self.layers.append(Layer(kind, file, *copies, resets))

    def extends(self, file: str, service: str, base_file: str, base: str) -> None:
        """Note that a service of `file` extends another."""
        self.bases[file, service] = (base_file, base)
