"""What no schema can say: references that must exist, what excludes what.

Checks look at enabled services only, as the reference implementation does.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from stackyard.compose import graph
from stackyard.compose.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stackyard.compose.errors import Path
    from stackyard.compose.load.context import Context
    from stackyard.compose.model import Project, Service

    Finding = tuple[str, Path, str | None]
    Check = Callable[[Service, Project], Iterator[Finding]]

_TESTS: Final = frozenset({"CMD", "CMD-SHELL", "NONE"})


def check_consistency(project: Project, context: Context) -> None:
    """Report everything in the enabled services that contradicts itself.

    What follows from a problem that is known already is not reported again: a service
    of which something was refused may lack its image, and a section that was refused
    whole declares nothing.
    """
    refused = {problem.path for problem in context.problems}
    damaged = {path[1] for path in refused if len(path) > 2 and path[0] == "services"}
    sections = {path[0] for path in refused if len(path) == 1}
    if context.options.check_container_names:
        _container_names(project, context)
    for service in project.services.values():
        checks = _CHECKS[1:] if service.name in damaged else _CHECKS
        for message, path, hint in _findings(service, project, checks):
            if not sections.intersection(path[:1]):
                whole = ("services", service.name, *path)
                context.report(message, whole, hint=hint)
    _secrets(project, context)
    _cycle(project, context)


def _secrets(project: Project, context: Context) -> None:
    for name, secret in project.secrets.items():
        if not (secret.external or secret.file or secret.environment):
            context.report(
                f"secret {name!r} must declare either file or environment",
                ("secrets", name),
            )


def _findings(
    service: Service, project: Project, checks: tuple[Check, ...]
) -> Iterator[Finding]:
    for check in checks:
        yield from check(service, project)


def _cycle(project: Project, context: Context) -> None:
    cycle = graph.find_cycle(graph.dependencies(project))
    if cycle:
        path = ("services", cycle[0], "depends_on", cycle[1])
        context.report(f"dependency cycle detected: {' -> '.join(cycle)}", path)


def _container_names(project: Project, context: Context) -> None:
    owners: dict[str, str] = {}
    for name, service in sorted(project.services.items()):
        fixed = service.container_name
        if fixed and fixed in owners:
            context.report(
                f"container_name {fixed!r} is that of service {owners[fixed]!r} too",
                ("services", name, "container_name"),
            )
        owners[fixed] = name


def _origin(service: Service, project: Project) -> Iterator[Finding]:
    if not (service.build or service.image or service.provider):
        yield (
            "the service has neither an image nor a build context",
            (),
            "add image: NAME or build: DIRECTORY",
        )


def _build(service: Service, project: Project) -> Iterator[Finding]:
    build = service.build
    if build is None:
        return
    if build.dockerfile and build.dockerfile_inline:
        yield (
            "dockerfile and dockerfile_inline exclude each other",
            ("build", "dockerfile_inline"),
            None,
        )
    platform = service.platform
    if build.platforms and platform and platform not in build.platforms:
        yield (
            f"platform {platform!r} of the service is not among them",
            ("build", "platforms"),
            f"add {platform}",
        )
    for name, target in build.additional_contexts.items():
        yield from _service_context(name, target, project)
    for index, secret in enumerate(build.secrets):
        path: Path = ("build", "secrets", index)
        yield from _undefined("build secret", secret.source, project.secrets, path)


def _service_context(name: str, target: str, project: Project) -> Iterator[Finding]:
    if not target.startswith("service:"):
        return
    source = target.removeprefix("service:")
    path = ("build", "additional_contexts", name)
    other = project.all_services.get(source)
    if other is None:
        yield f"refers to undefined service {source!r}", path, None
    elif other.build is None:
        yield f"service {source!r} has no build to be a context", path, None


def _networks(service: Service, project: Project) -> Iterator[Finding]:
    if service.network_mode and service.networks:
        yield (
            "network_mode and networks exclude each other",
            ("network_mode",),
            "remove one of them",
        )
    for name in service.networks:
        yield from _undefined("network", name, project.networks, ("networks", name))
    mode = service.network_mode
    target = mode.removeprefix("service:")
    if mode.startswith("service:") and target not in project.services:
        hint = did_you_mean(target, project.services)
        yield f"service {target!r} not found", ("network_mode",), hint


def _health(service: Service, project: Project) -> Iterator[Finding]:
    check = service.healthcheck
    if check is None:
        return
    if check.test and check.test[0] not in _TESTS:
        yield (
            'healthcheck.test must start with "CMD", "CMD-SHELL" or "NONE"',
            ("healthcheck", "test"),
            None,
        )


def _depends_on(service: Service, project: Project) -> Iterator[Finding]:
    for name, dependency in service.depends_on.items():
        if name in project.services:
            continue
        path = ("depends_on", name)
        if name not in project.disabled_services:
            hint = did_you_mean(name, project.all_services)
            yield f"depends on undefined service {name!r}", path, hint
        elif dependency.required:
            wanted = " ".join(project.disabled_services[name].profiles)
            yield (
                f"depends on {name!r}, whose profiles ({wanted}) are not active",
                path,
                "enable a profile of it, or set required: false",
            )


def _mounts(service: Service, project: Project) -> Iterator[Finding]:
    targets: dict[str, Path] = {}
    for index, mount in enumerate(service.volumes):
        path: Path = ("volumes", index)
        if mount.type == "volume" and mount.source:
            yield from _undefined("volume", mount.source, project.volumes, path)
        yield from _once(mount.target, path, targets)
    for index, tmpfs in enumerate(service.tmpfs):
        yield from _once(tmpfs.partition(":")[0], ("tmpfs", index), targets)


def _once(target: str, path: Path, targets: dict[str, Path]) -> Iterator[Finding]:
    if target in targets:
        yield f"two mounts on {target}", path, "remove one of them"
    targets[target] = path


def _files(service: Service, project: Project) -> Iterator[Finding]:
    for index, config in enumerate(service.configs):
        yield from _undefined(
            "config", config.source, project.configs, ("configs", index)
        )
    for index, secret in enumerate(service.secrets):
        yield from _undefined(
            "secret", secret.source, project.secrets, ("secrets", index)
        )
    for name in service.models:
        yield from _undefined("model", name, project.models, ("models", name))


def _undefined(
    kind: str, name: str, known: Mapping[str, object], path: Path
) -> Iterator[Finding]:
    if name not in known:
        section = f"{kind.split()[-1]}s"
        hint = did_you_mean(name, known) or f"declare it in the top-level {section}"
        yield f"refers to undefined {kind} {name!r}", path, hint


def _scale(service: Service, project: Project) -> Iterator[Finding]:
    replicas = service.deploy.replicas if service.deploy else None
    if None not in (service.scale, replicas) and service.scale != replicas:
        yield (
            f"scale ({service.scale}) and deploy.replicas ({replicas}) differ",
            ("scale",),
            "keep one of them",
        )
    if service.replicas < 0:
        yield f"{service.replicas} replicas: a negative number", ("scale",), None
    if service.container_name and service.replicas > 1:
        yield (
            f"container_name allows one replica, not {service.replicas}",
            ("container_name",),
            "remove container_name, or the replicas",
        )


def _limits(service: Service, project: Project) -> Iterator[Finding]:
    resources = service.deploy.resources if service.deploy else None
    limits = resources.limits if resources else None
    reservations = resources.reservations if resources else None
    pairs = (
        ("cpus", limits, "limits.cpus"),
        ("mem_limit", limits, "limits.memory"),
        ("pids_limit", limits, "limits.pids"),
        ("mem_reservation", reservations, "reservations.memory"),
    )
    for attribute, section, place in pairs:
        own = getattr(service, attribute)
        if section and own and own != getattr(section, place.partition(".")[2]):
            yield (
                f"{attribute} and deploy.resources.{place} differ",
                (attribute,),
                "keep one of them",
            )


def _watch(service: Service, project: Project) -> Iterator[Finding]:
    for index, watch in enumerate(service.develop.watch if service.develop else ()):
        if watch.action not in {"rebuild", "restart"} and not watch.target:
            yield (
                f"action {watch.action} needs a target",
                ("develop", "watch", index),
                "add target: the path in the container",
            )


# The first is for whole services: what was refused of one may be its image.
_CHECKS: Final[tuple[Check, ...]] = (
    _origin,
    _build,
    _networks,
    _health,
    _depends_on,
    _mounts,
    _files,
    _scale,
    _limits,
    _watch,
)


def with_replicas(project: Project) -> Project:
    """Return the project with `scale` written into `deploy` where it has one."""
    return project.with_services(
        map(_with_replicas, project.services.values()),
        project.disabled_services.values(),
    )


def _with_replicas(service: Service) -> Service:
    deploy = service.deploy
    if service.scale is None or deploy is None or deploy.replicas is not None:
        return service
    deploy = dataclasses.replace(deploy, replicas=service.scale)
    return dataclasses.replace(service, deploy=deploy)
