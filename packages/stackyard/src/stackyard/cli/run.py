"""`yard run`: a one-off command of a service."""

from __future__ import annotations

import dataclasses
import os
import secrets
import signal
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

import click

from stackyard.cli.engine import client_of, compile_native, errors, load_project
from stackyard.cli.environment import process_environment, working_directory
from stackyard.cli.options import dry_run_option, switched_on
from stackyard.cli.perform import perform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from stackyard.cli.options import GlobalOptions
    from stackyard.compose.model import Project, Service
    from stackyard.engine.process.client import Client
    from stackyard.engine.process.compile.project import Native
    from stackyard.engine.process.spec import Published, ServiceSpec

    Option: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def _many(names: str, metavar: str, text: str, *, hidden: bool = False) -> Option:
    *flags, name = names.split()
    return click.option(
        *flags, name, multiple=True, metavar=metavar, help=text, hidden=hidden
    )


@click.command("run", context_settings={"allow_interspersed_args": False})
@click.argument("service")
@click.argument("argv", metavar="[COMMAND] [ARG]...", nargs=-1)
@click.option("-d", "--detach", is_flag=True, help="Run in the background")
@click.option("--rm", is_flag=True, help="Remove it when it ends: always so without -d")
@_many("-e --env variables", "NAME=VALUE", "Set a variable")
@_many("--env-from-file files", "FILE", "Set variables from a file")
@click.option("--entrypoint", metavar="COMMAND", help="In place of the image's")
@click.option("--name", default="", metavar="NAME", help="Name of the container")
@click.option("--no-deps", is_flag=True, help="Do not start what it depends on")
@_many("-p --publish ports", "PORTS", "Publish a port")
@click.option("-P", "--service-ports", is_flag=True, help="Publish the service's ports")
@click.option("-u", "--user", default="", metavar="USER", help="Run as this user")
@_many("-v --volume volumes", "SOURCE:TARGET", "Mount a directory")
@click.option(
    "-w", "--workdir", default="", metavar="DIR", help="Run in this directory"
)
@_many("-l --label labels", "NAME=VALUE", "Add a label")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing of our own")
@click.option("--remove-orphans", is_flag=True, help="Remove services not in the file")
@click.option("-i", "--interactive", is_flag=False, flag_value="true", hidden=True)
@click.option("-T", "--no-tty", "--no-TTY", is_flag=True, hidden=True)
@click.option("-t", "--tty", is_flag=True, hidden=True)
@click.option("--use-aliases", is_flag=True, hidden=True)
@click.option("--build", is_flag=True, hidden=True)
@click.option("--quiet-build", is_flag=True, hidden=True)
@click.option("--quiet-pull", is_flag=True, hidden=True)
@click.option("--pull", hidden=True)
@_many("--cap-add cap_add", "NAME", "", hidden=True)
@_many("--cap-drop cap_drop", "NAME", "", hidden=True)
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """Run a one-off command of a service.

    What it depends on is started first. It has your terminal; its exit code is ours.
    """
    from stackyard.cli.ordering import meaningless

    meaningless(chosen)
    with errors():
        project = _project(options, chosen)
        client = client_of(options)
        native = compile_native(project, only=_needed(project, chosen))
        spec = _spec(native, chosen)
        name = chosen["name"] or (
            f"{project.name}-{spec.name}-run-{secrets.token_hex(6)}"
        )
        _start_dependencies(options, client, native, chosen)
        if options.dry_run:
            click.echo(f"run container {name}: {spec.shown_command}")
            return
        _check_ports(client, spec)
        code = _run(options, client, spec, name=name, chosen=chosen)
    if code:
        raise click.exceptions.Exit(code)


# The service as it is run


def _project(options: GlobalOptions, chosen: dict[str, Any]) -> Project:
    """Return the project, with the service as the options change it."""
    name = chosen["service"]
    project = load_project(options, [name])
    service = _changed(project.services[name], project, chosen)
    services = {**project.services, name: service}
    return project.with_services(services.values(), project.disabled_services.values())


