"""From the Compose file and the options of `up` to what the supervisor is told."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from stackyard.cli.engine import client_of, compile_native, load_project
from stackyard.cli.options import switched_on, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stackyard.cli.options import GlobalOptions
    from stackyard.compose.model import Project
    from stackyard.engine.process.protocol import UpCommand

_MEANINGLESS = ("build", "pull", "quiet_build", "quiet_pull", "watch", "menu")


def meaningless(chosen: Mapping[str, Any]) -> None:
    """Warn, once, of options for images: natively none is built or pulled."""
    found = [name for name in _MEANINGLESS if chosen.get(name)]
    if found:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in found)
        warn([f"no meaning natively, ignored: {options}"])


def order_of(
    options: GlobalOptions, chosen: Mapping[str, Any], *, ignore_orphans: bool = False
) -> UpCommand:
    """Return the command for `up`, and write the files that services need.

    Raises:
        ComposeError: the file is wrong, or there is no such service.
        CompileError: a service has no native meaning.
    """
    from stackyard.cli.stacks import generate_variables
    from stackyard.engine.process.compile.mounts import write_files
    from stackyard.engine.process.protocol import UpCommand

    generate_variables(options)
    services = tuple(chosen["services"])
    project = scaled(load_project(options, services), chosen.get("scales", ()))
    only = needed(project, services, deps=not chosen.get("no_deps"))
    native = compile_native(project, only=only)
    if not native.desired.services:
        raise click.ClickException("no service selected")
    if not options.dry_run:
        state = client_of(options).state
        state.prepare()
        write_files(native.files)
    orphans = chosen.get("remove_orphans") or switched_on("COMPOSE_REMOVE_ORPHANS")
    return UpCommand(
        desired=native.desired,
        services=services,
        force_recreate=chosen.get("force_recreate", False),
        always_recreate_deps=chosen.get("always_recreate_deps", False),
        no_recreate=chosen.get("no_recreate", False),
        no_deps=chosen.get("no_deps", False),
        no_start=chosen.get("no_start", False),
        remove_orphans=bool(orphans),
        ignore_orphans=ignore_orphans,
        renew_volumes=chosen.get("renew_anon_volumes", False),
        wait=chosen.get("wait", False),
        wait_limit=chosen.get("wait_timeout") or None,
        grace=chosen.get("timeout"),
        dry_run=options.dry_run,
    )


def needed(
    project: Project, services: Iterable[str], *, deps: bool = True
) -> set[str] | None:
    """Return the services that a command is about; None is all."""
    from stackyard.compose import graph

    names = list(services)
    if not names:
        return None
    if not deps:
        return set(names)
    return set(graph.reachable(graph.dependencies(project), names))


def scaled(project: Project, scales: Iterable[str]) -> Project:
    """Return the project with other numbers of replicas.

    Raises:
        click.ClickException: a number is none, or there is no such service.
    """
    services = dict(project.services)
    for text in scales:
        name, equals, number = text.partition("=")
        if not equals:
            raise click.ClickException(f"invalid --scale option {text!r}")
        if not number.isdigit():
            raise click.ClickException(
                f"failed to parse scale value: {number!r} is not a number"
            )
        if name not in services:
            raise click.ClickException(f"no such service: {name}")
        services[name] = _with_replicas(services[name], int(number))
    return project.with_services(services.values(), project.disabled_services.values())


def _with_replicas(service: Any, count: int) -> Any:
    if service.container_name and count > 1:
        raise click.ClickException(
            f"cannot set replicas for service {service.name}: its container_name "
            f"{service.container_name} must be unique"
        )
    deploy = service.deploy
    if deploy is not None and deploy.replicas is not None:
        deploy = dataclasses.replace(deploy, replicas=count)
    return dataclasses.replace(service, scale=count, deploy=deploy)
