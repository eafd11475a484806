"""One project's supervisor: puts the parts together and orders the commands."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

import msgspec

from stackyard.engine.process import tree
from stackyard.engine.process.durable import replace_file
from stackyard.engine.process.identity import wait_for
from stackyard.engine.process.protocol import (
    COMMANDS,
    PREEMPTING,
    UNORDERED,
    Context,
    ContextRequest,
    Foreground,
    Message,
    Problem,
    Publisher,
    Shown,
    Snapshot,
)
from stackyard.engine.process.sockets import peer_pid
from stackyard.engine.process.supervisor.board import Board
from stackyard.engine.process.supervisor.commands import Commands
from stackyard.engine.process.supervisor.containers import Containers
from stackyard.engine.process.supervisor.execute import Executor
from stackyard.engine.process.supervisor.keeper_client import KeeperClient
from stackyard.engine.process.supervisor.keeper_process import connected
from stackyard.engine.process.supervisor.routes import Routes
from stackyard.engine.process.supervisor.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from stackyard.engine.process.containers import Container
    from stackyard.engine.process.protocol import Command
    from stackyard.engine.process.spawn import Beginning
    from stackyard.engine.process.spec import ServiceSpec
    from stackyard.engine.process.state import ProjectState

_log = logging.getLogger(__name__)


class Supervisor:
    """Everything the supervisor of one project holds."""

    def __init__(
        self,
        state: ProjectState,
        block: int,
        begin_anew: Callable[[], None],
        *,
        keeper: Beginning | None = None,
    ) -> None:
        """Make a supervisor; `keeper` is one that was begun for it, if none ran."""
        self._state = state
        self._goal = state.path / "goal.json"
        self._keeper_beginning = keeper
        self._begin_anew = begin_anew
        self.store = Store(state, block)
        self.board = Board(self.store)
        self.routes = Routes(state, self.store)
        self.ended = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._current: asyncio.Task[None] | None = None
        self._refreshing = False
        self._keeper_pid = 0

    async def run(self, ready: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Take over what runs, call `ready`, and serve until the project is down."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._keeper = self._connect_keeper()
            tasks.create_task(self._keeper.run())
            await asyncio.sleep(0)  # lets it open its stream
            self._assemble()
            await self.routes.attach()
            await self._take_over()
            self.board.on_change = self._refresh_soon
            self.routes.on_lost = self._restore_edge
            self._refresh_soon()
            await ready()
            goal = tasks.create_task(self._finish_goal())
            await self.ended.wait()
            goal.cancel()
            await self._clean_up()

    def _assemble(self) -> None:
        self._containers = Containers(self._state, self.board, self._keeper, self.spawn)
        self._containers.drain = self.routes.drain
        executor = Executor(
            self._state, self.board, self._containers, self.routes.publish
        )
        self._commands = Commands(self._state, self.board, self._containers, executor)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in the background, for as long as the supervisor lives."""
        assert self._tasks is not None
        task = self._tasks.create_task(_survived(work))
        task.add_done_callback(lambda _: work.close())  # it may never have begun
        return task

    # The keeper

    def _connect_keeper(self) -> KeeperClient:
        connection = connected(self._state, self._keeper_beginning)
        self._keeper_pid = peer_pid(connection)
        return KeeperClient(connection, self._heard, self._keeper_lost)

    def _heard(self, event: dict[str, Any]) -> None:
        record = event.pop("record")
        del event["event"]
        self._containers.ended(record, **event)

    def _keeper_lost(self) -> None:
        """Begin anew: whose output nobody reads would soon have to wait."""
        if not self.ended.is_set():
            self._begin_anew()

    async def _take_over(self) -> None:
        records = await self._keeper.records()
        for container in self.store.containers:
            self._containers.take_over(container.id, records.pop(container.id, None))
        for key, record in records.items():
            if not record["exited_at"]:
                await self._keeper.signal(key, signal.SIGKILL, tree=True)

    # Commands

    async def command(
        self, name: str, command: Command, tell: Callable[[Message], None]
    ) -> None:
        """Carry out a command, after or in place of the one before."""
        if name in UNORDERED:
            await self._commands.run(name, command, tell)
            if name == "discard" and self._current is None:
                self._end_if_empty()
            return
        while self._current is not None:
            if name in PREEMPTING:
                self._current.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([self._current])
        self._current = current = self.spawn(self._ordered(name, command, tell))
        try:
            await asyncio.wait([current])
        except asyncio.CancelledError:
            current.cancel()
            raise

    async def _ordered(
        self, name: str, command: Command, tell: Callable[[Message], None]
    ) -> None:
        try:
            self._set_goal(name, command)
            await self._commands.run(name, command, tell)
        except asyncio.CancelledError:
            problem = Problem(message="ended by another command, or by its client")
            tell(Message(error=problem))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            message = f"cannot write the state in {self._state.path}: {reason}"
            tell(Message(error=Problem(message=message, hint="make room, and retry")))
        except Exception as error:  # noqa: BLE001  ours: it ends a command, no service
            _log.exception("%s failed", name)
            hint = f"see {self._state.path}/supervisor.log"
            tell(
                Message(error=Problem(message=f"internal error: {error!r}", hint=hint))
            )
        finally:
            self._current = None
            if self.store.containers or name != "down":
                self._clear_goal()  # of `down` it goes with everything else
        self._end_if_empty()

    def end_if_unused(self) -> None:
        """End if nobody's command brought it up.

        Who looks at a project in the moment in which it goes down starts another one.
        """
        if self._current is None and not self._goal.exists():
            self._end_if_empty()

    def _end_if_empty(self) -> None:
        if not self.store.containers:
            self.ended.set()  # there is nothing left to look after

    # A goal outlives the supervisor: the next one finishes it.

    def _set_goal(self, name: str, command: Command) -> None:
        goal = {"name": name, "command": msgspec.to_builtins(command)}
        try:
            replace_file(self._goal, msgspec.json.encode(goal))
        except OSError:
            # On a full disk things can still be ended: that may be what makes room.
            if name not in PREEMPTING:
                raise

    def _clear_goal(self) -> None:
        self._goal.unlink(missing_ok=True)

    async def _finish_goal(self) -> None:
        try:
            goal = msgspec.json.decode(self._goal.read_bytes())
            kind = COMMANDS[goal["name"]]
            command = msgspec.convert(goal["command"], kind)
        except FileNotFoundError:
            return
        except (msgspec.MsgspecError, KeyError):
            self._clear_goal()
            return
        await self.command(goal["name"], command, lambda _: None)

    # What others see

    def snapshot(self) -> Snapshot:
        """Return all containers."""
        desired = self.store.desired
        return Snapshot(
            project=self._state.name,
            containers=tuple(self._shown(item) for item in self.store.containers),
            working_dir=desired.working_dir if desired else "",
            files=desired.files if desired else (),
            supervisor_pid=os.getpid(),
            keeper_pid=self._keeper_pid,
        )

    def _shown(self, container: Container) -> Shown:
        spec = self.store.spec(container)
        published = self.routes.ports_of(spec) if container.up else []
        return Shown(
            container=container,
            image=spec.image,
            command=spec.shown_command,
            ports=tuple(
                Publisher(
                    host=item.host,
                    port=port,
                    target=item.target,
                    protocol=item.protocol,
                    app_protocol=item.app_protocol,
                )
                for item, port in published
            ),
            exposed=spec.listens,
            mounts=spec.mounts,
            networks=spec.networks,
            labels=spec.labels,
            log=str(self._state.log(container.id)),
            attach=spec.attach,
            memory=spec.limits.memory,
            stdin=spec.stdin or spec.tty,
        )

    def context(self, request: ContextRequest) -> Context:
        """Return what a command beside a container runs with."""
        container = self._containers.get(request.container)
        spec = self.store.spec(container)
        resolver = self._containers.resolver
        seal = resolver.seal(spec, container)
        return Context(
            environment=resolver.client_environment(
                spec, container, request.environment
            ),
            directory=resolver.text(spec.directory, container),
            account=spec.account,
            umask=spec.umask,
            argv=resolver.texts(spec.argv, container),
            mounts=tuple(
                msgspec.structs.replace(
                    item, source=resolver.text(item.source, container)
                )
                for item in spec.mounts
            ),
            published=spec.published,
            cgroups=self._containers.groups.joined(container.id, spec.limits),
            read_only=seal.read_only,
            writable=seal.writable,
            address=container.address,
            listens=spec.listens,
            hosts={name: resolver.address_of(name) for name in self._reachable(spec)},
        )

    def _reachable(self, spec: ServiceSpec) -> list[str]:
        """Return the services that a service shares a network with."""
        desired = self.store.desired
        others = desired.services.values() if desired else ()
        networks = set(spec.networks)
        return [item.name for item in others if networks & set(item.networks)]

    async def foreground(self, started: Foreground) -> None:
        """Take note of a one-off that runs on somebody's terminal."""
        await self._containers.foreground(started.container, started.pid)

    async def members(self, container: str) -> list[int]:
        """Return the pids of a container."""
        return await self._keeper.members(container)

    # The edge

    def _refresh_soon(self) -> None:
        if not self._refreshing and not self.ended.is_set():
            self._refreshing = True
            self.spawn(self._refresh()).set_name("refresh")

    def _restore_edge(self) -> None:
        if not self.ended.is_set():
            self.spawn(self._restored()).set_name("edge")

    async def _restored(self) -> None:
        with contextlib.suppress(Exception):
            await self.routes.restore()

    async def _refresh(self) -> None:
        self._refreshing = False
        with contextlib.suppress(Exception):
            await self.routes.refresh()

    # The end

    async def _clean_up(self) -> None:
        """Leave nothing behind."""
        await self.routes.stop()
        await self._keeper.shut_down()
        await asyncio.to_thread(wait_for, self._keeper_pid)
        for identity, _ in tree.marked(self._state.mark):
            identity.send(signal.SIGKILL)
        # At once, or a next supervisor would find its directory vanish under it.
        path = self._state.path
        path.rename(path.with_name(f".{path.name}.{os.getpid()}"))
        for rest in path.parent.glob(f".{path.name}.*"):
            await asyncio.to_thread(shutil.rmtree, rest, ignore_errors=True)


async def _survived(work: Coroutine[Any, Any, None]) -> None:
    """Do some work in the background; a mistake in it ends nothing else."""
    try:
        await work
    except Exception:  # noqa: BLE001  it is told of here, and nobody else waits for it
        _log.exception("work in the background failed")
