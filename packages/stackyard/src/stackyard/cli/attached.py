"""The foreground of `yard up`: output of the services, and their end with ours.

One loop handles all: messages of the running command, output, ends of containers, and
signals. The first Ctrl+C stops the services of this `up`, the second one kills them.
"""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from stackyard.cli.console import Console
from stackyard.cli.progress import Progress
from stackyard.engine.errors import EngineError
from stackyard.engine.process.logfollow import (
    Ended,
    Follower,
    Found,
    Idle,
    Item,
    Output,
    Posted,
)
from stackyard.engine.process.logview import Window
from stackyard.engine.process.protocol import Message, Problem, ServicesCommand

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.client import Client
    from stackyard.engine.process.protocol import Command, Shown, UpCommand

_INTERRUPTED: Final = 130


@dataclass(frozen=True, kw_only=True)
class Attached:
    """The options of `up` that are about its foreground."""

    services: tuple[str, ...]
    attached: tuple[str, ...]
    attach_dependencies: bool
    silent: tuple[str, ...]
    no_color: bool
    no_log_prefix: bool
    timestamps: bool
    on_exit: bool
    on_failure: bool
    code_from: str
    grace: float | None

    @classmethod
    def of(cls, chosen: dict[str, Any]) -> Attached:
        """Return what was chosen on the command line."""
        same = (
            "services",
            "attached",
            "attach_dependencies",
            "silent",
            "no_color",
            "no_log_prefix",
            "timestamps",
        )
        return cls(
            **{name: chosen[name] for name in same},
            on_exit=chosen["abort_on_container_exit"],
            on_failure=chosen["abort_on_container_failure"],
            code_from=chosen["exit_code_from"] or "",
            grace=chosen["timeout"],
        )


@dataclass(frozen=True)
class _Told:
    """A message of a command that runs in the background; `up` or what stops it."""

    command: str
    message: Message


@dataclass(frozen=True)
class _Signal:
    number: int


