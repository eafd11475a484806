"""What is done to one container: create, start, stop, kill, pause, remove.

Ends are noticed here too, and answered by the restart policy.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from stackyard.engine.process.cgroups import Cgroups
from stackyard.engine.process.containers import Container, Event, Health, State
from stackyard.engine.process.identity import age_of
from stackyard.engine.process.supervisor import directories, health
from stackyard.engine.process.supervisor.beside import Beside, Ends
from stackyard.engine.process.supervisor.errors import ActionError
from stackyard.engine.process.supervisor.keeper_client import NotStartedError
from stackyard.engine.process.supervisor.policy import restart_delay
from stackyard.engine.process.supervisor.resolve import Resolver
from stackyard.engine.process.supervisor.store import replica_owner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from stackyard.engine.process.spec import ServiceSpec
    from stackyard.engine.process.state import ProjectState
    from stackyard.engine.process.supervisor.board import Board
    from stackyard.engine.process.supervisor.keeper_client import KeeperClient

_SECOND = 1_000_000_000
_AFTER_KILL = 10.0
_DRAIN = 2.0

Task = asyncio.Task[None]


class Containers:
    """The containers of a project, and everything that can be done to one."""

    def __init__(
        self,
        state: ProjectState,
        board: Board,
        keeper: KeeperClient,
        spawn_task: Callable[[Coroutine[Any, Any, None]], Task],
    ) -> None:
        self._state = state
        self._board = board
        self._store = board.store
        self._keeper = keeper
        self._spawn_task = spawn_task
        self.groups = Cgroups(state.mark)
        self._tasks: dict[str, list[Task]] = {}
        self._ends = Ends()
        self.resolver = Resolver(state, self._store)
        self.beside = Beside(self._store, keeper, self.resolver, self._ends)
        self.drain: Callable[[Container, float], Awaitable[None]] = _no_drain
        self.probe_output: dict[str, str] = {}
        self._launches: dict[str, asyncio.Future[None]] = {}
        self._early_ends: dict[str, dict[str, Any]] = {}
        # When each began to run, as time.monotonic() has it: clocks are set.
        self._began: dict[str, float] = {}
        self._stops: Counter[str] = Counter()  # how often each was told to end

    def get(self, identifier: str) -> Container:
        """Return a container.

        Raises:
            ActionError: it was removed meanwhile.
        """
        container = self._store.get(identifier)
        if container is None:
            raise ActionError(f"no such container: {identifier[:12]}")
        return container

    # Creating and removing

    async def create(
        self, spec: ServiceSpec, number: int, *, slot: int = 0, name: str = ""
    ) -> Container:
        """Make a container; nothing runs yet. With a name it is a one-off."""
        identifier = secrets.token_hex(32)
        owner = f"run-{identifier[:12]}" if name else ""
        container = Container(
            id=identifier,
            name=name or spec.container_name.format(number=number),
            service=spec.name,
            number=number,
            spec=self._store.keep_spec(spec),
            config_hash=spec.config_hash,
            content_hash=spec.content_hash,
            address=self._store.address(
                owner or replica_owner(spec.name, number, slot)
            ),
            created_at=time.time_ns(),
            slot=slot,
            oneoff=bool(name),
        )
        self._store.put(container)
        self._board.happened(container, "create", image=spec.image)
        await self._store.flush()
        return container

    async def remove(self, identifier: str) -> None:
        """Forget a container that does not run, with its log and scratch files."""
        container = self.get(identifier)
        if container.up:
            raise ActionError(
                f"cannot remove {container.name}: it is running",
                hint="stop it first, or use --force",
            )
        self._cancel(identifier)
        try:
            await self._keeper.forget([identifier])
        except NotStartedError as error:
            raise ActionError(f"cannot remove {container.name}: {error}") from error
        if self._store.get(identifier) is None:
            return  # who asked for a one-off discards it when it ends, maybe meanwhile
        self.groups.remove(identifier)
        directories.remove(self._state, identifier)
        self._store.drop(identifier)
        self._store.release(f"run-{identifier[:12]}")
        self.probe_output.pop(identifier, None)
        del self._stops[identifier]
        self._board.happened(container, "destroy")
        await self._store.flush_if_possible()

    # Starting

    async def start(self, identifier: str) -> None:
        """Start a container, and run its post_start hooks.

        Raises:
            ActionError: it does not start, or a hook fails.
        """
        container = self.get(identifier)
        if container.up:
            return
        self._cancel(identifier)
        self._board.update(identifier, wanted=True, restarts=0, error="")
        await self._launch_with_hooks(identifier)

    async def _launch_with_hooks(self, identifier: str) -> None:
        await self._launch(identifier)
        container = self.get(identifier)
        for number, hook in enumerate(self._store.spec(container).post_start):
            await self.beside.hook(container, hook, f"post_start[{number}]")

    async def _launch(self, identifier: str) -> None:
        """Start the process. Once begun it is seen through, whoever stops waiting."""
        launch = self._launches.get(identifier)
        if launch is None:
            launch = asyncio.ensure_future(self._launch_now(identifier))
            self._launches[identifier] = launch
            launch.add_done_callback(lambda done: self._launched(identifier, done))
        await asyncio.shield(launch)

    def _launched(self, identifier: str, launch: asyncio.Future[None]) -> None:
        del self._launches[identifier]
        self._early_ends.pop(identifier, None)
        if not launch.cancelled():
            launch.exception()  # nobody may be waiting for it any more

    async def _launch_now(self, identifier: str) -> None:
        container = self.get(identifier)
        spec = self._store.spec(container)
        try:
            await self._store.flush()
            self.prepare(identifier)
            enforced = self.groups.create(identifier, spec.limits)
            order = self.resolver.service(spec, container, enforced)
            reply = await self._keeper.start(order)
        except (NotStartedError, OSError, ActionError) as error:
            self._board.move(
                identifier, Event.START_FAILED, error=str(error), exit_code=127
            )
            raise ActionError(
                f"cannot start {container.name}: {error}", hint=_start_hint(spec, error)
            ) from error
        self._note_start(container, spec, reply)

    async def foreground(self, identifier: str, pid: int) -> None:
        """Take note that a one-off runs: on the terminal of who asked for it.

        Raises:
            ActionError: it does not, or the container was removed meanwhile.
        """
        container = self.get(identifier)
        log = str(self._state.log(identifier))
        try:
            reply = await self._keeper.foreground(
                identifier, pid, log=log, mark=self._state.mark
            )
        except NotStartedError as error:
            raise ActionError(f"cannot start {container.name}: {error}") from error
        self._note_start(container, self._store.spec(container), reply)

    def _note_start(
        self, container: Container, spec: ServiceSpec, reply: dict[str, Any]
    ) -> None:
        identifier = container.id
        self._began[identifier] = time.monotonic()
        container = self._board.move(
            identifier,
            Event.STARTED,
            pid=reply["identity"]["pid"],
            started_at=reply["at"],
            starts=container.starts + 1,
            health=Health.STARTING if spec.probe else Health.NONE,
            oom_killed=False,
        )
        self._board.happened(container, "start")
        self._watch_health(container, at_once=False)
        end = self._early_ends.pop(identifier, None)
        if end is not None and end["identity"] == reply["identity"]:
            self._container_ended(container, end)
        self._save_soon()

    def prepare(self, identifier: str) -> None:
        """Make the directories that a container mounts."""
        container = self.get(identifier)
        spec = self._store.spec(container)
        directories.prepare(self._state, self.resolver, spec, container)

    # Stopping

    async def stop(self, identifier: str, grace: float | None = None) -> None:
        """Stop a container: hooks, its stop signal, and SIGKILL after the grace.

        Raises:
            ActionError: it cannot even be killed.
        """
        self.get(identifier)
        self._stops[identifier] += 1
        self._board.update(identifier, wanted=False)
        launch = self._launches.get(identifier)
        if launch is not None:
            await asyncio.wait([launch])
        container = self.get(identifier)
        spec = self._store.spec(container)
        self._cancel(identifier)
        if container.state is State.RESTARTING:
            self._board.move(identifier, Event.GIVEN_UP)
            self._board.happened(container, "stop")
        if not container.up:
            await self._store.flush_if_possible()
            return
        if container.state is State.PAUSED:
            await self.unpause(identifier)
        for number, hook in enumerate(spec.pre_stop):
            with contextlib.suppress(ActionError):
                await self.beside.hook(container, hook, f"pre_stop[{number}]")
        await self.drain(container, _DRAIN)
        await self._end(container, spec, spec.stop_grace if grace is None else grace)
        self._board.happened(self.get(identifier), "stop")

    async def _end(self, container: Container, spec: ServiceSpec, grace: float) -> None:
        end = self._ends.of(container.id)
        self._board.happened(container, "kill", signal=str(spec.stop_signal))
        await self._keeper.signal(container.id, spec.stop_signal)
        if await _within(end, grace):
            return
        self._board.happened(container, "kill", signal=str(int(signal.SIGKILL)))
        await self._keeper.signal(container.id, signal.SIGKILL, tree=True)
        if not await _within(end, _AFTER_KILL):
            raise ActionError(
                f"cannot stop {container.name}: its process {container.pid} does not "
                "end, not even by SIGKILL",
                hint="it waits for a device or file system (state D in ps); "
                "mend that, and it ends",
            )

    async def kill(self, identifier: str, number: int) -> None:
        """Send a signal to a container's main process.

        Raises:
            ActionError: it does not run.
        """
        container = self.get(identifier)
        if not container.up:
            raise ActionError(f"container {container.name} is not running")
        if number == signal.SIGKILL:
            self._stops[identifier] += 1
            self._board.update(identifier, wanted=False)
        end = self._ends.of(identifier)
        self._board.happened(container, "kill", signal=str(number))
        whole = number == signal.SIGKILL
        await self._keeper.signal(identifier, number, tree=whole)
        if number == signal.SIGKILL:
            await _within(end, _AFTER_KILL)

    async def pause(self, identifier: str) -> None:
        """Stop the scheduling of everything in a container."""
        container = self.get(identifier)
        if container.state is not State.RUNNING:
            raise ActionError(f"container {container.name} is not running")
        await self._keeper.signal(identifier, signal.SIGSTOP, tree=True)
        self._cancel(identifier)
        self._board.happened(self._board.move(identifier, Event.PAUSED), "pause")
        self._save_soon()

    async def unpause(self, identifier: str) -> None:
        """Let a paused container go on."""
        container = self.get(identifier)
        if container.state is not State.PAUSED:
            raise ActionError(f"container {container.name} is not paused")
        await self._keeper.signal(identifier, signal.SIGCONT, tree=True)
        container = self._board.move(identifier, Event.UNPAUSED)
        self._board.happened(container, "unpause")
        self._watch_health(container, at_once=True)
        self._save_soon()

    # Ending

    def ended(self, record: dict[str, Any], **more: Any) -> None:
        """Take note of the end of a process, as the keeper reports it."""
        self._ends.tell({**record, **more})
        container = self._store.get(record["key"])
        if container is not None and container.up:
            self._container_ended(container, record)
        elif record["key"] in self._launches:
            # It ended at once: the keeper's answer to the start is not read yet.
            self._early_ends[record["key"]] = record

    def _container_ended(self, container: Container, record: dict[str, Any]) -> None:
        self._cancel(container.id)
        ran_for = self._ran_for(container, record["exited_at"])
        spec = self._store.spec(container)
        code = record["code"]
        killed_by_kernel = self.groups.out_of_memory(container.id)
        container = self._board.move(
            container.id,
            Event.ENDED,
            exit_code=137 if code is None else code,
            code_known=code is not None,
            finished_at=record["exited_at"],
            health=Health.NONE if spec.probe is None else container.health,
            oom_killed=killed_by_kernel,
            error=_end_reason(spec, container, out_of_memory=killed_by_kernel),
            pid=0,
        )
        if killed_by_kernel:
            self._board.happened(container, "oom")
        self._board.happened(container, "die", exitCode=str(container.exit_code))
        self.groups.remove(container.id)
        self._restart_if_wanted(container, spec, ran_for)
        self._save_soon()

    def _ran_for(self, container: Container, ended_at: int) -> float:
        began = self._began.pop(container.id, None)
        if began is not None:
            return time.monotonic() - began
        # It ended while there was no supervisor: only the keeper's times tell.
        return max(0, ended_at - container.started_at) / _SECOND

    def _restart_if_wanted(
        self, container: Container, spec: ServiceSpec, ran_for: float
    ) -> None:
        if not container.wanted:
            return
        delay = restart_delay(
            spec.restart,
            code=container.exit_code,
            ran_for=ran_for,
            restarts=container.restarts,
        )
        if delay is None:
            return
        restarts = 0 if ran_for >= spec.restart.window else container.restarts
        self._board.move(container.id, Event.WILL_RESTART, restarts=restarts + 1)
        self._task(container.id, self._restart_after(container.id, delay))

    async def _restart_after(self, identifier: str, delay: float) -> None:
        await asyncio.sleep(delay)
        # From here on it is a start, and not cancelled by what ends a wait.
        self._tasks.pop(identifier, None)
        with contextlib.suppress(ActionError):
            await self._launch_with_hooks(identifier)

    # After another supervisor

    def take_over(self, identifier: str, record: dict[str, Any] | None) -> None:
        """Bring a container in line with what its keeper knows."""
        container = self.get(identifier)
        running = record is not None and not record["exited_at"]
        if running and not container.up:
            assert record is not None
            container = self._board.update(
                identifier,
                state=State.RUNNING,
                pid=record["identity"]["pid"],
                started_at=record["started_at"],
                starts=container.starts + 1,
                wanted=True,
            )
        if running:
            self._began[identifier] = time.monotonic() - age_of(container.pid)
            self._watch_health(container, at_once=True)
        elif container.up:
            lost = {"key": identifier, "code": None, "exited_at": time.time_ns()}
            self._container_ended(container, record or lost)
        elif container.state is State.RESTARTING:
            self._task(identifier, self._restart_after(identifier, 0.0))

    # Health

    def _watch_health(self, container: Container, *, at_once: bool) -> None:
        spec = self._store.spec(container)
        probe = spec.probe
        if probe is None or container.state is not State.RUNNING:
            return
        known = container.health
        failures = probe.retries if known is Health.UNHEALTHY else 0
        self._task(
            container.id,
            health.watch(
                probe,
                lambda: self.beside.probe(self.get(container.id)),
                lambda streak, result: self._probed(container.id, streak, result),
                streak=health.Streak(known or Health.STARTING, failures),
                started_at=self._began[container.id],
                at_once=at_once,
            ),
        )

    def _probed(
        self, identifier: str, streak: health.Streak, result: health.Result
    ) -> None:
        container = self.get(identifier)
        if not result.passed:
            self.probe_output[identifier] = _told(result)
        if container.health is streak.health:
            return
        container = self._board.update(identifier, health=streak.health)
        self._board.happened(container, f"health_status: {streak.health}")
        self._save_soon()
        spec = self._store.spec(container)
        if streak.health is Health.UNHEALTHY and spec.restart.unhealthy:
            self._spawn_task(self._restart_unhealthy(identifier)).set_name(identifier)

    async def _restart_unhealthy(self, identifier: str) -> None:
        before = self._stops[identifier]
        with contextlib.suppress(ActionError):
            await self.stop(identifier)
            if self._stops[identifier] == before + 1:  # nobody else ended it meanwhile
                await self.start(identifier)

    # Tasks

    def _task(self, identifier: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.setdefault(identifier, []).append(self._spawn_task(work))

    def _cancel(self, identifier: str) -> None:
        for task in self._tasks.pop(identifier, []):
            task.cancel()

    def _save_soon(self) -> None:
        save = self._spawn_task(self._store.flush_if_possible())
        save.set_name("save")


async def _no_drain(container: Container, seconds: float) -> None:
    """Do nothing: there is no edge."""


async def _within(future: asyncio.Future[dict[str, Any]], seconds: float) -> bool:
    done, _ = await asyncio.wait([future], timeout=seconds)
    return bool(done)


def _told(result: health.Result) -> str:
    if result.timed_out:
        return "the health check took too long"
    return result.output.strip() or f"the health check exited with code {result.code}"


def _start_hint(spec: ServiceSpec, error: Exception) -> str:
    if "no such file" in str(error) and "run" in str(error):
        return (
            f"install {spec.argv[0]}, or name the program that runs natively under "
            f"x-yard.command of service {spec.name}"
        )
    return ""


def _end_reason(spec: ServiceSpec, container: Container, *, out_of_memory: bool) -> str:
    if out_of_memory:
        return (
            f"{container.name} was ended because it used more memory than its limit of "
            f"{spec.limits.memory} bytes (mem_limit or deploy.resources.limits.memory)"
        )
    return ""
