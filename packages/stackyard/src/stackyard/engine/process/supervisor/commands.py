"""The commands: each makes a plan from what there is, and has it carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stackyard.compose.graph import reachable
from stackyard.engine.errors import EngineError
from stackyard.engine.process.containers import Container, State
from stackyard.engine.process.plan.model import Observed, Plan
from stackyard.engine.process.plan.options import UpOptions
from stackyard.engine.process.plan.stop import (
    plan_down,
    plan_remove,
    plan_restart,
    plan_start,
    plan_stop,
)
from stackyard.engine.process.plan.up import plan_up
from stackyard.engine.process.protocol import (
    DownCommand,
    Message,
    Problem,
    RunCommand,
    ServicesCommand,
    UpCommand,
)
from stackyard.engine.process.supervisor.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stackyard.engine.process.protocol import Command
    from stackyard.engine.process.spec import Desired
    from stackyard.engine.process.state import ProjectState
    from stackyard.engine.process.supervisor.board import Board
    from stackyard.engine.process.supervisor.containers import Containers
    from stackyard.engine.process.supervisor.execute import Executor, Outcome

    Tell = Callable[[Message], None]


class Commands:
    """Carries out commands for one project."""

    def __init__(
        self,
        state: ProjectState,
        board: Board,
        containers: Containers,
        executor: Executor,
    ) -> None:
        self._state = state
        self._board = board
        self._store = board.store
        self._containers = containers
        self._executor = executor

    async def run(self, name: str, command: Command, tell: Tell) -> None:
        """Carry out a command; problems are told, not raised."""
        try:
            if isinstance(command, UpCommand):
                await self._up(command, tell)
            elif isinstance(command, DownCommand):
                await self._down(command, tell)
            elif isinstance(command, RunCommand):
                await self._run(command, tell)
            else:
                await self._on_services(name, command, tell)
        except EngineError as error:
            tell(Message(error=Problem(message=error.message, hint=error.hint)))

    def observed(self) -> Observed:
        """Return what there is."""
        desired = self._store.desired
        depends_on = {
            item.service: tuple(self._store.spec(item).depends_on)
            for item in self._store.containers
        }
        if desired is not None:
            for name, spec in desired.services.items():
                depends_on[name] = tuple(spec.depends_on)
        return Observed(
            containers=self._store.containers,
            depends_on=depends_on,
            volumes=frozenset(self._state.root.volumes()),
            networks=frozenset(self._store.networks),
        )

    # up and down

    async def _up(self, command: UpCommand, tell: Tell) -> None:
        plan = plan_up(self.observed(), command.desired, command)
        self._missing_volumes(command)
        if command.dry_run:
            tell(Message(plan=str(plan)))
            return
        before = self._store.desired
        self._store.keep_desired(command.desired)
        failed = await self._carry_out(
            plan, tell, grace=command.grace, wait_limit=command.wait_limit
        )
        if before is not None:
            await self._roll_back(failed, before, tell)
        self._store.drop_unused_specs()

    async def _roll_back(self, failed: set[str], before: Desired, tell: Tell) -> None:
        """Bring services back to what they were whose update failed and says so."""
        desired = self._store.desired
        assert desired is not None
        services = dict(desired.services)
        back = []
        for name in sorted(failed & before.services.keys() & services.keys()):
            update = services[name].update
            if update and update.rollback and services[name] != before.services[name]:
                services[name] = before.services[name]
                back.append(name)
        if not back:
            return
        for name in back:
            tell(Message(warning=f"the update of service {name} is rolled back"))
        desired = msgspec.structs.replace(desired, services=services)
        options = UpOptions(services=tuple(back), no_deps=True, ignore_orphans=True)
        plan = plan_up(self.observed(), desired, options)
        self._store.keep_desired(desired)
        await self._carry_out(plan, tell)

    def _missing_volumes(self, command: UpCommand) -> None:
        present = set(self._state.root.volumes())
        for volume in command.desired.volumes:
            if volume.external and volume.name not in present:
                raise ActionError(
                    f"external volume {volume.name!r} not found",
                    hint="bring up the project that declares it, or create it: "
                    f"mkdir -p {self._state.root.volume(volume.name)}",
                )

    async def _down(self, command: DownCommand, tell: Tell) -> None:
        desired = self._store.desired
        known = set(command.known) or set(desired.services if desired else ())
        whole = not command.services
        chosen = [
            item
            for item in self._store.containers
            if (whole or item.service in command.services)
            and (command.remove_orphans or item.service in known or item.oneoff)
        ]
        plan = plan_down(
            self.observed(),
            chosen,
            volumes=command.volumes,
            networks=sorted(self._store.networks) if whole else (),
        )
        if command.dry_run:
            tell(Message(plan=str(plan)))
            return
        await self._carry_out(plan, tell, grace=command.grace)

    # Commands on services

    async def _on_services(
        self, name: str, command: ServicesCommand, tell: Tell
    ) -> None:
        chosen = self._chosen(command)
        if name == "wait":
            await self._wait(chosen, tell)
        elif name == "discard":
            for container in chosen:
                await self._containers.remove(container.id)
        elif name in {"kill", "pause", "unpause"}:
            await self._each(name, command, chosen, tell)
        else:
            plan = self._plan(name, command, chosen)
            if command.dry_run:
                tell(Message(plan=str(plan)))
                return
            await self._carry_out(
                plan, tell, grace=command.grace, wait_limit=command.wait_limit
            )

    def _plan(
        self, name: str, command: ServicesCommand, chosen: list[Container]
    ) -> Plan:
        observed = self.observed()
        if name == "stop":
            return plan_stop(observed, chosen)
        if name == "rm":
            stopped = [item for item in chosen if command.stop or not item.up]
            return plan_remove(observed, stopped)
        if name == "start":
            return plan_start(observed, chosen, self._conditions(), wait=command.wait)
        if command.deps:
            chosen = self._with_dependents(chosen)
        return plan_restart(observed, chosen, self._conditions())

    def _chosen(self, command: ServicesCommand) -> list[Container]:
        if command.containers:
            return [self._containers.get(item) for item in command.containers]
        services = set(command.services)
        return [
            item
            for item in self._store.containers
            if (not services or item.service in services) and not item.oneoff
        ]

    def _conditions(self) -> dict[str, dict[str, str]]:
        desired = self._store.desired
        if desired is None:
            return {}
        return {
            name: {key: item.condition for key, item in spec.depends_on.items()}
            for name, spec in desired.services.items()
        }

    def _with_dependents(self, chosen: list[Container]) -> list[Container]:
        """Add the replicas of services that are restarted with these."""
        desired = self._store.desired
        dependents: dict[str, list[str]] = {}
        for name, spec in desired.services.items() if desired else ():
            for key, dependency in spec.depends_on.items():
                if dependency.restart:
                    dependents.setdefault(key, []).append(name)
        names = reachable(dependents, {item.service for item in chosen})
        known = {item.id for item in chosen}
        more = [
            item
            for item in self._store.containers
            if item.service in names and item.up and item.id not in known
        ]
        return [*chosen, *(item for item in more if not item.oneoff)]

    async def _each(
        self,
        name: str,
        command: ServicesCommand,
        chosen: Iterable[Container],
        tell: Tell,
    ) -> None:
        before, words = _EACH[name]
        for container in chosen:
            if container.state is not before:
                continue
            shown = f"Container {container.name}"
            tell(Message(id=shown, status="Working", text=words[0]))
            if name == "kill":
                await self._containers.kill(container.id, command.signal)
            elif name == "pause":
                await self._containers.pause(container.id)
            else:
                await self._containers.unpause(container.id)
            tell(Message(id=shown, status="Done", text=words[1]))

    async def _wait(self, chosen: list[Container], tell: Tell) -> None:
        """Tell of each container as it ends."""
        for container in chosen:
            key = container.id
            await self._board.until(lambda key=key: _over(self._store.get(key)))  # type: ignore[misc]  # the default binds it
            ended = self._store.get(key) or container
            tell(Message(container=key, code=ended.exit_code))

    async def _run(self, command: RunCommand, tell: Tell) -> None:
        container = await self._containers.create(command.spec, 1, name=command.name)
        if command.start:
            await self._containers.start(container.id)
        else:
            self._containers.prepare(container.id)
            self._containers.groups.create(container.id, command.spec.limits)
        tell(Message(container=container.id))

    # Plans

    async def _carry_out(
        self,
        plan: Plan,
        tell: Tell,
        *,
        grace: float | None = None,
        wait_limit: float | None = None,
    ) -> set[str]:
        """Have a plan carried out; return the services of which something failed."""
        for warning in plan.warnings:
            tell(Message(warning=warning))

        def progress(name: str, status: str, text: str) -> None:
            tell(Message(id=name, status=status, text=text))

        outcome: Outcome = await self._executor.execute(
            plan, progress, grace=grace, wait_limit=wait_limit
        )
        for warning in outcome.warnings:
            tell(Message(warning=warning))
        for error in outcome.errors:
            tell(Message(error=Problem(message=error.message, hint=error.hint)))
        return outcome.failed


_EACH = {
    "kill": (State.RUNNING, ("Killing", "Killed")),
    "pause": (State.RUNNING, ("Pausing", "Paused")),
    "unpause": (State.PAUSED, ("Unpausing", "Unpaused")),
}


def _over(container: Container | None) -> bool:
    return container is None or container.state in {State.EXITED, State.DEAD}
