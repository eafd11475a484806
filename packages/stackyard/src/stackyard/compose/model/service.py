"""One service: Compose Specification, "Services top-level element"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stackyard.compose.model.build import Build
from stackyard.compose.model.codec import Model, attribute
from stackyard.compose.model.codecs import (
    ANYTHING,
    BOOLEAN,
    COMMAND,
    CPUS,
    DURATION,
    EXTRA_HOSTS,
    INTEGER,
    MAPPING,
    NULLABLE_MAPPING,
    NUMBER,
    SIZE,
    STRING,
    STRING_MAP,
    STRINGS,
    list_of,
    map_of,
    nested,
)
from stackyard.compose.model.deploy import Deploy, DeviceRequest
from stackyard.compose.model.mounts import FileMount, Mount
from stackyard.compose.model.parts import (
    ENV_FILE,
    Attachment,
    BlockIo,
    CredentialSpec,
    Dependency,
    Develop,
    Device,
    EnvFile,
    HealthCheck,
    Hook,
    Logging,
    Port,
    Provider,
    ServiceModel,
)
from stackyard.compose.model.ulimit import ULIMIT, Ulimit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.compose.grammar.duration import Duration
    from stackyard.compose.grammar.size import ByteSize


class Service(Model):
    """`services.*`. Texts that are not set are empty, numbers 0, lists empty."""

    name: str = ""
    """Key of the service in the project."""
    profiles: tuple[str, ...] = attribute(STRINGS)
    """Profiles that enable the service; empty: always enabled."""
    annotations: Mapping[str, str] = attribute(MAPPING)
    """Annotations of the containers."""
    attach: bool | None = attribute(BOOLEAN, optional=True)
    """Whether `up` shows its logs; None is yes."""
    build: Build | None = attribute(nested(Build))
    """How its image is built."""
    develop: Develop | None = attribute(nested(Develop))
    """What `watch` does."""
    blkio_config: BlockIo | None = attribute(nested(BlockIo))
    """Block I/O limits."""
    cap_add: tuple[str, ...] = attribute(STRINGS)
    """Capabilities added."""
    cap_drop: tuple[str, ...] = attribute(STRINGS)
    """Capabilities taken away."""
    cgroup_parent: str = attribute(STRING)
    """Parent control group."""
    cgroup: str = attribute(STRING)
    """Control group namespace: `host` or `private`."""
    cpu_count: int = attribute(INTEGER)
    """Usable CPUs."""
    cpu_percent: float = attribute(NUMBER)
    """Usable percentage of the CPUs."""
    cpu_period: int = attribute(INTEGER)
    """CFS period, in microseconds."""
    cpu_quota: int = attribute(INTEGER)
    """CFS quota, in microseconds a period."""
    cpu_rt_period: int = attribute(INTEGER)
    """Real-time period, in microseconds."""
    cpu_rt_runtime: int = attribute(INTEGER)
    """Real-time runtime, in microseconds a period."""
    cpus: float = attribute(CPUS)
    """Cores, possibly fractional."""
    cpuset: str = attribute(STRING)
    """CPUs it may run on, such as `0-3`."""
    cpu_shares: int = attribute(INTEGER)
    """Weight against other services."""
    command: tuple[str, ...] | None = attribute(COMMAND, optional=True, json_zero=None)
    """Arguments in place of the image's; None: the image's own."""
    configs: tuple[FileMount, ...] = attribute(list_of(nested(FileMount)))
    """Configs it can read."""
    container_name: str = attribute(STRING)
    """Fixed name of its only container."""
    credential_spec: CredentialSpec | None = attribute(nested(CredentialSpec))
    """Credential specification of a managed account."""
    depends_on: Mapping[str, Dependency] = attribute(map_of(nested(Dependency)))
    """Services that start before and stop after it."""
    deploy: Deploy | None = attribute(nested(Deploy))
    """Replicas, limits, updates."""
    device_cgroup_rules: tuple[str, ...] = attribute(STRINGS)
    """Device control group rules."""
    devices: tuple[Device, ...] = attribute(list_of(nested(Device)))
    """Devices of the host."""
    dns: tuple[str, ...] = attribute(STRINGS)
    """Name servers."""
    dns_opt: tuple[str, ...] = attribute(STRINGS)
    """Options of the resolver."""
    dns_search: tuple[str, ...] = attribute(STRINGS)
    """Search domains."""
    domainname: str = attribute(STRING)
    """Domain name."""
    entrypoint: tuple[str, ...] | None = attribute(
        COMMAND, optional=True, json_zero=None
    )
    """What runs, before the command's arguments; None: the image's own."""
    provider: Provider | None = attribute(nested(Provider))
    """External program that provides the service."""
    environment: Mapping[str, str | None] = attribute(NULLABLE_MAPPING)
    """Variables; None is unset."""
    env_file: tuple[EnvFile, ...] = attribute(list_of(ENV_FILE))
    """Files with further variables, the later over the earlier."""
    expose: tuple[str, ...] = attribute(STRINGS)
    """Ports for other services."""
    external_links: tuple[str, ...] = attribute(STRINGS)
    """Links to containers outside the project."""
    extra_hosts: Mapping[str, tuple[str, ...]] = attribute(EXTRA_HOSTS)
    """Host names and their addresses."""
    group_add: tuple[str, ...] = attribute(STRINGS)
    """Further groups of the user."""
    gpus: tuple[DeviceRequest, ...] = attribute(list_of(nested(DeviceRequest)))
    """GPUs it may use."""
    hostname: str = attribute(STRING)
    """Host name."""
    healthcheck: HealthCheck | None = attribute(nested(HealthCheck))
    """How its health is found out."""
    image: str = attribute(STRING)
    """Image to run, or name of the image built."""
    init: bool | None = attribute(BOOLEAN, optional=True)
    """Whether an init process reaps zombies; None: the engine's default."""
    ipc: str = attribute(STRING)
    """IPC namespace."""
    isolation: str = attribute(STRING)
    """Isolation technology."""
    labels: Mapping[str, str] = attribute(MAPPING)
    """Labels of the containers."""
    label_file: tuple[str, ...] = attribute(STRINGS)
    """Files with further labels."""
    links: tuple[str, ...] = attribute(STRINGS)
    """Services reachable under further names, as `service[:alias]`."""
    logging: Logging | None = attribute(nested(Logging))
    """Logging driver."""
    mem_limit: ByteSize = attribute(SIZE)
    """Most memory, in bytes."""
    mem_reservation: ByteSize = attribute(SIZE)
    """Memory kept free for it, in bytes."""
    memswap_limit: ByteSize = attribute(SIZE)
    """Most memory and swap together, in bytes; -1 is unlimited."""
    mem_swappiness: ByteSize = attribute(SIZE)
    """Percentage, 0 to 100, of anonymous pages that may be swapped."""
    mac_address: str = attribute(STRING)
    """MAC address."""
    models: Mapping[str, ServiceModel | None] = attribute(
        map_of(nested(ServiceModel), nullable=True)
    )
    """AI models it uses."""
    network_mode: str = attribute(STRING)
    """`none`, `host`, `service:NAME` or `container:NAME`; excludes `networks`."""
    networks: Mapping[str, Attachment | None] = attribute(
        map_of(nested(Attachment), nullable=True)
    )
    """Networks it is on."""
    oom_kill_disable: bool = attribute(BOOLEAN)
    """Whether the kernel may not kill it when memory runs out."""
    oom_score_adj: int = attribute(INTEGER)
    """Preference, -1000 to 1000, to be killed when memory runs out."""
    pid: str = attribute(STRING)
    """PID namespace."""
    pids_limit: int = attribute(INTEGER)
    """Most processes and threads; -1 is unlimited."""
    platform: str = attribute(STRING)
    """Platform to run on, as `os[/arch[/variant]]`."""
    ports: tuple[Port, ...] = attribute(list_of(nested(Port)))
    """Ports on the host."""
    privileged: bool = attribute(BOOLEAN)
    """Whether it has elevated privileges."""
    pull_policy: str = attribute(STRING)
    """When its image is pulled."""
    read_only: bool = attribute(BOOLEAN)
    """Whether its root file system is read-only."""
    restart: str = attribute(STRING)
    """`no`, `always`, `on-failure[:N]` or `unless-stopped`."""
    runtime: str = attribute(STRING)
    """OCI runtime."""
    scale: int | None = attribute(INTEGER, optional=True)
    """How many replicas; None is one."""
    secrets: tuple[FileMount, ...] = attribute(list_of(nested(FileMount)))
    """Secrets it can read."""
    security_opt: tuple[str, ...] = attribute(STRINGS)
    """Options of the labelling scheme."""
    shm_size: ByteSize = attribute(SIZE)
    """Size of /dev/shm, in bytes."""
    stdin_open: bool = attribute(BOOLEAN)
    """Whether standard input stays open."""
    stop_grace_period: Duration | None = attribute(DURATION, optional=True)
    """Time between the stop signal and SIGKILL; 10 s."""
    stop_signal: str = attribute(STRING)
    """Signal that stops it; empty: the image's, or SIGTERM."""
    storage_opt: Mapping[str, str] = attribute(STRING_MAP)
    """Options of the storage driver."""
    sysctls: Mapping[str, str] = attribute(MAPPING)
    """Kernel parameters."""
    tmpfs: tuple[str, ...] = attribute(STRINGS)
    """Paths with a tmpfs, as `path[:options]`."""
    tty: bool = attribute(BOOLEAN)
    """Whether it has a terminal."""
    ulimits: Mapping[str, Ulimit] = attribute(map_of(ULIMIT))
    """Resource limits."""
    use_api_socket: bool = attribute(BOOLEAN)
    """Whether it may talk to the engine."""
    user: str = attribute(STRING)
    """Who runs it, as `user[:group]`."""
    userns_mode: str = attribute(STRING)
    """User namespace."""
    uts: str = attribute(STRING)
    """UTS namespace."""
    volumes: tuple[Mount, ...] = attribute(list_of(nested(Mount)))
    """What it mounts."""
    volumes_from: tuple[str, ...] = attribute(STRINGS)
    """Services or containers whose volumes it mounts too."""
    working_dir: str = attribute(STRING)
    """Where it runs."""
    post_start: tuple[Hook, ...] = attribute(list_of(nested(Hook)))
    """Commands that run in it after its start."""
    pre_stop: tuple[Hook, ...] = attribute(list_of(nested(Hook)))
    """Commands that run in it before it is stopped."""
    extends: Any = attribute(ANYTHING)
    """Only in a service whose base was empty; resolved everywhere else."""

    @property
    def replicas(self) -> int:
        """How many replicas are wanted (`scale`, `deploy.replicas`, or one)."""
        if self.scale is not None:
            return self.scale
        if self.deploy is not None and self.deploy.replicas is not None:
            return self.deploy.replicas
        return 1
