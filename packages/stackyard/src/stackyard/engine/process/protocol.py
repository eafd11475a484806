"""What the command line and the supervisor say to each other: HTTP over a Unix socket.

POST /commands/NAME   a command of `COMMANDS` as JSON; answers with `Message`s, one
                      a line, as it goes on
GET /containers       a `Snapshot`
GET /events           `Happening`s, one a line, until the client goes; ?since=NS
POST /context         `ContextRequest` -> `Context`: what `exec` needs
POST /members         container id -> pids, the main process first
GET /health           the supervisor's version
"""

from __future__ import annotations

from typing import Final

import msgspec

from stackyard.engine.process.containers import Container
from stackyard.engine.process.plan.options import UpOptions
from stackyard.engine.process.spec import (
    Account,
    Desired,
    Mounted,
    Published,
    ServiceSpec,
)


class Publisher(msgspec.Struct, frozen=True, kw_only=True):
    """A published port of a container."""

    host: str
    port: int
    target: int
    protocol: str
    app_protocol: str = ""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A container and what lists of containers show of its service."""

    container: Container
    image: str
    command: str
    ports: tuple[Publisher, ...] = ()
    exposed: tuple[int, ...] = ()
    mounts: tuple[Mounted, ...] = ()
    networks: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    log: str = ""
    attach: bool = True
    memory: int = 0
    stdin: bool = False


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All containers of a project."""

    project: str
    containers: tuple[Shown, ...]
    working_dir: str = ""
    files: tuple[str, ...] = ()
    supervisor_pid: int = 0
    keeper_pid: int = 0


class UpCommand(UpOptions, frozen=True, kw_only=True):
    """`up`, `create`, `scale`.

    Attributes:
        wait_limit: seconds that `wait` may take.
        grace: seconds between stop signal and SIGKILL, in place of the services'.
        dry_run: only tell the plan.
    """

    desired: Desired
    wait_limit: float | None = None
    grace: float | None = None
    dry_run: bool = False


class DownCommand(msgspec.Struct, frozen=True, kw_only=True):
    """`down`; `services` empty is the whole project."""

    services: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    remove_orphans: bool = False
    volumes: tuple[str, ...] = ()
    grace: float | None = None
    dry_run: bool = False


class ServicesCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command on the containers of some services.

    Attributes:
        services: whose containers; empty is all.
        containers: ids, in place of services.
        grace: seconds between stop signal and SIGKILL.
        signal: of `kill`.
        stop: of `rm`: whether running ones are stopped first.
        wait, wait_limit: of `start`.
        deps: of `restart`: whether those that ask for it are restarted, too.
    """

    services: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    grace: float | None = None
    signal: int = 9
    stop: bool = False
    wait: bool = False
    wait_limit: float | None = None
    deps: bool = True
    dry_run: bool = False


class RunCommand(msgspec.Struct, frozen=True, kw_only=True):
    """`run`: make a one-off container; start it if it is detached."""

    spec: ServiceSpec
    name: str
    start: bool


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error, as it is told to the user."""

    message: str
    hint: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of an answer.

    Attributes:
        id, status, text: of a step, as `docker compose --progress json` prints them.
        plan: of a dry run.
        warning: for the user.
        error: one of possibly several.
        container: id of a container that was made, or of one that ended, with `code`.
        done: the command is over; there are no more messages.
        ends: the supervisor has nothing left to look after, and ends, too.
    """

    id: str = ""
    status: str = ""
    text: str = ""
    plan: str = ""
    warning: str = ""
    error: Problem | None = None
    container: str = ""
    code: int = 0
    done: bool = False
    ends: bool = False


class ContextRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Whose context is asked for, and variables to lie over it."""

    container: str
    environment: dict[str, str] = {}


class Foreground(msgspec.Struct, frozen=True, kw_only=True):
    """A one-off container, and the process it is on the terminal of its user."""

    container: str
    pid: int


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a command beside a container runs with.

    Attributes:
        address, listens: the container's own.
        cgroups: files by which it joins the container's control groups.
        read_only, writable: paths it cannot write to, and exceptions below them.
        hosts: names of services it can reach -> their addresses.
    """

    environment: dict[str, str]
    directory: str
    account: Account | None
    umask: int
    argv: tuple[str, ...]
    mounts: tuple[Mounted, ...]
    published: tuple[Published, ...] = ()
    cgroups: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    address: str = ""
    listens: tuple[int, ...] = ()
    hosts: dict[str, str] = {}


Command = UpCommand | DownCommand | ServicesCommand | RunCommand

COMMANDS: Final[dict[str, type[Command]]] = {
    "up": UpCommand,
    "down": DownCommand,
    "start": ServicesCommand,
    "stop": ServicesCommand,
    "restart": ServicesCommand,
    "kill": ServicesCommand,
    "pause": ServicesCommand,
    "unpause": ServicesCommand,
    "rm": ServicesCommand,
    "wait": ServicesCommand,
    "run": RunCommand,
    "discard": ServicesCommand,
}
PREEMPTING: Final = frozenset({"down", "stop", "kill", "rm"})
"""Commands that end one which is still being carried out."""
UNORDERED: Final = frozenset({"wait", "run", "discard"})
"""Commands that neither wait for others nor keep others waiting.

`discard` removes what ran on somebody's terminal, unless `down` was quicker.
"""
