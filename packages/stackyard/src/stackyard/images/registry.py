"""Which adapter speaks for an image: ours by name, then those of other packages."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from stackyard.images.adapter import (
        Adapter,
        AdapterFactory,
        Host,
        ImageReference,
    )

__all__ = ["ENTRY_POINT_GROUP", "find", "is_installed", "known", "nearest"]

ENTRY_POINT_GROUP: Final = "stackyard.images"

_REGISTRY: Final = "docker.io"
_OWN_IMAGES: Final = "stackyard/"

# Modules are named, not imported: a project rarely uses more than two of them.
_OURS: Final = {
    "alpine": "stackyard.images.commands:CommandAdapter",
    "busybox": "stackyard.images.commands:CommandAdapter",
    "debian": "stackyard.images.commands:CommandAdapter",
    "grafana/grafana": "stackyard.images.grafana:GrafanaAdapter",
    "node": "stackyard.images.commands:NodeAdapter",
    "postgres": "stackyard.images.postgres.adapter:PostgresAdapter",
    "prom/prometheus": "stackyard.images.prometheus.adapter:PrometheusAdapter",
    "python": "stackyard.images.commands:PythonAdapter",
    "redis": "stackyard.images.redis:RedisAdapter",
    "stackyard/branchpg": "stackyard.images.branchpg:BranchpgAdapter",
    "stackyard/workspace-api": "stackyard.images.scripts:ScriptAdapter",
    "stackyard/workspace-board": "stackyard.images.scripts:ScriptAdapter",
    "ubuntu": "stackyard.images.commands:CommandAdapter",
    "valkey/valkey": "stackyard.images.redis:RedisAdapter",
}


def find(reference: ImageReference, host: Host) -> Adapter | None:
    """Return the adapter of an image, None where nobody knows it.

    Ours speak for Docker's own registry only; an image of the same name elsewhere may
    be anything. Other packages name theirs `REPOSITORY` or `REGISTRY/REPOSITORY`.
    """
    place = _OURS.get(reference.repository) if _is_dockers(reference) else None
    factory = _load(place) if place else _foreign(reference)
    return factory(reference, host) if factory else None


def is_installed(reference: ImageReference) -> bool:
    """Return whether building an image would only make what is installed here.

    So it is with those of our own packages: they run natively although their service
    has a `build`.
    """
    return _is_dockers(reference) and reference.repository.startswith(_OWN_IMAGES)


def known() -> tuple[str, ...]:
    """Return the repositories that have an adapter, ours and others', sorted."""
    return tuple(sorted({*_OURS, *_entry_points()}))


def nearest(reference: ImageReference) -> tuple[str, ...]:
    """Return up to three known repositories that may have been meant, best first."""
    import difflib  # for an error only

    # The last component counts: bitnami/postgresql means what postgres means.
    names = known()
    component = reference.repository.rpartition("/")[2][:64]
    found = [
        *difflib.get_close_matches(reference.repository[:64], names, n=3),
        *difflib.get_close_matches(component, names, n=3),
    ]
    return tuple(dict.fromkeys(found))[:3]


def _is_dockers(reference: ImageReference) -> bool:
    return reference.registry == _REGISTRY


def _load(place: str) -> AdapterFactory:
    module, _, name = place.partition(":")
    return cast("AdapterFactory", getattr(import_module(module), name))


def _foreign(reference: ImageReference) -> AdapterFactory | None:
    places = _entry_points()
    full = f"{reference.registry}/{reference.repository}"
    name = reference.repository if _is_dockers(reference) else full
    place = places.get(full) or places.get(name)
    return _load(place) if place else None


def _entry_points() -> dict[str, str]:
    # Takes as long as loading a whole project: it reads every installed package.
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
