"""What a plan is made from and made of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stackyard.engine.process.containers import Container


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What there is.

    Attributes:
        containers: all of the project, whatever their state.
        depends_on: service -> the services it depended on when it was last brought up.
        volumes, networks: full names of those that exist.
    """

    containers: tuple[Container, ...] = ()
    depends_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    volumes: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()

    def of(self, service: str) -> tuple[Container, ...]:
        """Return the replicas of a service, by number, the oldest first."""
        mine = (
            item
            for item in self.containers
            if item.service == service and not item.oneoff
        )
        return tuple(sorted(mine, key=lambda item: (item.number, item.created_at)))


class Kind(StrEnum):
    """What an operation does."""

    CREATE_NETWORK = "create network"
    REMOVE_NETWORK = "remove network"
    CREATE_VOLUME = "create volume"
    REMOVE_VOLUME = "remove volume"
    RENEW_VOLUME = "renew volume"
    PUBLISH = "publish ports of"
    PREPARE = "run pre_start of"
    CREATE = "create container"
    START = "start container"
    STOP = "stop container"
    REMOVE = "remove container"
    KEEP = "keep container"
    WAIT = "wait for"
    PAUSE = "pause"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One step.

    Attributes:
        target: what it acts on, as a user calls it.
        after: numbers, from 0, of the steps that must have succeeded before.
        container: id of the container that is there already; empty: the one that this
            plan creates for `service` and `number`.
        replaces: id of the container that goes on if this step fails.
        condition, required: of a WAIT.
        seconds: of a PAUSE between two groups of replicas; how long a WAIT looks on
            once a replica is ready (`update_config.monitor`).
    """

    kind: Kind
    target: str
    service: str = ""
    number: int = 0
    container: str = ""
    cause: str = ""
    after: tuple[int, ...] = ()
    replaces: str = ""
    condition: str = ""
    required: bool = True
    slot: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        """Return one line, as `--dry-run` prints it."""
        text = f"{self.kind} {self.target}"
        if self.condition:
            text += f" ({self.condition}{'' if self.required else ', optional'})"
        if self.cause:
            text += f": {self.cause}"
        if self.after:
            text += " | after " + " ".join(str(step + 1) for step in self.after)
        return text


@dataclass(frozen=True)
class Plan:
    """Steps; each comes after all it waits for."""

    operations: tuple[Operation, ...] = ()
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return numbered lines."""
        lines = enumerate(self.operations, 1)
        return "\n".join(f"{number}. {operation}" for number, operation in lines)


class Draft:
    """A plan in the making."""

    def __init__(self) -> None:
        self._operations: list[Operation] = []
        self.warnings: list[str] = []

    def add(self, operation: Operation, after: Iterable[int] = ()) -> int:
        """Add a step and return its number."""
        waits = tuple(sorted(set(after)))
        self._operations.append(replace(operation, after=waits))
        return len(self._operations) - 1

    def plan(self) -> Plan:
        """Return what was drafted."""
        return Plan(tuple(self._operations), tuple(self.warnings))


def on_container(kind: Kind, container: Container, *, cause: str = "") -> Operation:
    """Return a step on a container that is there already."""
    return Operation(
        kind=kind,
        target=container.name,
        service=container.service,
        number=container.number,
        container=container.id,
        cause=cause,
    )
