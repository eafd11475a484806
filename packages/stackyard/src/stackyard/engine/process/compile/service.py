"""One service of a project in native terms."""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stackyard.compose.hashing import config_hash
from stackyard.engine.errors import CompileError
from stackyard.engine.process.cgroups import notes_without_groups
from stackyard.engine.process.compile.accounts import account_of
from stackyard.engine.process.compile.extension import KEY, extension_of
from stackyard.engine.process.compile.limits import (
    limits_of,
    log_limits,
    restart_of,
    signal_of,
    update_of,
)
from stackyard.engine.process.compile.mounts import Mounts, NewFile, mounts_of
from stackyard.engine.process.compile.names import Names
from stackyard.engine.process.compile.substitute import Change, Substitution
from stackyard.engine.process.spec import (
    SCRATCH,
    SELF,
    Account,
    Command,
    Dependency,
    Probe,
    Published,
    ServiceSpec,
    VolumeSpec,
)
from stackyard.engine.process.state import unwritable
from stackyard.images import registry
from stackyard.images.adapter import ImageError, NativeImage
from stackyard.images.reference import parse as parse_reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stackyard.compose.model import Project, Service
    from stackyard.compose.model.parts import HealthCheck, Hook
    from stackyard.engine.process.compile.machine import Machine
    from stackyard.images.adapter import Adapter

_SHELL = ("/bin/sh", "-c")
_IGNORED = [
    "blkio_config",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "credential_spec",
    "devices",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "gpus",
    "ipc",
    "isolation",
    "mac_address",
    "models",
    "pid",
    "platform",
    "privileged",
    "runtime",
    "security_opt",
    "shm_size",
    "storage_opt",
    "sysctls",
    "userns_mode",
    "uts",
    "volumes_from",
]


@dataclass
class Compiled:
    """A service, and what came with it."""

    spec: ServiceSpec
    files: list[NewFile] = field(default_factory=list)
    volumes: list[VolumeSpec] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def compile_service(
    project: Project, service: Service, machine: Machine, names: Names | None = None
) -> Compiled:
    """Return a service in native terms; `names` are those of the project.

    Raises:
        CompileError: it has none; the error says what would help.
        StateError: the state root cannot be written.
    """
    try:
        compiler = _Compiler(project, service, machine)
        return compiler.compile(names or Names(project))
    except OSError as error:  # launchers are written where they are first needed
        raise unwritable(machine.state.root.path, error) from error


