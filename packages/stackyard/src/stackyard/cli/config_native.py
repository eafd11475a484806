"""`yard config --native`: what a service becomes without containers, and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stackyard.cli.engine import load_project, state_root
from stackyard.cli.environment import process_environment
from stackyard.cli.options import warn

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions
    from stackyard.engine.process.compile.service import Compiled

_TOKEN = re.compile("\0(?:service:)?([^\0]*)\0")


def native_text(options: GlobalOptions, service: str, form: str) -> str:
    """Return the native form of a service as YAML or JSON.

    `<db>` stands for the address that service db gets, `<self>` for the service's own,
    `<scratch>` for the replica's directory of files that need not be kept.

    Raises:
        ComposeError: there is no such service.
        CompileError: it has no native form.
    """
    from stackyard.compose.render.json import to_json
    from stackyard.compose.render.yaml import to_yaml
    from stackyard.engine.process.compile.machine import Machine
    from stackyard.engine.process.compile.service import compile_service

    project = load_project(options, [service])
    state = state_root().project(project.name)
    machine = Machine(environment=process_environment(), state=state)
    compiled = compile_service(project, project.services[service], machine)
    warn(compiled.warnings)
    value = _shown(_document(compiled))
    return to_yaml(value) if form == "yaml" else to_json(value) + "\n"


def _document(compiled: Compiled) -> dict[str, Any]:
    import msgspec

    spec = compiled.spec
    known = msgspec.to_builtins(spec, str_keys=True)
    defaults = msgspec.to_builtins(
        type(spec)(name="", image="", argv=(), config_hash=""), str_keys=True
    )
    settings = {key: item for key, item in known.items() if item != defaults[key]}
    settings["substitutions"] = [
        {
            "in": change.what,
            "was": change.was,
            "became": change.became,
            "because": change.reason,
        }
        for change in compiled.changes
    ]
    return settings


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return _TOKEN.sub(lambda match: f"<{match[1]}>", value)
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    return value