def _changed(service: Service, project: Project, chosen: dict[str, Any]) -> Service:
    import shlex

    from stackyard.cli.beside import variables
    from stackyard.compose.model.frozen import FrozenDict

    values: dict[str, Any] = {}
    if chosen["argv"]:
        values["command"] = chosen["argv"]
    if chosen["entrypoint"] is not None:
        values["entrypoint"] = tuple(shlex.split(chosen["entrypoint"]))
        values["command"] = chosen["argv"]
    if chosen["argv"] or chosen["entrypoint"] is not None:
        values["extensions"] = _without_command(service)
    environment = {
        **_from_files(chosen["files"]),
        **variables(chosen["variables"]),
    }
    values["environment"] = FrozenDict({**service.environment, **environment})
    if chosen["user"]:
        values["user"] = chosen["user"]
    if chosen["workdir"]:
        values["working_dir"] = chosen["workdir"]
    labels = dict(text.partition("=")[::2] for text in chosen["labels"])
    values["labels"] = FrozenDict({**service.labels, **labels})
    values["volumes"] = (*service.volumes, *_volumes(project, chosen["volumes"]))
    ports = service.ports if chosen["service_ports"] else ()
    values["ports"] = (*ports, *_ports(chosen["ports"]))
    values["expose"] = _exposed(service, with_ports=chosen["service_ports"])
    return dataclasses.replace(service, **values)


def _exposed(service: Service, *, with_ports: bool) -> tuple[str, ...]:
    """Keep what it listens on known, even where it is not published."""
    if with_ports:
        return tuple(service.expose)
    ports = (str(port.target) for port in service.ports if port.protocol != "udp")
    return tuple(dict.fromkeys([*service.expose, *ports]))


def _without_command(service: Service) -> Any:
    """Drop the native command of the file: another one is asked for."""
    from stackyard.compose.model.frozen import FrozenDict

    extension = service.extensions.get("x-yard")
    if not isinstance(extension, Mapping):
        return service.extensions
    kept = {key: value for key, value in extension.items() if key != "command"}
    return FrozenDict({**service.extensions, "x-yard": kept})


def _from_files(paths: tuple[str, ...]) -> dict[str, str]:
    from stackyard.compose.grammar import dotenv

    outer = process_environment()
    found: dict[str, str] = {}
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                found |= dotenv.parse(file.read(), outer.get)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise click.ClickException(f"cannot read {path}: {reason}") from error
    return found


def _ports(texts: tuple[str, ...]) -> list[Any]:
    from stackyard.compose.errors import InvalidValueError
    from stackyard.compose.grammar.port import parse
    from stackyard.compose.model.codec import decode
    from stackyard.compose.model.parts import Port

    found: list[Port] = []
    for text in texts:
        try:
            found += (decode(Port, dict(port), (), _refuse) for port in parse(text))
        except InvalidValueError as error:
            raise click.ClickException(f"--publish {text}: {error}") from error
    return found


def _refuse(error: Exception) -> NoReturn:
    raise error


def _volumes(project: Project, texts: tuple[str, ...]) -> list[Any]:
    from stackyard.compose.errors import InvalidValueError
    from stackyard.compose.grammar.volume import parse
    from stackyard.compose.model.codec import decode
    from stackyard.compose.model.mounts import Mount

    found = []
    for text in texts:
        try:
            mount = decode(Mount, dict(parse(text)), (), _refuse)
        except InvalidValueError as error:
            raise click.ClickException(f"--volume {text}: {error}") from error
        source = mount.source
        if mount.type == "bind":
            source = os.path.join(working_directory(), os.path.expanduser(source))
            source = os.path.normpath(source)
        elif source and source not in project.volumes:
            raise click.ClickException(
                f"--volume {text}: undefined volume {source}: "
                "declare it under volumes of the file, or name a directory (./...)"
            )
        found.append(dataclasses.replace(mount, source=source))
    return found


def _needed(project: Project, chosen: dict[str, Any]) -> set[str]:
    from stackyard.cli.ordering import needed

    deps = not chosen["no_deps"]
    return needed(project, [chosen["service"]], deps=deps) or set()


