"""Carrying out a plan: each step as soon as those before it are done."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stackyard.engine.errors import EngineError
from stackyard.engine.process.containers import Container, Health, State
from stackyard.engine.process.plan.model import Kind, Operation, Plan
from stackyard.engine.process.plan.up import RUNNING_OR_HEALTHY
from stackyard.engine.process.spec import COMPLETED, HEALTHY
from stackyard.engine.process.supervisor import directories
from stackyard.engine.process.supervisor.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from stackyard.engine.process.state import ProjectState
    from stackyard.engine.process.supervisor.board import Board
    from stackyard.engine.process.supervisor.containers import Containers


class SkippedError(Exception):
    """A step was not done, since one before it failed."""


@dataclass
class Outcome:
    """What became of a plan."""

    errors: list[EngineError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    """Services of which a replica did not become what was wanted."""


class Executor:
    """Carries out plans for one project."""

    def __init__(
        self,
        state: ProjectState,
        board: Board,
        containers: Containers,
        publish: Callable[[str], Awaitable[None]],
    ) -> None:
        self._state = state
        self._board = board
        self._store = board.store
        self._containers = containers
        self._publish = publish

    async def execute(
        self,
        plan: Plan,
        tell: Callable[[str, str, str], None],
        *,
        grace: float | None = None,
        wait_limit: float | None = None,
    ) -> Outcome:
        """Carry out a plan; what fails does not keep independent steps from being done.

        Args:
            plan: the steps.
            tell: is told of progress.
            grace: seconds between stop signal and SIGKILL, in place of the services'.
            wait_limit: seconds the steps that wait at the end may take.
        """
        run = _Run(self, plan, tell, grace=grace, wait_limit=wait_limit)
        return await run.all()

    # Steps

    async def step(self, operation: Operation, run: _Run) -> None:
        """Do one step."""
        kind = operation.kind
        if kind is Kind.CREATE:
            spec = run.spec(operation.service)
            container = await self._containers.create(
                spec, operation.number, slot=operation.slot
            )
            run.created[operation.service, operation.number] = container.id
        elif kind is Kind.START:
            await self._start(operation, run)
        elif kind is Kind.STOP:
            await self._containers.stop(run.container(operation), run.grace)
        elif kind is Kind.REMOVE:
            await self._remove(run.container(operation), run)
        elif kind is Kind.WAIT:
            await self._await(operation, run)
        elif kind is Kind.PAUSE:
            await asyncio.sleep(operation.seconds)
        elif kind is Kind.PUBLISH:
            await self._publish(operation.service)
        elif kind is Kind.PREPARE:
            await self._prepare(operation, run)
        elif kind is not Kind.KEEP:
            await self._resource(operation)

    async def _remove(self, identifier: str, run: _Run) -> None:
        if self._store.get(identifier) is None:
            return  # a one-off is discarded when it ends: the stop before was its end
        with contextlib.suppress(ActionError):
            await self._containers.stop(identifier, run.grace)
        if self._store.get(identifier) is not None:
            await self._containers.remove(identifier)

    async def _resource(self, operation: Operation) -> None:
        name = operation.target
        if operation.kind is Kind.CREATE_VOLUME:
            directories.make_volume(self._state.root.volume(name))
        elif operation.kind is Kind.RENEW_VOLUME:
            directories.renew_volume(self._state.root, name)
        elif operation.kind is Kind.REMOVE_VOLUME:
            directory = self._state.root.volume(name).parent
            await asyncio.to_thread(shutil.rmtree, directory)
        elif operation.kind is Kind.CREATE_NETWORK:
            self._store.networks.add(name)
            await self._store.flush()
        elif operation.kind is Kind.REMOVE_NETWORK:
            self._store.networks.discard(name)
            await self._store.flush_if_possible()

    async def _start(self, operation: Operation, run: _Run) -> None:
        identifier = run.container(operation)
        try:
            await self._containers.start(identifier)
        except ActionError:
            if operation.replaces not in {"", identifier}:
                await self._go_back(identifier, operation.replaces)
            raise

    async def _go_back(self, fresh: str, old: str) -> None:
        """Let the old replica go on, since the new one does not start."""
        with contextlib.suppress(ActionError):
            await self._containers.stop(fresh)
            await self._containers.remove(fresh)
        with contextlib.suppress(ActionError):
            await self._containers.start(old)

    async def skip(self, operation: Operation) -> None:
        """Let a container go on that was stopped for a step which is not done now."""
        if operation.kind is Kind.START and operation.replaces:
            with contextlib.suppress(ActionError):
                await self._containers.start(operation.replaces)

    async def _prepare(self, operation: Operation, run: _Run) -> None:
        """Run pre_start commands, each in a container of its own, one after another."""
        spec = run.spec(operation.service)
        for number, command in enumerate(spec.pre_start):
            name = f"{self._state.name}-{spec.name}-pre_start-{number + 1}"
            container = await self._containers.create(spec, 0, name=name)
            try:
                end = await self._containers.beside.run(container, command, "pre_start")
            finally:
                await self._containers.remove(container.id)
            if end["code"] != 0:
                raise ActionError(
                    f"pre_start[{number}] of service {spec.name} exited with code "
                    f"{end['code']}: {end.get('output', '').strip()}"
                )

    # Waiting

    async def _await(self, operation: Operation, run: _Run) -> None:
        try:
            await self._wait(operation, run)
            if operation.seconds:
                await self._look_on(run.container(operation), operation.seconds)
        except ActionError:
            if operation.replaces:
                await self._go_back(run.container(operation), operation.replaces)
            raise

    async def _look_on(self, identifier: str, seconds: float) -> None:
        """Watch a replica that is ready.

        Raises:
            ActionError: it ends or becomes unhealthy within the time.
        """

        def failed() -> bool:
            container = self._containers.get(identifier)
            return not container.up or container.health is Health.UNHEALTHY

        try:
            await asyncio.wait_for(self._board.until(failed), seconds)
        except TimeoutError:
            return
        container = self._containers.get(identifier)
        raise self._unhealthy(container) if container.up else self._ended(container)

    async def _wait(self, operation: Operation, run: _Run) -> None:
        def replicas() -> list[Container]:
            if operation.number:
                found = self._store.get(run.container(operation))
                return [found] if found else []
            return [
                item
                for item in self._store.containers
                if item.service == operation.service
                and not item.oneoff
                and item.id not in run.leaving
            ]

        def ready() -> bool:
            return not [
                item for item in replicas() if not self._ready(item, operation, run)
            ]

        try:
            await asyncio.wait_for(self._board.until(ready), run.limit_of(operation))
        except TimeoutError:
            raise self._too_slow(replicas(), run) from None

    def _ready(self, container: Container, operation: Operation, run: _Run) -> bool:
        """Return whether a container fulfils a condition.

        Raises:
            ActionError: it never will.
        """
        condition = operation.condition
        if condition == COMPLETED:
            return self._completed(container)
        if condition not in {HEALTHY, RUNNING_OR_HEALTHY}:
            return True
        if container.state in {State.EXITED, State.DEAD} and container.starts:
            if condition == RUNNING_OR_HEALTHY and run.may_end(container):
                return True
            raise self._ended(container)
        probe = self._store.spec(container).probe
        if probe is None:
            if condition == HEALTHY:
                raise ActionError(
                    "dependency failed to start: container "
                    f"{container.name} has no healthcheck configured",
                    hint=f"add a healthcheck to service {container.service}, or wait "
                    "for service_started",
                )
            return container.state is State.RUNNING
        if container.health is Health.UNHEALTHY:
            raise self._unhealthy(container)
        return container.up and container.health is Health.HEALTHY

    def _completed(self, container: Container) -> bool:
        if container.state is not State.EXITED or not container.starts:
            return False
        if container.exit_code != 0:
            raise ActionError(
                f'service "{container.service}" didn\'t complete successfully: '
                f"exit {container.exit_code}",
                hint=f"see yard logs {container.service}",
            )
        return True

    def _ended(self, container: Container) -> ActionError:
        reason = f": {container.error}" if container.error else ""
        return ActionError(
            f"container {container.name} exited ({container.exit_code}){reason}",
            hint=f"see yard logs {container.service}",
        )

    def _unhealthy(self, container: Container) -> ActionError:
        output = self._containers.probe_output.get(container.id, "")
        told = f": {output}" if output else ""
        return ActionError(
            f"container {container.name} is unhealthy{told}",
            hint=f"see yard logs {container.service}",
        )

    def _too_slow(self, containers: list[Container], run: _Run) -> ActionError:
        names = ", ".join(
            f"{item.name} ({item.health or item.state})"
            for item in containers
            if item.health is not Health.HEALTHY
        )
        return ActionError(
            f"application not healthy after {run.wait_limit:g}s: {names}",
            hint="see yard logs, or give it longer with --wait-timeout",
        )


class _Run:
    """One plan being carried out."""

    def __init__(
        self,
        executor: Executor,
        plan: Plan,
        tell: Callable[[str, str, str], None],
        *,
        grace: float | None,
        wait_limit: float | None,
    ) -> None:
        self._executor = executor
        self._plan = plan
        self._tell = tell
        self.grace = grace
        self.wait_limit = wait_limit
        self.created: dict[tuple[str, int], str] = {}
        # Nobody waits for what is on its way out.
        self.leaving = {
            item.container for item in plan.operations if item.kind is Kind.REMOVE
        }
        self._outcome = Outcome()

    async def all(self) -> Outcome:
        loop = asyncio.get_running_loop()
        done = [loop.create_future() for _ in self._plan.operations]
        async with asyncio.TaskGroup() as tasks:
            for index, operation in enumerate(self._plan.operations):
                tasks.create_task(self._one(operation, done, index))
        return self._outcome

    async def _one(
        self, operation: Operation, done: list[asyncio.Future[bool]], index: int
    ) -> None:
        before = [await done[step] for step in operation.after]
        if not all(before):
            await self._executor.skip(operation)
            done[index].set_result(False)
            return
        words = _WORDS.get(operation.kind)
        name = _shown(operation)
        if words and words[0] != words[1]:
            self._tell(name, "Working", words[0])
        self._tell_each(operation, "Working", "Waiting")
        try:
            await self._executor.step(operation, self)
        except (EngineError, OSError) as error:
            done[index].set_result(self._failed(operation, error))
        else:
            if words:
                self._tell(name, "Done", words[1])
            ready = "Exited" if operation.condition == COMPLETED else "Healthy"
            self._tell_each(operation, "Done", ready)
            done[index].set_result(True)

    def _failed(self, operation: Operation, error: EngineError | OSError) -> bool:
        """Note a failure; return whether the plan goes on as if there were none."""
        if isinstance(error, OSError):
            reason = (error.strerror or str(error)).lower()
            error = ActionError(f"cannot {operation.kind} {operation.target}: {reason}")
        if operation.kind is Kind.WAIT and operation.condition != RUNNING_OR_HEALTHY:
            told = error.message
            if not told.startswith(("dependency", "service")):
                told = f"dependency failed to start: {told}"
            error = ActionError(told, hint=error.hint)
            if not operation.required:
                self._outcome.warnings.append(f"optional {error.message}")
                return True
        elif not operation.required:
            self._outcome.warnings.append(f"{error.message}; the update goes on")
            return True
        self._outcome.failed.add(operation.service)
        self._tell(_shown(operation), "Error", error.message)
        self._outcome.errors.append(error)
        return False

    def _tell_each(self, operation: Operation, status: str, text: str) -> None:
        """Tell of the containers a step waits for, if there is something to await."""
        if operation.kind is not Kind.WAIT:
            return
        store = self._executor._store
        for item in store.containers:
            if item.service != operation.service or item.oneoff:
                continue
            if operation.number and item.id != self.container(operation):
                continue
            if operation.condition in {HEALTHY, COMPLETED} or item.health:
                self._tell(f"Container {item.name}", status, text)

    def spec(self, service: str) -> Any:
        desired = self._executor._store.desired
        assert desired is not None
        return desired.services[service]

    def container(self, operation: Operation) -> str:
        """Return the id of the container a step is about."""
        return operation.container or self.created[operation.service, operation.number]

    def limit_of(self, operation: Operation) -> float | None:
        if operation.condition == RUNNING_OR_HEALTHY and not operation.number:
            return self.wait_limit
        return None

    def may_end(self, container: Container) -> bool:
        """Whether a container that ended is fine: others wait for it to complete."""
        desired = self._executor._store.desired
        return (
            desired is not None
            and container.exit_code == 0
            and any(
                key == container.service and dependency.condition == COMPLETED
                for spec in desired.services.values()
                for key, dependency in spec.depends_on.items()
            )
        )


_WORDS = {
    Kind.CREATE_NETWORK: ("Creating", "Created"),
    Kind.REMOVE_NETWORK: ("Removing", "Removed"),
    Kind.CREATE_VOLUME: ("Creating", "Created"),
    Kind.REMOVE_VOLUME: ("Removing", "Removed"),
    Kind.RENEW_VOLUME: ("Recreating", "Recreated"),
    Kind.CREATE: ("Creating", "Created"),
    Kind.START: ("Starting", "Started"),
    Kind.STOP: ("Stopping", "Stopped"),
    Kind.REMOVE: ("Removing", "Removed"),
    Kind.KEEP: ("Running", "Running"),
}
"""What Docker Compose says while a step is done, and when it is."""


def _shown(operation: Operation) -> str:
    """Return how Compose calls what a step acts on."""
    if operation.kind in {Kind.CREATE_NETWORK, Kind.REMOVE_NETWORK}:
        return f"Network {operation.target}"
    if operation.kind in {Kind.CREATE_VOLUME, Kind.REMOVE_VOLUME, Kind.RENEW_VOLUME}:
        return f"Volume {operation.target}"
    if operation.kind in {Kind.WAIT, Kind.PUBLISH, Kind.PREPARE}:
        return f"Service {operation.target}"
    return f"Container {operation.target}"