class Session:
    """One foreground `up`, from its beginning to its exit code."""

    def __init__(
        self,
        options: GlobalOptions,
        client: Client,
        order: UpCommand,
        attached: Attached,
    ) -> None:
        self._options = options
        self._client = client
        self._order = order
        self._attached = attached
        self._chosen = self._of_this_up()
        self._check()
        self._progress = Progress(options.progress)
        self._console = Console(
            coloured=options.coloured(sys.stdout) and not attached.no_color,
            prefixed=not attached.no_log_prefix,
            stamped=attached.timestamps,
            split=True,
        )
        self._follower = Follower(
            client, self._wanted, Window(), fresh=True, starting=True
        )
        self._announced = False
        self._up_done = False
        self._stopping = 0
        self._stopped = False
        self._code = 0
        self._failed = False

    def run(self) -> int:
        """Return the exit code once everything has ended, or was stopped."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda sent, _: self._follower.post(_Signal(sent)))
        self._in_background("up", self._order)
        for item in self._follower.items():
            if self._handle(item):
                break
        self._console.flush()
        return 1 if self._failed and not self._code else self._code

    # Which services

    def _of_this_up(self) -> set[str]:
        services = self._order.desired.services
        names = list(self._attached.services) or list(services)
        if self._order.no_deps:
            return set(names)
        found: list[str] = []
        while names:
            name = names.pop()
            if name in services and name not in found:
                found.append(name)
                names += services[name].depends_on
        return set(found)

    def _check(self) -> None:
        known = self._order.desired.services
        code_from = self._attached.code_from
        named = (*self._attached.attached, *self._attached.silent, code_from)
        for name in filter(None, named):
            if name not in known:
                raise click.ClickException(f"no such service: {name}")

    def _wanted(self, item: Shown) -> bool:
        return item.container.service in self._chosen and not item.container.oneoff

    def _shown(self, item: Shown) -> bool:
        """Whether a container's output is shown."""
        service, attached = item.container.service, self._attached
        if service in attached.silent:
            return False
        if attached.attached:
            return service in attached.attached
        named = attached.services
        if named and service not in named and not attached.attach_dependencies:
            return False
        return item.attach

    # What happens

    def _handle(self, item: Item) -> bool:
        """Take note of one thing; return whether that was the last."""
        if isinstance(item, Found):
            if self._shown(item.container):
                self._console.add(item.container, self._order.desired.project)
        elif isinstance(item, Output):
            if self._shown(item.container):
                self._announce()
                self._progress.interrupted()
                self._console.output(item.container, item.record)
        elif isinstance(item, Ended):
            self._ended(item)
        elif isinstance(item, Posted):
            return self._posted(item.value)
        elif isinstance(item, Idle):
            self._console.flush()
            return self._over(item.living)
        return False

    def _over(self, living: int) -> bool:
        """Whether there is nothing left to wait for."""
        if self._up_done and not self._failed:
            self._announce()
        over = self._stopped if self._stopping else self._up_done
        return over and not living

    def _announce(self) -> None:
        """Tell, before the first output, whose output will be seen."""
        if self._announced:
            return
        self._announced = True
        self._progress.freeze()
        names = self._console.names()
        click.echo(f"Attaching to {', '.join(names)}", err=True)

    def _ended(self, item: Ended) -> None:
        restarting = " (restarting)" if item.restarting else ""
        if self._shown(item.container):
            self._announce()
            self._progress.interrupted()
            told = f"exited with code {item.code}{restarting}"
            self._console.event(item.container, told)
            self._console.flush()
        if item.restarting:
            return
        attached = self._attached
        mine = item.container.container.service == attached.code_from
        if mine and self._stopping <= 1 and not self._interrupted:
            self._code = item.code
        replaced = item.stopped and not self._up_done
        if self._stopping or replaced:
            return
        if attached.on_exit or (attached.on_failure and item.code):
            if not attached.code_from:
                self._code = item.code
            click.echo("Aborting on container exit...", err=True)
            self._stop()

    @property
    def _interrupted(self) -> bool:
        return self._code == _INTERRUPTED

    def _posted(self, value: object) -> bool:
        if isinstance(value, _Signal):
            return self._signalled()
        assert isinstance(value, _Told)
        if value.command == "up":
            self._told(value.message)
            return self._up_done and self._failed and not self._stopping
        if self._stopping > 1 and value.command == "stop":
            return False  # `kill` has put an end to it
        self._progress.follow([value.message])
        if value.message.done:
            # The ends that it brought about may still be on their way.
            self._stopped = True
            self._follower.look_again()
        return self._stopped and self._progress.failed

    def _told(self, message: Message) -> None:
        if message.error is not None and self._stopping:
            return  # it was ended by the stop
        if message.error is not None:
            self._failed = True
        if message.done:
            self._up_done = True
            self._follower.look_again()
            return
        self._progress.follow([message])

    def _signalled(self) -> bool:
        """Stop at the first signal, kill at the second, and give up at the third."""
        self._code = _INTERRUPTED
        self._progress.freeze()
        if self._stopping == 0:
            click.echo("Gracefully Stopping... press Ctrl+C again to force", err=True)
            self._stop()
        elif self._stopping == 1:
            self._stopping = 2
            self._in_background("kill", ServicesCommand(services=tuple(self._chosen)))
        else:
            return True
        return False

    def _stop(self) -> None:
        self._stopping = 1
        self._progress = Progress(self._options.progress)
        order = ServicesCommand(
            services=tuple(self._chosen), grace=self._attached.grace
        )
        self._in_background("stop", order)

    def _in_background(self, name: str, order: Command) -> None:
        """Have a command carried out; its messages come as items."""

        def work() -> None:
            try:
                for message in self._client.command(name, order):
                    self._follower.post(_Told(name, message))
            except (EngineError, OSError) as error:
                self._follower.post(_Told(name, Message(error=_problem(error))))
                self._follower.post(_Told(name, Message(done=True)))

        threading.Thread(target=work, name=name, daemon=True).start()


def _problem(error: EngineError | OSError) -> Problem:
    if isinstance(error, EngineError):
        return Problem(message=error.message, hint=error.hint)
    return Problem(message=(error.strerror or str(error)).lower())
