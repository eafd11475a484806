"""What the supervisor knows, in memory and on disk.

Memory is the truth while it lives; the disk is written before anything is done that a
next supervisor must know of. Writes of one moment are joined into one.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeVar

import msgspec

from stackyard.engine.errors import StateError
from stackyard.engine.process.blocks import SIZE
from stackyard.engine.process.containers import Container
from stackyard.engine.process.durable import replace_file
from stackyard.engine.process.spec import Desired, ServiceSpec, digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from stackyard.engine.process.state import ProjectState

T = TypeVar("T")


class Saved(msgspec.Struct, kw_only=True):
    """The file `containers.json`.

    Attributes:
        addresses: what an address was given to -> its number within the block.
        ports: `service/target/protocol/host/index` -> the port it is published on,
            for those the file leaves open.
        networks: full names of those that were created.
    """

    containers: list[Container] = []
    addresses: dict[str, int] = {}
    ports: dict[str, int] = {}
    networks: list[str] = []


class Store:
    """Containers, specifications and addresses of one project."""

    def __init__(self, state: ProjectState, block: int) -> None:
        self._state = state
        self._block = block
        saved = _read(state.path / "containers.json", Saved) or Saved()
        self._containers = {item.id: item for item in saved.containers}
        self._addresses = saved.addresses
        self.ports = saved.ports
        self.networks = set(saved.networks)
        self.desired = _read(state.path / "desired.json", Desired)
        self._specs: dict[str, ServiceSpec] = {}
        self._in_desired = _by_digest(self.desired)
        self._flush: asyncio.Future[None] | None = None

    # Containers

    @property
    def containers(self) -> tuple[Container, ...]:
        """All containers."""
        return tuple(self._containers.values())

    def get(self, identifier: str) -> Container | None:
        """Return the container with this id."""
        return self._containers.get(identifier)

    def put(self, container: Container) -> Container:
        """Remember a container as it is now; `flush` writes it down."""
        self._containers[container.id] = container
        return container

    def drop(self, identifier: str) -> None:
        """Forget a container."""
        self._containers.pop(identifier, None)

    async def flush_if_possible(self) -> None:
        """Write down what is known of an end; a full disk must not keep it from ending.

        What is missing then on the disk is found out again by looking.
        """
        with contextlib.suppress(OSError):
            await self.flush()

    async def flush(self) -> None:
        """Write down what is known; return when it is on the disk."""
        if self._flush is None:
            loop = asyncio.get_running_loop()
            self._flush = loop.create_future()
            loop.call_soon(self._write)
        await asyncio.shield(self._flush)

    def _write(self) -> None:
        future, self._flush = self._flush, None
        assert future is not None
        try:
            self.save()
        except OSError as error:
            future.set_exception(error)
        else:
            future.set_result(None)

    def save(self) -> None:
        """Write down what is known, now."""
        saved = Saved(
            containers=list(self._containers.values()),
            addresses=self._addresses,
            ports=self.ports,
            networks=sorted(self.networks),
        )
        replace_file(self._state.path / "containers.json", msgspec.json.encode(saved))

    # Specifications

    def keep_desired(self, desired: Desired) -> None:
        """Remember the whole project, and the specifications of its services."""
        for spec in self._in_desired.values():
            self._specs[digest(spec)] = spec
        self._in_desired = _by_digest(desired)
        for name in {container.spec for container in self._containers.values()}:
            if name in self._specs:
                self._write_spec(name, self._specs[name])
        replace_file(self._state.path / "desired.json", msgspec.json.encode(desired))
        self.desired = desired

    def keep_spec(self, spec: ServiceSpec) -> str:
        """Remember a specification; return its digest."""
        name = digest(spec)
        self._specs[name] = spec
        self._write_spec(name, spec)
        return name

    def _write_spec(self, name: str, spec: ServiceSpec) -> None:
        """Write down a specification that is not a part of the desired project."""
        path = self._spec_path(name)
        if name not in self._in_desired and not path.exists():
            replace_file(path, msgspec.json.encode(spec))

    def spec(self, container: Container) -> ServiceSpec:
        """Return the specification a container was made from."""
        name = container.spec
        spec = self._specs.get(name) or self._in_desired.get(name)
        if spec is None:
            spec = _read(self._spec_path(name), ServiceSpec)
            if spec is None:
                raise FileNotFoundError(self._spec_path(name))
            self._specs[name] = spec
        return spec

    def drop_unused_specs(self) -> None:
        """Remove specifications that no container was made from."""
        used = {container.spec for container in self._containers.values()}
        for path in (self._state.path / "specs").glob("*.json"):
            if path.stem not in used or path.stem in self._in_desired:
                path.unlink(missing_ok=True)
        for name in self._specs.keys() - used:
            del self._specs[name]

    def _spec_path(self, name: str) -> Path:
        return self._state.path / "specs" / f"{name}.json"

    # Addresses

    def address(self, owner: str) -> str:
        """Return the address of a replica (`web-1`, `web-1+`) or service (`web`)."""
        if owner not in self._addresses:
            lowest = _lowest_free(self._addresses.values())
            if lowest > SIZE:
                raise StateError(
                    f"all {SIZE} addresses of project {self._state.name} are taken",
                    hint="remove one-off containers: yard rm",
                )
            self._addresses[owner] = lowest
        number = (self._block << 12) + self._addresses[owner]
        return f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"

    def release(self, owner: str) -> None:
        """Take back the address of what will not come again."""
        self._addresses.pop(owner, None)


def replica_owner(service: str, number: int, slot: int) -> str:
    """Return who owns a replica's address in `Store.address`."""
    return f"{service}-{number}{'+' if slot else ''}"


def _by_digest(desired: Desired | None) -> dict[str, ServiceSpec]:
    specs = desired.services.values() if desired else ()
    return {digest(spec): spec for spec in specs}


def _lowest_free(taken: Iterable[int]) -> int:
    used = set(taken)
    number = 1
    while number in used:
        number += 1
    return number


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    return msgspec.json.decode(data, type=kind)
