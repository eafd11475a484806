"""What services share: networks, volumes, secrets, configs, AI models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackyard.compose.model.codec import Model, attribute
from stackyard.compose.model.codecs import (
    BOOLEAN,
    INTEGER,
    MAPPING,
    STRING,
    STRING_MAP,
    STRINGS,
    list_of,
    nested,
    or_nothing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class IpamPool(Model, extensible=False):
    """`networks.*.ipam.config.*`."""

    subnet: str = attribute(STRING)
    """Subnet, in CIDR notation."""
    gateway: str = attribute(STRING)
    """Gateway of the subnet."""
    ip_range: str = attribute(STRING)
    """Part of the subnet that addresses are taken from."""
    aux_addresses: Mapping[str, str] = attribute(MAPPING)
    """Host names and addresses that are not given out."""


class Ipam(Model):
    """`networks.*.ipam`: how addresses are given out."""

    driver: str = attribute(STRING)
    """IPAM driver."""
    config: tuple[IpamPool, ...] = attribute(list_of(nested(IpamPool)))
    """Subnets."""


class Network(Model):
    """`networks.*`."""

    name: str = attribute(STRING)
    """Name for the engine."""
    driver: str = attribute(STRING)
    """Network driver."""
    driver_opts: Mapping[str, str] = attribute(MAPPING)
    """Options of the driver."""
    ipam: Ipam | None = attribute(or_nothing(Ipam), json_zero={})
    """How addresses are given out."""
    external: bool = attribute(BOOLEAN)
    """Whether it exists already and is not ours to create or remove."""
    internal: bool = attribute(BOOLEAN)
    """Whether it has no way out."""
    attachable: bool = attribute(BOOLEAN)
    """Whether containers outside the project may join."""
    labels: Mapping[str, str] = attribute(MAPPING)
    """Labels."""
    enable_ipv4: bool | None = attribute(BOOLEAN, optional=True)
    """Whether it has IPv4; None: the engine's default."""
    enable_ipv6: bool | None = attribute(BOOLEAN, optional=True)
    """Whether it has IPv6; None: the engine's default."""


class Volume(Model):
    """`volumes.*`."""

    name: str = attribute(STRING)
    """Name for the engine."""
    driver: str = attribute(STRING)
    """Volume driver."""
    driver_opts: Mapping[str, str] = attribute(MAPPING)
    """Options of the driver."""
    external: bool = attribute(BOOLEAN)
    """Whether it exists already and is not ours to create or remove."""
    labels: Mapping[str, str] = attribute(MAPPING)
    """Labels."""


class FileObject(Model):
    """`secrets.*` and `configs.*`."""

    name: str = attribute(STRING)
    """Name for the engine."""
    file: str = attribute(STRING)
    """Path of the file that holds it."""
    environment: str = attribute(STRING)
    """Variable that holds it."""
    content: str = attribute(STRING)
    """The text itself; only for configs."""
    external: bool = attribute(BOOLEAN)
    """Whether it exists already and is not ours to create or remove."""
    labels: Mapping[str, str] = attribute(MAPPING)
    """Labels."""
    driver: str = attribute(STRING)
    """Driver of a secret."""
    driver_opts: Mapping[str, str] = attribute(STRING_MAP)
    """Options of the driver."""
    template_driver: str = attribute(STRING)
    """Driver that fills in a template."""


class AiModel(Model):
    """`models.*`."""

    name: str = attribute(STRING)
    """Name for the engine."""
    model: str = attribute(STRING)
    """OCI artifact of the model."""
    context_size: int = attribute(INTEGER)
    """Size of the context, in tokens."""
    runtime_flags: tuple[str, ...] = attribute(STRINGS)
    """Flags for the inference engine."""
