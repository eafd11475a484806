"""`python -m branchpg.compute`: the service."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from branchpg.compute import app, configure, directory
from branchpg.compute.configure import First
from branchpg.compute.fleet import Fleet
from branchpg.compute.followers import Followers
from branchpg.compute.ports import Ports
from branchpg.compute.proxy.proxy import Proxy
from branchpg.compute.proxy.settings import Limits
from branchpg.compute.proxy.settings import Settings as ProxySettings
from branchpg.compute.proxy.tls import context_of
from branchpg.compute.running import Surroundings
from branchpg.compute.storage import Storage
from branchpg.environment import environment
from branchpg.errors import BranchpgError, TryLater
from branchpg.http import service
from branchpg.http.app import application
from branchpg.http.client import Address, address, http_address
from branchpg.http.options import read_token, report
from branchpg.http.safekeepers import Safekeepers, addresses_of
from branchpg.http.volume import observe
from branchpg.postgres import local, programs

if TYPE_CHECKING:
    import socket

    from branchpg.postgres.programs import Programs

_LOG: Final = logging.getLogger("branchpg.compute")
_PAGESERVER_SECONDS: Final = 60.0
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})


@dataclass(frozen=True, kw_only=True)
class Options:
    """The command line."""

    workdir: str
    listen_pg: str
    listen_http: str
    pageserver: str
    pageserver_pg: str
    safekeepers: str
    quorum: int | None
    tenant: str | None
    role: str
    password_file: str | None
    database: tuple[str, ...]
    suspend_timeout: int
    max_connections: int
    keep_log: int
    tls_cert: str | None
    tls_key: str | None
    token_file: str | None


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-D", "--workdir", "--pgdata", required=True, help="Its directory.")
@click.option("--listen-pg", default="127.0.0.1:55432", show_default=True)
@click.option("--listen-http", default="127.0.0.1:3080", show_default=True)
@click.option(
    "--pageserver", default="127.0.0.1:9898", show_default=True, help="Its HTTP port."
)
@click.option(
    "--pageserver-pg",
    default="127.0.0.1:6400",
    show_default=True,
    help="Its control port, for the SQL functions.",
)
@click.option("--safekeepers", default="127.0.0.1:7676", show_default=True)
@click.option("--quorum", type=int, help="How many make a commit last; most of them.")
@click.option("--tenant", help="Which tenant it serves; needed where there are more.")
@click.option("--role", default="postgres", show_default=True, help="Of new clusters.")
@click.option("--password-file", help="The password of that role.")
@click.option("--database", multiple=True, help="A database of new clusters.")
@click.option(
    "--suspend-timeout",
    default=300,
    show_default=True,
    help="Seconds until an idle endpoint is suspended; -1 is never.",
)
@click.option("--max-connections", default=4000, show_default=True)
@click.option(
    "--keep-log",
    type=click.IntRange(min=0),
    default=4096,
    show_default=True,
    help="MB of log kept for a safekeeper that is away; it gets older log from others.",
)
@click.option("--tls-cert", help="A certificate, in PEM.")
@click.option("--tls-key", help="Its key, where it is in another file.")
@click.option("--token-file", help="The bearer token of the services.")
@click.option("--connstr", "-C", hidden=True, help="Neon's; without meaning here.")
@click.option("--mode", hidden=True)
@click.option("--spec-path", hidden=True)
@report
def main(
    *,
    connstr: str | None,
    mode: str | None,
    spec_path: str | None,
    **options: object,
) -> None:
    """Run endpoints, and the proxy in front of them."""
    serve(Options(**options))  # type: ignore[arg-type]


def serve(options: Options) -> None:
    """Run the service until it is told to end."""
    token = read_token(options.token_file)
    with service.locked(options.workdir):
        found = programs.find(environment())
        directory.make_root(options.workdir)
        with local.socket_directory(found, options.workdir) as run:
            listener = service.bind(address(options.listen_http))
            place = _Place(options, token, found, run, listener)
            service.run(lambda told: _serve(place, told))


@dataclass(frozen=True)
class _Place:
    options: Options
    token: str | None
    programs: Programs
    run: str
    listener: socket.socket


async def _serve(place: _Place, told: asyncio.Event) -> None:
    options = place.options
    fleet = Fleet(
        await asyncio.to_thread(_surroundings, place),
        suspend_seconds=options.suspend_timeout,
        database=options.database[0] if options.database else "postgres",
    )
    await fleet.load()
    to = address(options.listen_pg)
    proxy = Proxy(
        fleet,
        ProxySettings(
            listen=((to.host, to.port),),
            tls=(
                context_of(options.tls_cert, options.tls_key)
                if options.tls_cert
                else None
            ),
            limits=Limits(sessions=options.max_connections),
        ),
    )
    observe(proxy.registry, options.workdir)
    async with proxy:
        http = application(
            [*app.routes(fleet, place.programs), app.metrics(fleet, proxy)],
            token=place.token,
        )
        ports = {"http": service.port_of(place.listener), "pg": proxy.addresses[0][1]}
        service.tell_ports(options.workdir, ports)
        async with service.serving(http, place.listener):
            _LOG.info("compute listens on %s", proxy.addresses)
            await fleet.run(told)


def _surroundings(place: _Place) -> Surroundings:
    options = place.options
    pageserver = http_address(options.pageserver, http_port=9898, pg_port=6400)
    control = address(options.pageserver_pg, default_port=6400)
    tenant = options.tenant or _only_tenant(pageserver, place.token)
    secret = f" password={place.token}" if place.token else ""
    safekeepers = Safekeepers(
        addresses_of(options.safekeepers), quorum=options.quorum, token=place.token
    )
    workdir, ports = os.path.abspath(options.workdir), Ports()
    return Surroundings(
        programs=place.programs,
        storage=Storage(pageserver, tenant, place.token, compute=_reached_at(place)),
        safekeepers=safekeepers,
        workdir=workdir,
        run=place.run,
        ports=ports,
        followers=Followers(
            place.programs,
            workdir=workdir,
            run=place.run,
            ports=ports,
            settings=partial(
                configure.settings, place.programs, place.run, keepers=safekeepers
            ),
        ),
        control_dsn=f"host={control.host} port={control.port} user=branchpg "
        f"dbname=branchpg{secret}",
        first=First(options.role, _password(options), options.database),
        kept_log=options.keep_log * 1024**2,
    )


def _reached_at(place: _Place) -> Address:
    """Return where the pageserver, on the same machine, reaches this service."""
    host = address(place.options.listen_http).host
    port = service.port_of(place.listener)
    return Address("127.0.0.1" if host in _EVERYWHERE else host, port)


def _password(options: Options) -> str:
    password = read_token(options.password_file)
    if password is None:
        raise BranchpgError(
            "no password for new clusters", hint="give --password-file FILE"
        )
    return password


def _only_tenant(pageserver: Address, token: str | None) -> str:
    """Return the tenant, made with a first branch where there is none yet."""
    deadline = time.monotonic() + _PAGESERVER_SECONDS
    while True:
        try:
            return Storage.only_tenant(pageserver, token)
        except TryLater:
            if time.monotonic() > deadline:
                raise
            threading.Event().wait(0.1)


if __name__ == "__main__":
    main()
