"""What the supervisor runs: a Compose project in native terms.

`compile` makes it from a Project; the supervisor knows nothing of Compose files or
images. A text may hold tokens, which are resolved when a replica starts:

    NUL self NUL          the replica's own address
    NUL scratch NUL       its directory for what need not be kept
    NUL service:NAME NUL  the address of another service of the project

NUL can stand neither in an argument nor in a variable, so no text is mistaken for one.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from stackyard.images.adapter import SELF

__all__ = [
    "SELF",
    "Account",
    "Command",
    "Condition",
    "Dependency",
    "Desired",
    "Limits",
    "Probe",
    "Published",
    "Restart",
    "ServiceSpec",
    "Update",
    "VolumeSpec",
    "digest",
    "service_token",
]

SCRATCH: Final = "\0scratch\0"
Condition = str
STARTED: Final = "service_started"
HEALTHY: Final = "service_healthy"
COMPLETED: Final = "service_completed_successfully"


def service_token(name: str) -> str:
    """Return what stands for a service's address until a replica starts."""
    return f"\0service:{name}\0"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who a process runs as."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command run beside a service: a probe or a hook.

    `environment` lies over the service's; an empty `directory` is the service's, and no
    `account` is the service's account.
    """

    argv: tuple[str, ...]
    environment: dict[str, str] = {}
    directory: str = ""
    account: Account | None = None


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """A health check; times in seconds (facts of Docker's engine)."""

    command: Command
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0
    start_interval: float = 5.0


class Restart(msgspec.Struct, frozen=True, kw_only=True):
    """When a replica that ended is started again.

    Attributes:
        policy: `no`, `always`, `on-failure` or `unless-stopped`.
        attempts: restarts before giving up; 0 is unlimited.
        delay: seconds before a restart; 0: Docker's back-off, 100 ms doubling to 60 s.
        window: seconds a replica must run for the attempts to count afresh.
        unhealthy: whether an unhealthy replica is restarted too.
    """

    policy: str = "no"
    attempts: int = 0
    delay: float = 0.0
    window: float = 10.0
    unhealthy: bool = False


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """What a service waits for before it starts."""

    condition: Condition = STARTED
    required: bool = True
    restart: bool = False


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """Ports on the host; `first` 0 is any free one."""

    target: int
    host: str = "127.0.0.1"
    first: int = 0
    last: int = 0
    protocol: str = "tcp"
    app_protocol: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a replica may use; 0 is unlimited. Memory in bytes, CPUs in cores."""

    memory: int = 0
    cpus: float = 0.0
    pids: int = 0
    rlimits: dict[int, tuple[int, int]] = {}
    oom_score_adj: int | None = None


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """How replicas are replaced: Compose Deploy Specification, `update_config`."""

    parallelism: int = 1
    delay: float = 0.0
    start_first: bool = False
    rollback: bool = False
    go_on: bool = False
    monitor: float = 0.0


class VolumeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A volume of the project; `key` is its name in the file, "" if it has none."""

    name: str
    key: str = ""
    external: bool = False


class Mounted(msgspec.Struct, frozen=True, kw_only=True):
    """One mount: `source` is a directory or file of the host.

    `volume` is the volume's name; empty for a bind mount, `tmpfs` for a scratch
    directory, which is emptied at every start.
    """

    target: str
    source: str
    type: str = "bind"
    volume: str = ""
    read_only: bool = False
    create: bool = True

    @property
    def is_sealed(self) -> bool:
        """Whether it cannot be written; a secret is its owner's alone anyway."""
        return self.read_only and self.type not in {"secret", "config"}


class ServiceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One service, ready to run.

    Attributes:
        argv, environment, directory, account, umask: of its processes.
        shown_command: entrypoint and command as in the file, for `ps`.
        client_environment: variables for exec, probes and hooks, under the service's.
        config_hash: Docker's; a replica with another one is replaced.
        content_hash: of the secrets and configs; the same.
        seals: whether its read-only mounts are enforced; see `mountspace`.
        balanced: whether its name stands for an address that is balanced over replicas.
        listens: ports its replicas listen on.
        pre_start: run once before its first replica starts.
    """

    name: str
    image: str
    argv: tuple[str, ...]
    config_hash: str
    container_name: str = ""
    replicas: int = 1
    content_hash: str = ""
    shown_command: str = ""
    environment: dict[str, str] = {}
    client_environment: dict[str, str] = {}
    directory: str = "/"
    account: Account | None = None
    umask: int = 0o022
    seals: bool = False
    tty: bool = False
    stdin: bool = False
    log_bytes: int = 20 * 1024 * 1024
    log_files: int = 5
    stop_signal: int = 15
    stop_grace: float = 10.0
    restart: Restart = Restart()
    probe: Probe | None = None
    pre_start: tuple[Command, ...] = ()
    post_start: tuple[Command, ...] = ()
    pre_stop: tuple[Command, ...] = ()
    depends_on: dict[str, Dependency] = {}
    published: tuple[Published, ...] = ()
    listens: tuple[int, ...] = ()
    balanced: bool = False
    limits: Limits = Limits()
    update: Update | None = None
    mounts: tuple[Mounted, ...] = ()
    networks: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    attach: bool = True

    @property
    def uses_scratch(self) -> bool:
        """Whether a replica needs a directory of its own."""
        texts = [mount.source for mount in self.mounts] + [*self.environment.values()]
        return any(SCRATCH in text for text in texts)


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """The whole project as its files want it."""

    project: str
    services: dict[str, ServiceSpec]
    volumes: tuple[VolumeSpec, ...] = ()
    networks: tuple[str, ...] = ()
    working_dir: str = ""
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def digest(spec: ServiceSpec) -> str:
    """Return a name for a specification, the same for equal ones."""
    return hashlib.sha256(msgspec.json.encode(spec)).hexdigest()[:32]
