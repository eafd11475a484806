"""How a service is spread and replaced: Compose Deploy Specification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackyard.compose.model.codec import Model, attribute
from stackyard.compose.model.codecs import (
    CPUS,
    DEVICE_COUNT,
    DURATION,
    INTEGER,
    MAPPING,
    NUMBER,
    SIZE,
    STRING,
    STRINGS,
    list_of,
    nested,
    or_nothing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.compose.grammar.duration import Duration
    from stackyard.compose.grammar.size import ByteSize


class UpdateConfig(Model):
    """`deploy.update_config` and `deploy.rollback_config`."""

    parallelism: int | None = attribute(INTEGER, optional=True)
    """Replicas replaced at once; 0 is all, None is 1."""
    delay: Duration = attribute(DURATION)
    """Time between groups of replicas."""
    failure_action: str = attribute(STRING)
    """`continue`, `pause` or `rollback`."""
    monitor: Duration = attribute(DURATION)
    """How long a replaced replica is watched for failure."""
    max_failure_ratio: float = attribute(NUMBER)
    """Share of replicas, 0 to 1, that may fail."""
    order: str = attribute(STRING)
    """`stop-first` or `start-first`."""


class DiscreteResource(Model):
    """A countable resource of a user's own kind."""

    kind: str = attribute(STRING)
    """Name of the resource."""
    value: int = attribute(INTEGER)
    """How many of it."""


class GenericResource(Model):
    """`deploy.resources.reservations.generic_resources.*`."""

    discrete_resource_spec: DiscreteResource | None = attribute(
        nested(DiscreteResource)
    )
    """The resource."""


class DeviceRequest(Model, extensible=False):
    """A device reservation, or an entry of `gpus`."""

    capabilities: tuple[str, ...] = attribute(STRINGS)
    """What the device must be able to do, such as `gpu`."""
    driver: str = attribute(STRING)
    """Driver of the device."""
    count: int = attribute(DEVICE_COUNT)
    """How many; -1 is all. Excludes `device_ids`."""
    device_ids: tuple[str, ...] = attribute(STRINGS)
    """Which ones."""
    options: Mapping[str, str] = attribute(MAPPING)
    """Options of the driver."""


class ResourceLimits(Model):
    """`deploy.resources.limits` and `.reservations`."""

    cpus: float = attribute(CPUS)
    """Cores, possibly fractional."""
    memory: ByteSize = attribute(SIZE)
    """Bytes."""
    pids: int = attribute(INTEGER)
    """Processes and threads."""
    devices: tuple[DeviceRequest, ...] = attribute(list_of(nested(DeviceRequest)))
    """Devices; only for reservations."""
    generic_resources: tuple[GenericResource, ...] = attribute(
        list_of(nested(GenericResource))
    )
    """Resources of the user's own kinds; only for reservations."""


class Resources(Model):
    """`deploy.resources`."""

    limits: ResourceLimits | None = attribute(nested(ResourceLimits))
    """What a replica may not exceed."""
    reservations: ResourceLimits | None = attribute(nested(ResourceLimits))
    """What the platform must keep free for a replica."""


class RestartPolicy(Model):
    """`deploy.restart_policy`; it overrides `restart`."""

    condition: str = attribute(STRING)
    """`none`, `on-failure` or `any`."""
    delay: Duration | None = attribute(DURATION, optional=True)
    """Time between restarts."""
    max_attempts: int | None = attribute(INTEGER, optional=True)
    """Restarts before giving up; None is unlimited."""
    window: Duration | None = attribute(DURATION, optional=True)
    """How long a replica must run for its restart to count as a success."""


class PlacementPreference(Model):
    """`deploy.placement.preferences.*`."""

    spread: str = attribute(STRING)
    """Node label over whose values replicas are spread."""


class Placement(Model):
    """`deploy.placement`."""

    constraints: tuple[str, ...] = attribute(STRINGS)
    """Conditions on nodes, such as `node.role==manager`."""
    preferences: tuple[PlacementPreference, ...] = attribute(
        list_of(nested(PlacementPreference))
    )
    """How replicas are spread over nodes."""
    max_replicas_per_node: int = attribute(INTEGER)
    """Most replicas on one node; 0 is unlimited."""


class Deploy(Model):
    """`services.*.deploy`."""

    mode: str = attribute(STRING)
    """`replicated`, `global`, `replicated-job` or `global-job`."""
    replicas: int | None = attribute(INTEGER, optional=True)
    """How many replicas; None is one."""
    labels: Mapping[str, str] = attribute(MAPPING)
    """Labels of the service, not of its containers."""
    update_config: UpdateConfig | None = attribute(nested(UpdateConfig))
    """How replicas are replaced by a newer configuration."""
    rollback_config: UpdateConfig | None = attribute(nested(UpdateConfig))
    """How replicas are replaced when an update is undone."""
    resources: Resources | None = attribute(or_nothing(Resources), json_zero={})
    """Limits and reservations of each replica."""
    restart_policy: RestartPolicy | None = attribute(nested(RestartPolicy))
    """When and how replicas are restarted."""
    placement: Placement | None = attribute(or_nothing(Placement), json_zero={})
    """Where replicas may run."""
    endpoint_mode: str = attribute(STRING)
    """How clients find replicas: `vip` or `dnsrr`."""