def _spec(native: Native, chosen: dict[str, Any]) -> ServiceSpec:
    """Return what is run: once, and published only where that was asked for."""
    import msgspec

    from stackyard.engine.process.spec import Restart

    return msgspec.structs.replace(
        native.desired.services[chosen["service"]],
        restart=Restart(),
        container_name="",
        replicas=1,
        balanced=False,
        update=None,
    )


# What comes before


def _start_dependencies(
    options: GlobalOptions, client: Client, native: Native, chosen: dict[str, Any]
) -> None:
    """Write the files that services need, and bring up what this one depends on."""
    from stackyard.engine.process.compile.mounts import write_files
    from stackyard.engine.process.protocol import UpCommand

    if not options.dry_run:
        client.state.prepare()
        write_files(native.files)
    desired = native.desired
    needs = desired.services[chosen["service"]].depends_on
    names = tuple(name for name in needs if name in desired.services)
    if chosen["no_deps"] or not names:
        return
    # Not as it is run here: the service itself stays what the file says.
    original = compile_native(load_project(options, [chosen["service"]]), only=names)
    order = UpCommand(
        desired=original.desired,
        services=names,
        no_recreate=True,
        remove_orphans=chosen["remove_orphans"],
        ignore_orphans=switched_on("COMPOSE_IGNORE_ORPHANS"),
        dry_run=options.dry_run,
    )
    perform(options, client, "up", order)


def _check_ports(client: Client, spec: ServiceSpec) -> None:
    """Refuse ports that somebody holds already.

    Raises:
        click.ClickException: one is taken.
    """
    for published in filter(lambda item: item.first, spec.published):
        for port in range(published.first, (published.last or published.first) + 1):
            if not _is_free(published, port):
                raise click.ClickException(
                    f"Bind for {published.host}:{port} failed: "
                    "port is already allocated"
                )


def _is_free(published: Published, port: int) -> bool:
    import socket

    kind = socket.SOCK_DGRAM if published.protocol == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in published.host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((published.host, port))
        except OSError:
            return False
    return True


# The run itself


def _run(
    options: GlobalOptions,
    client: Client,
    spec: ServiceSpec,
    *,
    name: str,
    chosen: dict[str, Any],
) -> int:
    from stackyard.engine.process.protocol import RunCommand

    order = RunCommand(spec=spec, name=name, start=chosen["detach"])
    results = perform(options, client, "run", order)
    identifier = next(message.container for message in results if message.container)
    if chosen["detach"]:
        click.echo(name)
        return 0
    with _removed_at_the_end(client, identifier):
        return _foreground(client, identifier, spec)


def _foreground(client: Client, identifier: str, spec: ServiceSpec) -> int:
    from stackyard.cli.beside import terminal_environment
    from stackyard.cli.spawn import Program
    from stackyard.engine.errors import EngineError
    from stackyard.engine.process.protocol import ServicesCommand

    context = client.context(identifier, {})
    program = Program(
        context.argv,
        environment=terminal_environment(context),
        directory=context.directory,
        account=spec.account,
        umask=context.umask,
        cgroups=context.cgroups,
        read_only=context.read_only,
        writable=context.writable,
    )
    child = program.fork()
    try:
        client.foreground(identifier, child.pid)
    except BaseException:
        child.dismiss()
        raise
    code = child.run()
    # The keeper may not have told of its end yet, and what runs is not removed.
    with suppress(EngineError):
        if client.running:
            list(client.command("wait", ServicesCommand(containers=(identifier,))))
    return code


@contextmanager
def _removed_at_the_end(client: Client, identifier: str) -> Iterator[None]:
    """Remove a container afterwards, and whatever it has left running."""
    from stackyard.engine.errors import EngineError
    from stackyard.engine.process import tree
    from stackyard.engine.process.protocol import ServicesCommand

    try:
        yield
    finally:
        for identity, _ in tree.marked(client.state.mark + identifier):
            identity.send(signal.SIGKILL)
        order = ServicesCommand(containers=(identifier,))
        # Somebody may have brought the project down meanwhile.
        with suppress(EngineError):
            if client.running:
                list(client.command("discard", order))
