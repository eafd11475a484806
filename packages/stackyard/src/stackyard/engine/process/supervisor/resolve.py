"""From a specification to what the keeper starts: tokens become addresses."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from stackyard.engine.process.keeper.order import MARK, Account, Order
from stackyard.engine.process.seal import Seal
from stackyard.engine.process.supervisor.store import replica_owner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.engine.process.cgroups import Enforced
    from stackyard.engine.process.containers import Container
    from stackyard.engine.process.spec import Command, ServiceSpec
    from stackyard.engine.process.state import ProjectState
    from stackyard.engine.process.supervisor.store import Store

_TOKEN = re.compile("\0(self|scratch|service:([^\0]*))\0")
_CAPTURED = 4096
_SYSTEM = ("/dev", "/proc", "/run", "/sys", "/tmp", "/var/tmp")


class Resolver:
    """Fills in what is known only when a replica starts."""

    def __init__(self, state: ProjectState, store: Store) -> None:
        self._state = state
        self._store = store

    def service(
        self, spec: ServiceSpec, container: Container, enforced: Enforced
    ) -> Order:
        """Return the order for a replica's main process."""
        seal = self.seal(spec, container)
        return Order(
            key=container.id,
            argv=self.texts(spec.argv, container),
            environment=self.environment(spec, container),
            directory=self.text(spec.directory, container),
            account=_account(spec),
            umask=spec.umask,
            rlimits={**enforced.rlimits, **spec.limits.rlimits},
            oom_score_adj=spec.limits.oom_score_adj,
            cgroups=enforced.joins,
            cpus=enforced.cpus,
            read_only=seal.read_only,
            writable=seal.writable,
            tty=spec.tty,
            stdin=spec.stdin,
            log=str(self._state.log(container.id)),
            log_bytes=spec.log_bytes,
            log_files=spec.log_files,
        )

    def command(
        self,
        key: str,
        command: Command,
        spec: ServiceSpec,
        container: Container,
        *,
        timeout: float = 0.0,
    ) -> Order:
        """Return the order for a probe or a hook of a replica."""
        seal = self.seal(spec, container)
        return Order(
            key=key,
            argv=self.texts(command.argv, container),
            environment=self.client_environment(spec, container, command.environment),
            directory=self.text(command.directory or spec.directory, container),
            account=_account(command) or _account(spec),
            umask=spec.umask,
            read_only=seal.read_only,
            writable=seal.writable,
            capture=_CAPTURED,
            timeout=timeout,
        )

    def seal(self, spec: ServiceSpec, container: Container) -> Seal:
        """Return what a replica's processes cannot write to."""
        if not spec.seals:
            return Seal()

        def sources(*, sealed: bool) -> set[str]:
            return {
                os.path.realpath(self.text(mount.source, container))
                for mount in spec.mounts
                if mount.is_sealed is sealed
            }

        # The replica's own files among them, even where all of / is mounted.
        own = os.path.realpath(self._state.root.path)
        return Seal.of(sources(sealed=True), {*sources(sealed=False), own, *_SYSTEM})

    def environment(self, spec: ServiceSpec, container: Container) -> dict[str, str]:
        """Return the variables of a replica's main process."""
        return self._variables(container, spec.environment)

    def client_environment(
        self,
        spec: ServiceSpec,
        container: Container,
        more: Mapping[str, str],
    ) -> dict[str, str]:
        """Return the variables of a command that runs beside a replica."""
        client = self._variables(container, spec.client_environment)
        return {
            **{
                name: self._followed(value, container) for name, value in client.items()
            },
            **self._variables(container, {**spec.environment, **more}),
        }

    def _followed(self, value: str, container: Container) -> str:
        """Return what a link in the replica's own directory points to.

        An adapter leaves one where the directory's path is too long for a socket.
        """
        own = str(self._state.scratch(container.id))
        if value.startswith(f"{own}/") and os.path.islink(value):
            return os.path.realpath(value)
        return value

    def _variables(
        self, container: Container, variables: Mapping[str, str]
    ) -> dict[str, str]:
        return {
            **{name: self.text(value, container) for name, value in variables.items()},
            MARK: self._state.mark + container.id,
        }

    def texts(self, texts: tuple[str, ...], container: Container) -> tuple[str, ...]:
        """Return texts with every token filled in."""
        return tuple(self.text(item, container) for item in texts)

    def text(self, text: str, container: Container) -> str:
        """Return a text with every token filled in."""
        if "\0" not in text:
            return text

        def fill(match: re.Match[str]) -> str:
            if match[1] == "self":
                return container.address
            if match[1] == "scratch":
                return str(self._state.scratch(container.id))
            return self.address_of(match[2])

        return _TOKEN.sub(fill, text)

    def address_of(self, service: str) -> str:
        """Return the address a service's name stands for."""
        desired = self._store.desired
        spec = desired.services.get(service) if desired else None
        if spec is not None and spec.balanced and (spec.listens or spec.published):
            return self._store.address(service)
        replicas = [
            item
            for item in self._store.containers
            if item.service == service and not item.oneoff
        ]
        if not replicas:
            return self._store.address(replica_owner(service, 1, 0))
        first = min(replicas, key=lambda item: (not item.up, item.number))
        return first.address


def _account(source: ServiceSpec | Command) -> Account | None:
    account = source.account
    if account is None:
        return None
    return Account(uid=account.uid, gid=account.gid, groups=account.groups)
