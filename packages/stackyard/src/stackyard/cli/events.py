"""`yard events`: what happens to containers, as it happens."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import click

from stackyard.cli.engine import client_of, errors
from stackyard.cli.listing import json
from stackyard.cli.moments import nanoseconds
from stackyard.cli.options import dry_run_option
from stackyard.cli.perform import check_services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.client import Client

_SECOND = 1_000_000_000


@click.command("events")
@click.argument("services", metavar="[SERVICE]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line")
@click.option("--since", metavar="TIME", help="From a time, or 42m for 42 minutes ago")
@click.option("--until", metavar="TIME", help="Up to a time")
@dry_run_option
@click.pass_obj
def command(options: GlobalOptions, /, **chosen: Any) -> None:
    """Show what happens to containers."""
    since = nanoseconds(chosen["since"]) if chosen["since"] else time.time_ns()
    until = nanoseconds(chosen["until"]) if chosen["until"] else None
    form = _as_json if chosen["as_json"] else _as_text
    with errors():
        client = client_of(options)
        check_services(options, client.snapshot(), chosen["services"])
        if not client.has_state:
            return
        for event in _events(client, since, until):
            if not chosen["services"] or event["service"] in chosen["services"]:
                click.echo(form(event))


def _events(client: Client, since: int, until: int | None) -> Iterator[dict[str, Any]]:
    """Yield events until a time; a thread reads, so that the time can come."""
    import msgspec

    queue: SimpleQueue[bytes | None] = SimpleQueue()

    def read() -> None:
        try:
            for line in client.lines(f"/events?since={since}"):
                queue.put(line)
        finally:
            queue.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        left = None if until is None else max(0.05, (until - time.time_ns()) / _SECOND)
        try:
            line = queue.get(timeout=left)
        except Empty:
            return
        if line is None:
            return
        event = msgspec.json.decode(line, type=dict[str, Any])
        if until is not None and event["at"] > until:
            return
        yield event


def _as_json(event: dict[str, Any]) -> str:
    moment = datetime.fromtimestamp(event["at"] // _SECOND, UTC)
    fraction = f"{event['at'] % _SECOND:09}"
    return json(
        {
            "action": event["action"],
            "attributes": {"name": event["name"], **event.get("attributes", {})},
            "id": event["container"],
            "service": event["service"],
            "time": f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction}Z",
            "type": "container",
        }
    )


def _as_text(event: dict[str, Any]) -> str:
    moment = datetime.fromtimestamp(event["at"] / _SECOND)
    attributes = {"name": event["name"], **event.get("attributes", {})}
    told = ", ".join(f"{key}={value}" for key, value in sorted(attributes.items()))
    return (
        f"{moment:%Y-%m-%d %H:%M:%S.%f} container {event['action']} "
        f"{event['container']} ({told})"
    )
