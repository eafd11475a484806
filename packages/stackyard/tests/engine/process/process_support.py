"""Waiting, and making what the tests of the engine compare."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from stackyard.engine.process.containers import Container, State
from stackyard.engine.process.plan.model import Observed
from stackyard.engine.process.spec import Dependency, Desired, ServiceSpec

if TYPE_CHECKING:
    from collections.abc import Callable


def eventually(
    condition: Callable[[], object], deadline: float = 20.0, *, what: str = ""
) -> Any:
    """Return what the condition gives once it is true; fail after some seconds."""
    pause = threading.Event()
    end = time.monotonic() + deadline
    while not (found := condition()):
        assert time.monotonic() < end, f"in vain: {what or condition}"
        pause.wait(0.01)
    return found


def service(name: str, *needs: str, version: str = "1", **more: Any) -> ServiceSpec:
    """A service that depends on others; `version` stands for its configuration."""
    depends_on = more.pop("depends_on", {}) | {need: Dependency() for need in needs}
    return ServiceSpec(
        name=name,
        image="any",
        argv=("run",),
        config_hash=version,
        container_name=f"p-{name}-{{number}}",
        depends_on=depends_on,
        **more,
    )


def desired(*services: ServiceSpec, **more: Any) -> Desired:
    return Desired(project="p", services={item.name: item for item in services}, **more)


def container(
    name: str, number: int = 1, *, version: str = "1", age: int = 0, **more: Any
) -> Container:
    """A running replica; each higher `age` is a younger one."""
    state = more.pop("state", State.RUNNING)
    return Container(
        id=more.pop("id", f"{name}-{number}-{age}"),
        name=f"p-{name}-{number}",
        service=name,
        number=number,
        spec="spec",
        config_hash=version,
        content_hash=more.pop("content", ""),
        address="127.1.0.1",
        created_at=age,
        state=state,
        starts=int(state is not State.CREATED),
        wanted=state is State.RUNNING,
        **more,
    )


def observed(*containers: Container, **more: Any) -> Observed:
    return Observed(containers=containers, **more)