class _Compiler:
    def __init__(self, project: Project, service: Service, machine: Machine) -> None:
        self._project = project
        self._service = service
        self._machine = machine
        self._warnings: list[str] = []
        self._extension = extension_of(service)
        self._adapter, self._image = self._find_image()

    def compile(self, names: Names) -> Compiled:
        service = self._service
        account, warning = account_of(
            service.user if self._extension.user is None else self._extension.user,
            service.group_add,
            service=service.name,
        )
        self._warn(warning)
        mounts = mounts_of(
            self._project,
            service,
            self._machine,
            image_volumes=self._image.volumes,
            account=account,
        )
        self._warnings += mounts.warnings
        listens = self._listens()
        hosts = names.reachable(service)
        substitution = Substitution(hosts, mounts.paths, listens)
        directory = self._directory(substitution)
        environment = self._environment(substitution, mounts, listens)
        command = self._command()
        launched = self._adapter.launch(command) if self._adapter else command
        spec = self._spec(
            mounts=mounts,
            listens=listens,
            account=account,
            directory=directory,
            environment=environment,
            shown=shlex.join(command),
            argv=substitution.arguments("command", launched),
            client=self._client(command, environment),
            substitution=substitution,
        )
        self._ignored()
        return Compiled(
            spec=spec,
            files=mounts.files,
            volumes=mounts.volumes,
            changes=substitution.changes,
            warnings=self._warnings,
        )

    # The image and what runs

    def _find_image(self) -> tuple[Adapter | None, NativeImage]:
        service = self._service
        if not service.image:
            return None, NativeImage()
        host = self._machine.host
        try:
            reference = parse_reference(service.image)
            if service.build is not None and not registry.is_installed(reference):
                return None, NativeImage()
            adapter = registry.find(reference, host)
            image = adapter.image() if adapter else NativeImage()
        except (ImageError, ValueError) as error:
            raise CompileError(
                f"service {service.name}: image {service.image}: {error}",
                hint=getattr(error, "hint", ""),
            ) from error
        for warning in image.warnings:
            self._warn(f"service {service.name}: {warning}")
        return adapter, image

    def _command(self) -> tuple[str, ...]:
        service, image = self._service, self._image
        if self._extension.command is not None:
            return self._extension.command
        if service.entrypoint is not None:
            argv = (*service.entrypoint, *(service.command or ()))
        else:
            command = image.command if service.command is None else service.command
            argv = (*image.entrypoint, *command)
        if not argv:
            raise self._nothing_to_run()
        return argv

    def _nothing_to_run(self) -> CompileError:
        service = self._service
        if service.build is not None:
            return CompileError(
                f"service {service.name}: an image cannot be built without a "
                "container engine, and there is no command to run in its place",
                hint=f"say what runs natively under services.{service.name}."
                f"{KEY}.command",
            )
        known = ", ".join(registry.nearest(parse_reference(service.image)))
        return CompileError(
            f"service {service.name}: nothing is known of image {service.image}, and "
            "there is no command to run",
            hint=f"say what runs natively under services.{service.name}."
            f"{KEY}.command" + (f"; known images: {known}" if known else ""),
        )

    def _client(
        self, argv: tuple[str, ...], environment: Mapping[str, str]
    ) -> dict[str, str]:
        if self._adapter is None:
            return {}
        return dict(self._adapter.client(argv, environment))

    # Environment and directory

    def _environment(
        self, substitution: Substitution, mounts: Mounts, listens: tuple[int, ...]
    ) -> dict[str, str]:
        service = self._service
        given = {k: v for k, v in service.environment.items() if v is not None}
        given |= self._extension.environment
        environment = {"HOST": SELF, **self._base()}
        ports = sorted(set(listens))
        if len(ports) == 1:
            environment["PORT"] = str(ports[0])
        environment |= substitution.variables({**self._image.environment, **given})
        environment |= {
            "YARD_ADDRESS": SELF,
            # The engine's tokens must stay such: JSON would write their NUL in letters.
            "YARD_MOUNTS": json.dumps(mounts.paths).replace("\\u0000", "\0"),
            "YARD_TOOLS_DIR": str(self._machine.state.root.path / "tools"),
            "YARD_SERVICE": service.name,
            "YARD_PROJECT": self._project.name,
        }
        if self._image.exposed_ports:  # a server: it may want a place for its socket
            environment["YARD_RUN_DIR"] = f"{SCRATCH}/run"
        return environment

    def _base(self) -> dict[str, str]:
        outer = self._machine.environment
        path = outer.get("PATH", os.defpath)
        fallback = self._machine.fallback_tools
        parts = (*self._image.tools, path, *([fallback] if fallback else []))
        base = {
            "PATH": ":".join(parts),
            "HOME": outer.get("HOME", "/"),
            "HOSTNAME": self._service.hostname or self._service.name,
        }
        for name in ("LANG", "LC_ALL", "TZ"):
            if name in outer:
                base[name] = outer[name]
        if self._service.tty:
            base["TERM"] = "xterm"
        return base

    def _directory(self, substitution: Substitution) -> str:
        service = self._service
        wanted = service.working_dir or self._image.working_directory
        if self._extension.working_dir is not None:
            return str(Path(self._project.working_dir) / self._extension.working_dir)
        if wanted:
            found = substitution.directory(wanted)
            if found != wanted or Path(found).is_dir():
                return found
            if service.working_dir:
                self._warn(
                    f"service {service.name}: working_dir {wanted} is not there "
                    "natively, nor below a mount; it runs in the project's directory"
                )
        if service.build is not None and service.build.context.startswith("/"):
            return service.build.context
        return self._project.working_dir

    def _listens(self) -> tuple[int, ...]:
        service = self._service
        ports = [port.target for port in service.ports if port.protocol != "udp"]
        for entry in service.expose:
            first, _, last = entry.partition("/")[0].partition("-")
            ports += range(int(first), int(last or first) + 1)
        return tuple(dict.fromkeys([*ports, *self._image.exposed_ports]))

    # The rest of the specification

    def _spec(
        self,
        *,
        mounts: Mounts,
        listens: tuple[int, ...],
        account: Account | None,
        directory: str,
        environment: dict[str, str],
        shown: str,
        argv: tuple[str, ...],
        client: dict[str, str],
        substitution: Substitution,
    ) -> ServiceSpec:
        service, project = self._service, self._project
        limits, warnings = limits_of(service)
        self._warnings += warnings
        for note in notes_without_groups(limits):
            self._warn(f"service {service.name}: {note}")
        log_bytes, log_files = log_limits(service)
        update = update_of(service)
        fixed = bool(service.deploy and service.deploy.replicas is not None)
        stop_signal = service.stop_signal or self._image.stop_signal
        grace = service.stop_grace_period
        return ServiceSpec(
            name=service.name,
            image=service.image or f"{project.name}-{service.name}",
            container_name=_container_name(project, service),
            argv=argv,
            shown_command=shown,
            config_hash=config_hash(service),
            content_hash=mounts.content,
            replicas=service.replicas,
            environment=environment,
            client_environment=client,
            directory=directory,
            account=account,
            seals=mounts.seals,
            tty=service.tty,
            stdin=service.stdin_open,
            umask=self._extension.umask,
            log_bytes=log_bytes,
            log_files=log_files,
            stop_signal=signal_of(stop_signal, service.name),
            stop_grace=10.0 if grace is None else grace.seconds,
            restart=restart_of(service, unhealthy=self._extension.unhealthy),
            probe=self._probe(service.healthcheck, substitution),
            pre_start=self._pre_start(substitution),
            post_start=self._hooks("post_start", service.post_start, substitution),
            pre_stop=self._hooks("pre_stop", service.pre_stop, substitution),
            depends_on={
                name: Dependency(
                    condition=item.condition,
                    required=item.required,
                    restart=item.restart,
                )
                for name, item in service.depends_on.items()
            },
            published=self._published(),
            listens=listens,
            balanced=service.replicas > 1
            or fixed
            or bool(update and update.start_first),
            limits=limits,
            update=update,
            mounts=tuple(mounts.mounted),
            networks=tuple(
                project.networks[key].name
                for key in service.networks
                if key in project.networks
            ),
            labels=dict(service.labels),
            attach=service.attach is not False,
        )

    def _published(self) -> tuple[Published, ...]:
        found = []
        for port in self._service.ports:
            first, _, last = port.published.partition("-")
            found.append(
                Published(
                    target=port.target,
                    host=port.host_ip or "127.0.0.1",
                    first=int(first or 0),
                    last=int(last or first or 0),
                    protocol=port.protocol or "tcp",
                    app_protocol=port.app_protocol,
                )
            )
        return tuple(found)

    def _probe(
        self, check: HealthCheck | None, substitution: Substitution
    ) -> Probe | None:
        if check is None or check.disable or not check.test:
            return None
        kind, *rest = check.test
        if kind == "NONE":
            return None
        argv = (*_SHELL, *rest) if kind == "CMD-SHELL" else tuple(rest)
        command = Command(argv=substitution.arguments("healthcheck", argv, beside=True))
        times = {
            name: value.seconds
            for name in ("interval", "timeout", "start_period", "start_interval")
            if (value := getattr(check, name)) is not None and value > 0
        }
        return Probe(command=command, retries=check.retries or 3, **times)

    def _hooks(
        self, name: str, hooks: tuple[Hook, ...], substitution: Substitution
    ) -> tuple[Command, ...]:
        return tuple(self._hook(name, hook, substitution) for hook in hooks)

    def _hook(self, name: str, hook: Hook, substitution: Substitution) -> Command:
        account, warning = account_of(hook.user, (), service=self._service.name)
        self._warn(warning)
        given = {key: value or "" for key, value in hook.environment.items()}
        directory = hook.working_dir and substitution.directory(hook.working_dir)
        return Command(
            argv=substitution.arguments(name, hook.command or (), beside=True),
            environment=substitution.variables(given),
            directory=directory,
            account=account,
        )

    def _pre_start(self, substitution: Substitution) -> tuple[Command, ...]:
        return tuple(
            Command(
                argv=substitution.arguments("pre_start", item.command, beside=True),
                environment=substitution.variables(item.environment),
            )
            for item in self._extension.pre_start
        )

    # Warnings

    def _ignored(self) -> None:
        service = self._service
        found = [name for name in _IGNORED if getattr(service, name)]
        if service.read_only:
            found.append("read_only")
        if found:
            names = ", ".join(sorted(found))
            self._warn(f"service {service.name}: no meaning natively, ignored: {names}")

    def _warn(self, text: str) -> None:
        if text:
            self._warnings.append(text)


def _container_name(project: Project, service: Service) -> str:
    """Return the name of a replica, with `{number}` in it; Docker's rules hold."""
    fixed = service.container_name
    if not fixed:
        return f"{project.name}-{service.name}-{{number}}"
    if not re.fullmatch("[a-zA-Z0-9][a-zA-Z0-9_.-]+", fixed):
        raise CompileError(
            f"service {service.name}: container_name {fixed!r} is no name",
            hint="use letters, digits, and _ . - after the first",
        )
    return fixed
