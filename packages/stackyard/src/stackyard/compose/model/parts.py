"""The smaller parts of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stackyard.compose.model.codec import Codec, Form, Model, attribute, encode
from stackyard.compose.model.codecs import (
    BOOLEAN,
    COMMAND,
    DURATION,
    HEALTH_TEST,
    INTEGER,
    MAPPING,
    NATURAL,
    NULLABLE_MAPPING,
    OPTION_LISTS,
    SIZE,
    STRING,
    STRINGS,
    UNQUOTED,
    list_of,
    nested,
    or_nothing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.compose.grammar.duration import Duration
    from stackyard.compose.grammar.size import ByteSize


class Dependency(Model):
    """`services.*.depends_on.*`."""

    condition: str = attribute(STRING)
    """`service_started`, `service_healthy` or `service_completed_successfully`."""
    restart: bool = attribute(BOOLEAN)
    """Whether this service restarts when Compose restarts the dependency."""
    required: bool = attribute(BOOLEAN, always=True)
    """Whether a missing or failing dependency is an error rather than a warning."""


class HealthCheck(Model):
    """`services.*.healthcheck`; None stands for the engine's default."""

    test: tuple[str, ...] = attribute(HEALTH_TEST)
    """`NONE`, or `CMD` or `CMD-SHELL` followed by the command."""
    timeout: Duration | None = attribute(DURATION, optional=True)
    """How long a probe may take; 30 s."""
    interval: Duration | None = attribute(DURATION, optional=True)
    """Time from the end of a probe to the next; 30 s."""
    retries: int | None = attribute(NATURAL, optional=True)
    """Failures in a row that make a service unhealthy; 3."""
    start_period: Duration | None = attribute(DURATION, optional=True)
    """Time after the start in which failures do not count; 0 s."""
    start_interval: Duration | None = attribute(DURATION, optional=True)
    """Time between probes within `start_period`; 5 s."""
    disable: bool = attribute(BOOLEAN)
    """Whether the image's own health check is switched off."""


class Port(Model):
    """`services.*.ports.*`."""

    name: str = attribute(STRING)
    """A name for people."""
    mode: str = attribute(STRING)
    """`host`, or `ingress` for a load-balanced port."""
    host_ip: str = attribute(STRING)
    """Address on the host; empty: the engine's default."""
    target: int = attribute(NATURAL)
    """Port of the container."""
    published: str = attribute(STRING)
    """Port or range on the host; empty: any free port."""
    protocol: str = attribute(STRING)
    """`tcp`, `udp` or `sctp`."""
    app_protocol: str = attribute(STRING)
    """Protocol of the application, such as `http`."""


class Attachment(Model):
    """`services.*.networks.*`: a service on a network."""

    aliases: tuple[str, ...] = attribute(STRINGS)
    """Further host names of the service on this network."""
    driver_opts: Mapping[str, str] = attribute(MAPPING)
    """Options for the network's driver."""
    gw_priority: int = attribute(INTEGER)
    """The network with the highest becomes the default gateway."""
    interface_name: str = attribute(STRING)
    """Name of the network interface in the container."""
    ipv4_address: str = attribute(STRING)
    """Fixed IPv4 address."""
    ipv6_address: str = attribute(STRING)
    """Fixed IPv6 address."""
    link_local_ips: tuple[str, ...] = attribute(STRINGS)
    """Link-local addresses."""
    mac_address: str = attribute(STRING)
    """MAC address on this network."""
    priority: int = attribute(INTEGER)
    """Networks are joined from the highest to the lowest."""


class EnvFile(Model):
    """`services.*.env_file.*`."""

    path: str = attribute(STRING)
    """Path of the file."""
    required: bool = attribute(BOOLEAN, always=True)
    """Whether a missing file is an error."""
    format: str = attribute(STRING)
    """`raw`: nothing is quoted or interpolated; empty: the dotenv grammar."""


def _env_file(value: EnvFile, form: Form) -> Any:
    """In JSON, and so for hashes, a required file is its path alone."""
    return value.path if form is Form.JSON and value.required else encode(value, form)


ENV_FILE: Final = Codec(nested(EnvFile).decode, None, _env_file)


class Logging(Model):
    """`services.*.logging`."""

    driver: str = attribute(STRING)
    """Logging driver."""
    options: Mapping[str, str] = attribute(MAPPING)
    """Options of the driver."""


