"""`yard status`: what runs, and how to reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stackyard.cli.engine import client_of, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.protocol import Publisher, Shown

_SCHEMES = {5432: "postgresql", 6379: "redis", 443: "https", 8443: "https"}
_MARKS = {"running": ("●", "green"), "exited": ("○", None), "paused": ("‖", "yellow")}
_UNHEALTHY = ("●", "red")
_STARTING = ("●", "yellow")


@click.command("status")
@click.pass_obj
def command(options: GlobalOptions) -> None:
    """Show services, their state, and the URLs they can be reached at."""
    with errors():
        snapshot = client_of(options).snapshot()
    items = sorted(snapshot.containers, key=lambda item: item.container.name)
    if not items:
        click.echo(f"{snapshot.project}: nothing was brought up (yard up -d)")
        return
    width = max(len(item.container.name) for item in items)
    for item in items:
        container = item.container
        mark, colour = _mark(item)
        state = str(container.health or container.state)
        if str(container.state) == "exited":
            state = f"exited ({container.exit_code})"
        urls = "  ".join(_urls(item))
        shown = click.style(mark, fg=colour)
        click.echo(f"{shown} {container.name:<{width}}  {state:<12} {urls}".rstrip())
        if container.error:
            click.echo(f"  {container.error}")


def _mark(item: Shown) -> tuple[str, str | None]:
    health = str(item.container.health)
    if health == "unhealthy":
        return _UNHEALTHY
    if health == "starting":
        return _STARTING
    return _MARKS.get(str(item.container.state), ("·", None))


def _urls(item: Shown) -> Iterator[str]:
    for port in item.ports:
        yield _url(port)


def _url(port: Publisher) -> str:
    guess = _SCHEMES.get(port.target, "http" if port.protocol == "tcp" else "udp")
    scheme = port.app_protocol or guess
    host = "localhost" if port.host in {"127.0.0.1", "0.0.0.0"} else port.host
    return f"{scheme}://{host}:{port.port}"
