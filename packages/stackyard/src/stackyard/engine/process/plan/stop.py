"""`stop`, `down`, `rm`, `start` and `restart`: in the order of dependencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackyard.compose.graph import start_order
from stackyard.engine.process.plan.model import (
    Draft,
    Kind,
    Operation,
    Plan,
    on_container,
)
from stackyard.engine.process.plan.up import RUNNING_OR_HEALTHY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from stackyard.engine.process.containers import Container
    from stackyard.engine.process.plan.model import Observed


def plan_stop(observed: Observed, chosen: Collection[Container]) -> Plan:
    """Stop containers, those that depend on others first."""
    draft = Draft()
    _stop(draft, observed, chosen)
    return draft.plan()


def plan_remove(observed: Observed, chosen: Collection[Container]) -> Plan:
    """Stop containers and remove them."""
    draft = Draft()
    _remove(draft, observed, chosen)
    return draft.plan()


def plan_down(
    observed: Observed,
    chosen: Collection[Container],
    *,
    volumes: Iterable[str] = (),
    networks: Iterable[str] = (),
) -> Plan:
    """Stop and remove containers, then the volumes and networks that are named."""
    draft = Draft()
    removed = _remove(draft, observed, chosen)
    for volume in volumes:
        if volume in observed.volumes:
            step = Operation(kind=Kind.REMOVE_VOLUME, target=volume)
            draft.add(step, removed)
    for network in networks:
        if network in observed.networks:
            step = Operation(kind=Kind.REMOVE_NETWORK, target=network)
            draft.add(step, removed)
    return draft.plan()


def plan_start(
    observed: Observed,
    chosen: Collection[Container],
    conditions: Mapping[str, Mapping[str, str]],
    *,
    wait: bool = False,
) -> Plan:
    """Start containers that do not run; `conditions` are those of `depends_on`.

    With `wait` the plan ends once all of them run or, with a check, are healthy.
    """
    draft = Draft()
    started = _start(draft, observed, chosen, conditions, after={})
    if wait:
        for service in dict.fromkeys(item.service for item in chosen):
            step = _wait(service, RUNNING_OR_HEALTHY)
            draft.add(step, started.get(service, ()))
    return draft.plan()


def plan_restart(
    observed: Observed,
    chosen: Collection[Container],
    conditions: Mapping[str, Mapping[str, str]],
) -> Plan:
    """Stop containers and start them again."""
    draft = Draft()
    stopped = _stop(draft, observed, chosen)
    _start(draft, observed, chosen, conditions, after=stopped)
    return draft.plan()


def _stop(
    draft: Draft, observed: Observed, chosen: Collection[Container]
) -> dict[str, int]:
    """Add the stops; return the step of each container."""
    steps: dict[str, int] = {}
    by_service: dict[str, list[int]] = {}
    services = {container.service for container in chosen}
    dependents = _among(services, _reversed(observed.depends_on))
    for service in _order(dependents, chosen):
        waits = [
            step
            for name in dependents.get(service, ())
            for step in by_service.get(name, [])
        ]
        for container in _of(chosen, service):
            step = on_container(Kind.STOP, container)
            steps[container.id] = draft.add(step, waits)
            by_service.setdefault(service, []).append(steps[container.id])
    return steps


def _remove(
    draft: Draft, observed: Observed, chosen: Collection[Container]
) -> list[int]:
    stopped = _stop(draft, observed, chosen)
    return [
        draft.add(on_container(Kind.REMOVE, container), [stopped[container.id]])
        for container in chosen
    ]


def _start(
    draft: Draft,
    observed: Observed,
    chosen: Collection[Container],
    conditions: Mapping[str, Mapping[str, str]],
    *,
    after: Mapping[str, int],
) -> dict[str, list[int]]:
    """Add the starts; return the steps of each service."""
    started: dict[str, list[int]] = {}
    for service in _order(observed.depends_on, chosen):
        waits = [
            draft.add(_wait(name, condition), started[name])
            for name, condition in conditions.get(service, {}).items()
            if name in started
        ]
        for container in _of(chosen, service):
            stops = [after[container.id]] if container.id in after else []
            if container.up and not stops:
                continue
            step = draft.add(on_container(Kind.START, container), [*waits, *stops])
            started.setdefault(service, []).append(step)
    return started


def _order(
    edges: Mapping[str, Iterable[str]], chosen: Collection[Container]
) -> list[str]:
    services = {container.service for container in chosen}
    known = {name: edges.get(name, ()) for name in services}
    try:
        return [name for wave in start_order(known) for name in wave]
    except ValueError:
        # Orphans of several versions of a file may depend on each other in a circle.
        return sorted(services)


def _of(chosen: Collection[Container], service: str) -> list[Container]:
    mine = [container for container in chosen if container.service == service]
    return sorted(mine, key=lambda container: container.number)


def _reversed(edges: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for source, targets in edges.items():
        for target in targets:
            found.setdefault(target, []).append(source)
    return found


def _among(
    services: Collection[str], edges: Mapping[str, Iterable[str]]
) -> dict[str, list[str]]:
    """Return the edges between some services, also those that lead through others.

    A service without containers still stands between those that depend on it and those
    it depends on.
    """
    found: dict[str, list[str]] = {}
    for service in services:
        seen: set[str] = set()
        ahead = list(edges.get(service, ()))
        while ahead:
            name = ahead.pop()
            if name not in seen and name not in services:
                ahead += edges.get(name, ())
            seen.add(name)
        found[service] = sorted(seen.intersection(services) - {service})
    return found


def _wait(service: str, condition: str) -> Operation:
    return Operation(
        kind=Kind.WAIT, target=service, service=service, condition=condition
    )