class Hook(Model):
    """`services.*.post_start.*` and `.pre_stop.*`."""

    command: tuple[str, ...] | None = attribute(COMMAND, optional=True, json_zero=None)
    """The command, as an argument list."""
    user: str = attribute(STRING)
    """Who runs it; empty: the service's user."""
    privileged: bool = attribute(BOOLEAN)
    """Whether it has elevated privileges."""
    working_dir: str = attribute(STRING)
    """Where it runs; empty: the service's directory."""
    environment: Mapping[str, str | None] = attribute(NULLABLE_MAPPING)
    """Its variables besides the service's."""


class Watch(Model):
    """`services.*.develop.watch.*`."""

    path: str = attribute(STRING)
    """File or directory on the host whose changes count."""
    action: str = attribute(STRING)
    """`rebuild`, `restart`, `sync`, `sync+restart` or `sync+exec`."""
    target: str = attribute(STRING)
    """Where changed files go in the container."""
    exec: Hook | None = attribute(or_nothing(Hook), json_zero={"command": None})
    """What runs after a sync."""
    include: tuple[str, ...] = attribute(STRINGS)
    """Patterns of files that count; empty: all."""
    ignore: tuple[str, ...] = attribute(STRINGS)
    """Patterns of files that do not count."""
    initial_sync: bool = attribute(BOOLEAN)
    """Whether files are synchronised once at the start."""


class Develop(Model):
    """`services.*.develop` (Compose Develop Specification)."""

    watch: tuple[Watch, ...] = attribute(list_of(nested(Watch)))
    """What is watched, and what a change does."""


class WeightDevice(Model):
    """`services.*.blkio_config.weight_device.*`."""

    path: str = attribute(STRING, always=True, json_name="Path")
    """Device."""
    weight: int = attribute(UNQUOTED, always=True, json_name="Weight")
    """Share of its bandwidth, 10 to 1000."""


class ThrottleDevice(Model):
    """A rate limit of one device."""

    path: str = attribute(STRING, always=True, json_name="Path")
    """Device."""
    rate: ByteSize = attribute(SIZE, always=True, json_name="Rate")
    """Bytes, or operations, a second."""


class BlockIo(Model):
    """`services.*.blkio_config`."""

    weight: int = attribute(UNQUOTED)
    """Share of block I/O bandwidth, 10 to 1000; 0 is the default."""
    weight_device: tuple[WeightDevice, ...] = attribute(list_of(nested(WeightDevice)))
    """Shares by device."""
    device_read_bps: tuple[ThrottleDevice, ...] = attribute(
        list_of(nested(ThrottleDevice))
    )
    """Bytes read a second, by device."""
    device_read_iops: tuple[ThrottleDevice, ...] = attribute(
        list_of(nested(ThrottleDevice))
    )
    """Reads a second, by device."""
    device_write_bps: tuple[ThrottleDevice, ...] = attribute(
        list_of(nested(ThrottleDevice))
    )
    """Bytes written a second, by device."""
    device_write_iops: tuple[ThrottleDevice, ...] = attribute(
        list_of(nested(ThrottleDevice))
    )
    """Writes a second, by device."""


class CredentialSpec(Model):
    """`services.*.credential_spec`."""

    config: str = attribute(STRING)
    """Key of the config that holds it."""
    file: str = attribute(STRING)
    """Path of the file that holds it."""
    registry: str = attribute(STRING)
    """Registry value that holds it."""


class Device(Model):
    """`services.*.devices.*`."""

    source: str = attribute(STRING)
    """Device of the host, or a CDI name."""
    target: str = attribute(STRING)
    """Path in the container."""
    permissions: str = attribute(STRING)
    """Of `r` read, `w` write, `m` make a node."""


class Provider(Model):
    """`services.*.provider`: an external program that provides the service."""

    type: str = attribute(STRING)
    """Name of the program."""
    options: Mapping[str, tuple[str, ...]] = attribute(OPTION_LISTS)
    """Options passed to it."""


class ServiceModel(Model):
    """`services.*.models.*`."""

    endpoint_var: str = attribute(STRING)
    """Variable that gets the model's endpoint."""
    model_var: str = attribute(STRING)
    """Variable that gets the model's name."""
