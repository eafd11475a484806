"""The containers as everyone sees them: one place changes them, everyone can wait."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from stackyard.engine.process.containers import Container, Event, Health, after

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from stackyard.engine.process.supervisor.store import Store

_REMEMBERED = 10_000


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `yard events`; `at` is nanoseconds since the epoch."""

    at: int
    action: str
    container: str
    service: str
    name: str
    attributes: dict[str, str] = {}
    number: int = 0


class Board:
    """Changes containers, tells what happened, and wakes those who wait."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._changed = asyncio.Event()
        self._history: deque[Happening] = deque(maxlen=_REMEMBERED)
        self._happened = 0
        self.on_change: Callable[[], None] = lambda: None

    def update(self, identifier: str, **values: Any) -> Container:
        """Change what is known of a container."""
        container = self.store.get(identifier)
        assert container is not None
        changed = msgspec.structs.replace(container, **values)
        self.store.put(changed)
        self.changed()
        return changed

    def move(self, identifier: str, event: Event, **values: Any) -> Container:
        """Let an event change the state of a container (`containers.TRANSITIONS`)."""
        container = self.store.get(identifier)
        assert container is not None
        return self.update(identifier, state=after(container.state, event), **values)

    def changed(self) -> None:
        """Wake everyone who waits."""
        event, self._changed = self._changed, asyncio.Event()
        event.set()
        self.on_change()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once the condition holds; it is looked at after every change."""
        while not condition():
            await self._changed.wait()

    def happened(self, container: Container, action: str, **attributes: str) -> None:
        """Tell what happened to a container."""
        self._happened += 1
        self._history.append(
            Happening(
                at=time.time_ns(),
                action=action,
                container=container.id,
                service=container.service,
                name=container.name,
                attributes=attributes,
                number=self._happened,
            )
        )
        self.changed()

    async def happenings(self, since: int) -> AsyncIterator[Happening]:
        """Yield what happened since a time, and then what happens."""
        seen = 0
        while True:
            changed = self._changed
            fresh = [item for item in self.history(since) if item.number > seen]
            for item in fresh:
                seen = item.number
                yield item
            if not fresh:
                await changed.wait()

    def history(self, since: int) -> list[Happening]:
        """Return what happened since a time, as far as it is remembered."""
        return [item for item in self._history if item.at >= since]


def shown_health(container: Container) -> str:
    """Return how `ps` shows the health, in parentheses; empty without a check."""
    if container.health is Health.NONE:
        return ""
    if container.health is Health.STARTING:
        return "health: starting"
    return str(container.health)
