"""`python -m branchpg.pageserver`: the service."""

from __future__ import annotations

import asyncio
import logging

import click
import prometheus_client

from branchpg.environment import environment
from branchpg.http import service
from branchpg.http.app import application, metrics_route
from branchpg.http.client import address
from branchpg.http.options import read_token, report
from branchpg.http.safekeepers import Safekeepers, addresses_of
from branchpg.http.volume import observe
from branchpg.pageserver import app, branch_app
from branchpg.pageserver.control import Control
from branchpg.pageserver.metrics import Collected
from branchpg.pageserver.pageserver import Pageserver
from branchpg.postgres import programs

_LOG = logging.getLogger("branchpg.pageserver")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-D", "--workdir", required=True, help="Where it keeps everything.")
@click.option("--id", "node_id", default=1, show_default=True, help="Its number.")
@click.option("--listen-pg", default="127.0.0.1:6400", show_default=True)
@click.option("--listen-http", default="127.0.0.1:9898", show_default=True)
@click.option(
    "--safekeepers",
    default="127.0.0.1:7676",
    show_default=True,
    help="Their HTTP addresses, separated by commas.",
)
@click.option("--token-file", help="A file with the bearer token it asks for.")
@click.option("--pg-version", type=int, help="The major version of PostgreSQL.")
@click.option("--init-branch", help="Make a project with this branch if there is none.")
@click.option("--testing", is_flag=True, hidden=True)
@click.option("--enabled-features", hidden=True, help="Neon's; without meaning here.")
@report
def main(
    *,
    workdir: str,
    node_id: int,
    listen_pg: str,
    listen_http: str,
    safekeepers: str,
    token_file: str | None,
    pg_version: int | None,
    init_branch: str | None,
    testing: bool,
    enabled_features: str | None,
) -> None:
    """Own timelines and snapshots: branches, retention, restores."""
    token = read_token(token_file)
    keepers = Safekeepers(addresses_of(safekeepers), token=token)
    with service.locked(workdir):
        found = programs.find(environment(), major=pg_version)
        pageserver = Pageserver(workdir, found, keepers, token)
        pageserver.load()
        if init_branch:
            pageserver.create_first_project(init_branch)
        listeners = {
            "http": service.bind(address(listen_http)),
            "pg": service.bind(address(listen_pg)),
        }
        ports = {name: service.port_of(one) for name, one in listeners.items()}
        service.tell_ports(workdir, ports)
        registry = prometheus_client.CollectorRegistry()
        registry.register(Collected(pageserver))
        observe(registry, workdir)
        routes = [*app.routes(pageserver, node_id), *branch_app.routes(pageserver)]
        routes += app.testing_routes() if testing else []
        http = application([*routes, metrics_route(registry)], token=token)

        async def serve(told: asyncio.Event) -> None:
            async with (
                pageserver.spares.kept(),
                service.serving(http, listeners["http"]),
                Control(pageserver, token).serving(listeners["pg"]),
            ):
                _LOG.info("pageserver %d serves %s", node_id, pageserver.layout.root)
                house = asyncio.get_running_loop().run_in_executor(
                    None, pageserver.keep_house
                )
                await told.wait()
                pageserver.stop()
                await house

        service.run(serve)


if __name__ == "__main__":
    main()
