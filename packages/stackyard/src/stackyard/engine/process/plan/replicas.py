"""Which replicas a service keeps, replaces, creates and removes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackyard.engine.process.containers import Container
    from stackyard.engine.process.spec import ServiceSpec


@dataclass(frozen=True, kw_only=True)
class Replica:
    """What happens to one number of a service.

    Attributes:
        wanted: its number; None if it goes.
        keep: the container that stays; None: one is created.
        old: containers that go, the oldest first.
        cause: why one is created.
    """

    name: str
    wanted: int | None
    keep: Container | None = None
    old: tuple[Container, ...] = ()
    cause: str = ""


def choose(
    spec: ServiceSpec, present: Iterable[Container], *, force: bool, never: bool
) -> list[Replica]:
    """Return what happens to each replica; numbers stay as they are.

    When there are too many, those that would be replaced go first, then those with the
    highest numbers (as Docker Compose does).
    """
    by_number: dict[int, list[Container]] = defaultdict(list)
    for container in present:
        by_number[container.number].append(container)
    replicas = [
        _replica(spec, number, tuple(containers), force=force, never=never)
        for number, containers in by_number.items()
    ]
    replicas.sort(key=lambda item: (item.keep is None, item.wanted))
    kept, surplus = replicas[: spec.replicas], replicas[spec.replicas :]
    numbers = {item.wanted for item in kept}
    free = (number for number in count(1) if number not in numbers)
    missing = spec.replicas - len(kept)
    kept += [
        Replica(name=_name(spec, number), wanted=number, cause="is missing")
        for number in islice(free, max(missing, 0))
    ]
    gone = [Replica(name=item.name, wanted=None, old=_all(item)) for item in surplus]
    return sorted(kept, key=lambda item: item.wanted or 0) + gone


def _replica(
    spec: ServiceSpec,
    number: int,
    containers: tuple[Container, ...],
    *,
    force: bool,
    never: bool,
) -> Replica:
    newest = containers[-1]
    cause = "" if never else _cause(spec, newest, force=force)
    name = _name(spec, number)
    if not cause:
        return Replica(name=name, wanted=number, keep=newest, old=containers[:-1])
    return Replica(name=name, wanted=number, old=containers, cause=cause)


def _cause(spec: ServiceSpec, container: Container, *, force: bool) -> str:
    """Return why a container is replaced; empty if it is not."""
    if container.config_hash != spec.config_hash:
        return "its configuration changed"
    if container.content_hash != spec.content_hash:
        return "the content of its secrets or configs changed"
    if force:
        return "recreation was asked for"
    return ""


def _name(spec: ServiceSpec, number: int) -> str:
    return spec.container_name.format(number=number)


def _all(replica: Replica) -> tuple[Container, ...]:
    return (*replica.old, replica.keep) if replica.keep else replica.old
