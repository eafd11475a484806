"""`up`, `create` and `scale`: bring what there is to what is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stackyard.compose.graph import reachable, start_order
from stackyard.engine.process.containers import State
from stackyard.engine.process.plan.model import (
    Draft,
    Kind,
    Operation,
    Plan,
    on_container,
)
from stackyard.engine.process.plan.renewal import renewed
from stackyard.engine.process.plan.replicas import Replica, choose

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stackyard.engine.process.containers import Container
    from stackyard.engine.process.plan.model import Observed
    from stackyard.engine.process.plan.options import UpOptions
    from stackyard.engine.process.spec import Desired, ServiceSpec

RUNNING_OR_HEALTHY = "running_or_healthy"


def plan_up(observed: Observed, desired: Desired, options: UpOptions) -> Plan:
    """Return the steps that start what is missing and replace what has changed."""
    return _Up(observed, desired, options).plan()


@dataclass
class _Service:
    """Steps of a service that others wait for."""

    started: list[int] = field(default_factory=list)


class _Up:
    def __init__(
        self, observed: Observed, desired: Desired, options: UpOptions
    ) -> None:
        self._observed = observed
        self._desired = desired
        self._options = options
        self._draft = Draft()
        self._done: dict[str, _Service] = {}
        self._edges = {
            name: tuple(key for key in spec.depends_on if key in desired.services)
            for name, spec in desired.services.items()
        }
        self._selected = self._select()
        self._restarting: dict[str, list[int]] = {}

    def plan(self) -> Plan:
        resources = self._resources()
        self._orphans()
        chosen = {
            name: choose(
                self._desired.services[name],
                self._observed.of(name),
                force=self._forced(name),
                never=self._options.no_recreate,
            )
            for name in self._selected
        }
        self._stop_dependents(chosen)
        for wave in start_order(self._edges):
            for name in wave:
                if name in chosen:
                    self._service(name, chosen[name], resources)
        if self._options.wait:
            for name in self._selected:
                self._wait_at_end(name)
        return self._draft.plan()

    def _select(self) -> list[str]:
        named = self._options.services or tuple(self._desired.services)
        if self._options.no_deps:
            return [name for name in self._desired.services if name in named]
        wanted = reachable(self._edges, named)
        return [name for name in self._desired.services if name in wanted]

    def _forced(self, name: str) -> bool:
        named = not self._options.services or name in self._options.services
        if named:
            return self._options.force_recreate
        return self._options.always_recreate_deps

    def _resources(self) -> list[int]:
        steps = []
        for network in self._desired.networks:
            if network not in self._observed.networks:
                step = Operation(kind=Kind.CREATE_NETWORK, target=network)
                steps.append(self._draft.add(step))
        for volume in self._desired.volumes:
            if not volume.external and volume.name not in self._observed.volumes:
                step = Operation(kind=Kind.CREATE_VOLUME, target=volume.name)
                steps.append(self._draft.add(step))
        return steps

    def _orphans(self) -> None:
        orphans = [
            container
            for container in self._observed.containers
            if container.service not in self._desired.services and not container.oneoff
        ]
        if not orphans or self._options.ignore_orphans:
            return
        if not self._options.remove_orphans:
            names = " ".join(sorted(container.name for container in orphans))
            self._draft.warnings.append(
                f"Found orphan containers ([{names}]) for this project. If you removed "
                "or renamed this service in your compose file, you can run this "
                "command with the --remove-orphans flag to clean it up."
            )
            return
        for container in orphans:
            self._remove(container, "is an orphan")

    def _stop_dependents(self, chosen: dict[str, list[Replica]]) -> None:
        """Stop those that want to be restarted with a service that is replaced.

        They stop before it does, the last in the order of dependencies first.
        """
        order = [name for wave in start_order(self._edges) for name in wave]
        for name in reversed(self._restarted(order, chosen)):
            waits = self._dependents_stopped(name)
            self._restarting[name] = [
                self._stop(replica.keep, waits)
                for replica in chosen.get(name, [])
                if replica.keep is not None and _lives(replica.keep)
            ]

    def _restarted(
        self, order: list[str], chosen: dict[str, list[Replica]]
    ) -> list[str]:
        """Return the services that are restarted with one that is replaced."""
        replaced = {name for name in order if _replaces(chosen.get(name, []))}
        found: list[str] = []
        for name in order:
            if name not in replaced and self._restarts_with(name, {*replaced, *found}):
                found.append(name)
        return found

    def _restarts_with(self, name: str, others: set[str]) -> bool:
        dependencies = self._desired.services[name].depends_on
        return any(
            dependency.restart and key in others
            for key, dependency in dependencies.items()
        )

    def _dependents_stopped(self, name: str) -> list[int]:
        """Return the stops of those that are restarted with a service."""
        return [
            step
            for other, steps in self._restarting.items()
            if self._restarts_with(other, {name})
            for step in steps
        ]

    def _service(self, name: str, replicas: list[Replica], before: list[int]) -> None:
        spec = self._desired.services[name]
        state = self._done.setdefault(name, _Service())
        waits = list(before)
        if not self._options.no_start:
            waits += self._publish(spec, replicas, before)
            waits += self._dependencies(spec, replicas)
            waits += self._prepare(spec, replicas, waits)
        waits += self._renew(spec, replicas, waits)
        groups = _groups(spec, replicas)
        for index, group in enumerate(groups):
            if index and spec.update and spec.update.delay:
                waits = [self._pause(spec, state.started)]
            elif index:
                waits = waits + state.started
            state.started += [
                step
                for replica in group
                for step in self._replica(spec, replica, waits)
            ]

    def _publish(
        self, spec: ServiceSpec, replicas: list[Replica], after: list[int]
    ) -> list[int]:
        if not spec.published or not _starts(replicas):
            return []
        step = Operation(kind=Kind.PUBLISH, target=spec.name, service=spec.name)
        return [self._draft.add(step, after)]

    def _dependencies(self, spec: ServiceSpec, replicas: list[Replica]) -> list[int]:
        """Wait for what a service depends on, if it is to start at all."""
        if self._options.no_deps or not (
            _starts(replicas) or self._restarting.get(spec.name)
        ):
            return []
        return [
            self._draft.add(
                Operation(
                    kind=Kind.WAIT,
                    target=key,
                    service=key,
                    condition=dependency.condition,
                    required=dependency.required,
                ),
                self._done[key].started if key in self._done else (),
            )
            for key, dependency in spec.depends_on.items()
            if key in self._desired.services
        ]

    def _prepare(
        self, spec: ServiceSpec, replicas: list[Replica], after: list[int]
    ) -> list[int]:
        wanted = [item for item in replicas if item.wanted is not None]
        fresh = not any(item.keep is not None and item.keep.starts for item in wanted)
        if not spec.pre_start or not fresh or not wanted:
            return []
        step = Operation(kind=Kind.PREPARE, target=spec.name, service=spec.name)
        return [self._draft.add(step, after)]

    def _renew(
        self, spec: ServiceSpec, replicas: list[Replica], after: list[int]
    ) -> list[int]:
        """Give a service new volumes in place of unnamed ones; nothing uses the old."""
        names = renewed(spec, replicas, desired=self._desired, observed=self._observed)
        if not self._options.renew_volumes or not names:
            return []
        old = [item for replica in replicas for item in replica.old if _lives(item)]
        stops = [self._stop(item, after) for item in old]
        steps = [Operation(kind=Kind.RENEW_VOLUME, target=name) for name in names]
        return [self._draft.add(step, [*after, *stops]) for step in steps]

    def _pause(self, spec: ServiceSpec, after: Iterable[int]) -> int:
        assert spec.update is not None
        delay = spec.update.delay
        step = Operation(kind=Kind.PAUSE, target=f"{delay:g}s", seconds=delay)
        return self._draft.add(step, after)

    def _replica(
        self, spec: ServiceSpec, replica: Replica, waits: list[int]
    ) -> list[int]:
        """Add the steps of one replica; return those that make it run."""
        if replica.wanted is None:
            for obsolete in replica.old:
                self._remove(obsolete, "is one too many")
            return []
        if replica.keep is not None:
            return self._kept(spec, replica, waits)
        return self._created(spec, replica, waits)

    def _kept(self, spec: ServiceSpec, replica: Replica, waits: list[int]) -> list[int]:
        keep = replica.keep
        assert keep is not None
        stops = self._restarting.get(spec.name, [])
        if _lives(keep):
            if not stops:
                step = _container(Kind.KEEP, spec, replica, container=keep.id)
                steps = [self._draft.add(step)]
            elif self._options.no_start:
                steps = []
            else:
                step = _container(
                    Kind.START, spec, replica, container=keep.id, replaces=keep.id
                )
                steps = [self._draft.add(step, [*waits, *stops])]
        elif self._options.no_start:
            steps = []
        else:
            return self._started(spec, replica, keep.slot, waits, container=keep.id)
        old = [item for item in replica.old if _lives(item)]
        if steps and old:
            steps = [self._await_replica(spec, replica, steps, keep.id)]
        for obsolete in replica.old:
            self._remove(obsolete, "was replaced", steps)
        return steps

    def _created(
        self, spec: ServiceSpec, replica: Replica, waits: list[int]
    ) -> list[int]:
        old = [item for item in replica.old if _lives(item)]
        first = bool(spec.update and spec.update.start_first and old)
        slot = 1 - old[-1].slot if first else (old[-1].slot if old else 0)
        create = self._draft.add(
            _container(Kind.CREATE, spec, replica, cause=replica.cause, slot=slot),
            waits,
        )
        if self._options.no_start:
            for obsolete in replica.old:
                self._remove(obsolete, "was replaced", [create])
            return [create]
        return self._started(spec, replica, slot, [create, *waits])

    def _started(
        self,
        spec: ServiceSpec,
        replica: Replica,
        slot: int,
        waits: list[int],
        *,
        container: str = "",
    ) -> list[int]:
        """Add the start of a replica, and the end of those it takes the place of.

        Those that have the same address are stopped before. While another goes on, it
        is removed only once the new one runs and, with a health check, is healthy.
        """
        old = [item for item in replica.old if _lives(item)]
        before = self._dependents_stopped(spec.name)
        stops = [
            self._stop(item, [*waits, *before]) for item in old if item.slot == slot
        ]
        step = _container(
            Kind.START,
            spec,
            replica,
            container=container,
            replaces=old[-1].id if old else "",
        )
        ready = [self._draft.add(step, [*waits, *stops])]
        if old and (len(stops) < len(old) or spec.update is not None):
            ready = [self._await_replica(spec, replica, ready, container)]
        for obsolete in replica.old:
            self._remove(obsolete, "was replaced", [*ready, *before])
        return ready

    def _await_replica(
        self, spec: ServiceSpec, replica: Replica, after: list[int], container: str
    ) -> int:
        old = [item for item in replica.old if _lives(item)]
        update = spec.update
        goes_on = bool(update and update.go_on)
        first = bool(update is None or update.start_first)
        step = _container(
            Kind.WAIT,
            spec,
            replica,
            container=container,
            condition=RUNNING_OR_HEALTHY,
            required=not goes_on,
            seconds=update.monitor if update else 0.0,
            replaces=old[-1].id if first and not goes_on else "",
        )
        return self._draft.add(step, after)

    def _wait_at_end(self, name: str) -> None:
        step = Operation(
            kind=Kind.WAIT, target=name, service=name, condition=RUNNING_OR_HEALTHY
        )
        self._draft.add(step, self._done[name].started if name in self._done else ())

    def _stop(self, container: Container, after: Iterable[int] = ()) -> int:
        return self._draft.add(on_container(Kind.STOP, container), after)

    def _remove(
        self, container: Container, cause: str, after: Iterable[int] = ()
    ) -> None:
        stop = self._stop(container, after)
        self._draft.add(on_container(Kind.REMOVE, container, cause=cause), [stop])


def _container(
    kind: Kind, spec: ServiceSpec, replica: Replica, **more: object
) -> Operation:
    assert replica.wanted is not None
    return Operation(
        kind=kind,
        target=replica.name,
        service=spec.name,
        number=replica.wanted,
        **more,  # type: ignore[arg-type]  # checked by the callers in this module
    )


def _lives(container: Container) -> bool:
    """Whether it runs, or will again without anybody's doing."""
    return container.up or container.state is State.RESTARTING


def _starts(replicas: list[Replica]) -> bool:
    return any(
        item.wanted is not None and (item.keep is None or not _lives(item.keep))
        for item in replicas
    )


def _replaces(replicas: list[Replica]) -> bool:
    """Whether a replica that goes on gets another container."""
    return any(item.wanted is not None and item.old for item in replicas)


def _groups(spec: ServiceSpec, replicas: list[Replica]) -> list[list[Replica]]:
    """Return replicas that are replaced together: all, or as `update_config` says."""
    changed = [item for item in replicas if item.wanted is not None and item.old]
    size = spec.update.parallelism if spec.update else 0
    if not size or len(changed) <= size:
        return [replicas]
    rest = [item for item in replicas if item not in changed]
    parts = [changed[at : at + size] for at in range(0, len(changed), size)]
    return [rest + parts[0], *parts[1:]]
