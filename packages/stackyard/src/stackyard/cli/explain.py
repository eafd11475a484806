"""`yard explain`: where a value or a variable comes from."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from stackyard.cli.options import GlobalOptions, fail, shown_path

if TYPE_CHECKING:
    from stackyard.compose.errors import Location
    from stackyard.compose.explain import Origin, Use
    from stackyard.compose.files.sources import Sources
    from stackyard.compose.load.trace import Trace
    from stackyard.compose.request import Request


@click.command("explain")
@click.argument("what", metavar="VARIABLE|PATH")
@click.option("--json", "as_json", is_flag=True, help="Print JSON")
@click.pass_obj
def command(options: GlobalOptions, *, what: str, as_json: bool) -> None:
    """Tell where a value or variable comes from, and what it overrides.

    \b
    yard explain web.image                  an attribute of the service web
    yard explain web.environment.LOG_LEVEL  one of its variables
    yard explain volumes.data.driver        anything else
    yard explain TAG                        a variable of the files
    """
    from stackyard.compose.errors import ComposeError

    try:
        report = _report(options, what)
    except ComposeError as error:
        fail(error)
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        click.echo(_text(report), nl=False)
    if not report["layers"] and not report["used"] and report["value"] is None:
        raise click.exceptions.Exit(1)


@dataclass(frozen=True)
class _Loaded:
    """The project as far as an explanation needs it."""

    document: dict[str, Any]
    request: Request
    trace: Trace
    sources: Sources


def _report(options: GlobalOptions, what: str) -> dict[str, Any]:
    from stackyard.compose.load.trace import Trace
    from stackyard.compose.loader import load_document

    sources = options.sources()
    request = options.request(sources)
    trace = Trace()
    document, _ = load_document(request, sources, trace=trace)
    loaded = _Loaded(document, request, trace, sources)
    if "." not in what and what not in (document.get("services") or {}):
        return _variable(what, loaded)
    return _path(what, loaded)


def _variable(name: str, loaded: _Loaded) -> dict[str, Any]:
    from stackyard.compose.explain import explain_variable, uses

    origins = explain_variable(name, loaded.request, loaded.sources)
    return {
        "name": name,
        "value": loaded.request.environment.get(name),
        "layers": [_layer(origin) for origin in origins],
        "used": [_use(use) for use in uses(name, loaded.trace, loaded.sources)],
    }


def _path(what: str, loaded: _Loaded) -> dict[str, Any]:
    from stackyard.compose.errors import format_path
    from stackyard.compose.explain import (
        explain_env_files,
        explain_path,
        is_missing,
        lookup,
        parse_path,
    )

    path, document = parse_path(what), loaded.document
    origins = explain_env_files(path, document, loaded.request, loaded.sources)
    origins += explain_path(path, loaded.trace, loaded.sources)
    value = lookup(document, path)
    if is_missing(value):
        value = origins[-1].value if origins else None
    return {
        "name": format_path(path),
        "value": value,
        "layers": [_layer(origin) for origin in origins],
        "used": [],
    }


def _layer(origin: Origin) -> dict[str, Any]:
    return {
        "kind": origin.kind,
        "location": _relative(origin.location),
        "value": origin.value,
        "raw": origin.raw,
        "removed": origin.removed,
    }


def _use(use: Use) -> dict[str, Any]:
    from stackyard.compose.errors import format_path

    return {
        "path": format_path(use.path),
        "location": _relative(use.location),
        "text": use.text,
    }


def _relative(location: Location) -> str:
    return str(replace(location, file=shown_path(location.file)))


def _text(report: dict[str, Any]) -> str:
    layers = report["layers"]
    if not layers and not report["used"]:
        if report["value"] is None:
            return f"{report['name']} is not set anywhere\n"
        shown = _shown(report["value"])
        return f"{report['name']} = {shown}\n  implied: no file sets it\n"
    value = _shown(report["value"]) if report["value"] is not None else "(unset)"
    lines = [f"{report['name']} = {value}"]
    width = max((len(layer["location"]) for layer in layers), default=0)
    for number, layer in enumerate(reversed(layers)):
        state = "in force  " if number == 0 else "overridden"
        lines.append(_layer_line(layer, state, width))
    if report["used"]:
        lines.append("used by")
    lines += [
        f"  {use['location']}  {use['path']}: {use['text']}" for use in report["used"]
    ]
    return "".join(f"{line}\n" for line in lines)


def _layer_line(layer: dict[str, Any], state: str, width: int) -> str:
    said = "(drops what earlier layers say)" if layer["removed"] else ""
    if not said:
        said = _shown(layer["value"])
    if layer["raw"] is not None:
        said += f"  from {layer['raw']}"
    return f"  {state}  {layer['location'].ljust(width)}  {layer['kind']}: {said}"


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return "(no value)" if value is None else str(value)
