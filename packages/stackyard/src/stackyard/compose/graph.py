"""Who depends on whom: order, cycles, and everything a service needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stackyard.compose.model import Project


def dependencies(project: Project) -> dict[str, tuple[str, ...]]:
    """Return the dependencies of every enabled service, as far as they are enabled."""
    return {
        name: tuple(key for key in service.depends_on if key in project.services)
        for name, service in project.services.items()
    }


def find_cycle(edges: Mapping[str, Iterable[str]]) -> tuple[str, ...] | None:
    """Return a cycle as `(a, b, a)`, or None.

    Depth-first with an explicit stack: a chain may be as long as the project.
    """
    done: set[str] = set()
    for root in sorted(edges):
        if root in done:
            continue
        trail: dict[str, None] = {root: None}
        stack = [iter(sorted(edges.get(root, ())))]
        while stack:
            target = next(stack[-1], None)
            if target is None:
                stack.pop()
                finished, _ = trail.popitem()
                done.add(finished)
            elif target in trail:
                names = list(trail)
                return (*names[names.index(target) :], target)
            elif target not in done:
                trail[target] = None
                stack.append(iter(sorted(edges.get(target, ()))))
    return None


def start_order(edges: Mapping[str, Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    """Return the services in waves: each wave needs only those before it.

    Raises:
        ValueError: there is a cycle.
    """
    waiting = {name: set(needs) & edges.keys() for name, needs in edges.items()}
    waves: list[tuple[str, ...]] = []
    while waiting:
        ready = tuple(sorted(name for name, needs in waiting.items() if not needs))
        if not ready:
            cycle = find_cycle(edges) or ()
            raise ValueError(f"dependency cycle: {' -> '.join(cycle)}")
        waves.append(ready)
        started = set(ready)
        waiting = {
            name: needs - started
            for name, needs in waiting.items()
            if name not in started
        }
    return tuple(waves)


def reachable(edges: Mapping[str, Iterable[str]], roots: Iterable[str]) -> set[str]:
    """Return `roots` and everything they depend on."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(edges.get(name, ()))
    return found
