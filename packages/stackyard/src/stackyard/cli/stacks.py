"""Stacks that ship with Stackyard (`-s NAME`), and what a file says for `yard` alone.

The top-level key `x-yard` of a Compose file, which Docker ignores, may hold:

    generate: [NAME, ...]      variables that `up` adds to .env where they are missing
    commands: {NAME: ...}      more commands: arguments of `yard`, a line or several
"""

from __future__ import annotations

import re
import secrets
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from stackyard.cli.environment import working_directory

if TYPE_CHECKING:
    from stackyard.cli.options import GlobalOptions
    from stackyard.compose.files.sources import Sources
    from stackyard.compose.request import Request

EXTENSION: Final = "x-yard"
_FOLDER = "stacks"
_FILE = "compose.yaml"
_PASSWORD_BYTES = 24


def stack_file(name: str) -> Path:
    """Return the Compose file of a stack: in `stacks/` here or above, or our own.

    Raises:
        click.UsageError: there is no such stack.
    """
    here = Path(working_directory())
    own = Path(__file__).resolve().parents[5]
    known: set[str] = set()
    for place in (here, *here.parents, own):
        folder = place / _FOLDER
        if (folder / name / _FILE).is_file() and "/" not in name:
            return folder / name / _FILE
        known |= {path.parent.name for path in folder.glob(f"*/{_FILE}")}
    stacks = ", ".join(sorted(known)) or "none"
    raise click.UsageError(f"no such stack: {name}\n  hint: stacks here: {stacks}")


def command_of(
    group: click.Group, options: GlobalOptions, name: str
) -> click.Command | None:
    """Return a command that the Compose file adds, None if it has none of that name."""
    from stackyard.compose.errors import ComposeError

    sources = options.sources()
    try:
        found = _extension(options.request(sources), sources).get("commands") or {}
    except ComposeError:
        return None
    if name not in found:
        return None
    lines = found[name] if isinstance(found[name], list) else [found[name]]
    return _Lines(group, name, [shlex.split(str(line)) for line in lines])


class _Lines(click.Command):
    """Lines of arguments of `yard`; what the user adds goes to the last one."""

    def __init__(self, group: click.Group, name: str, lines: list[list[str]]) -> None:
        # What looks like an option is one of the command that the line names.
        settings = {"ignore_unknown_options": True, "help_option_names": []}
        argument = click.Argument(["more"], nargs=-1, type=click.UNPROCESSED)
        super().__init__(name, params=[argument], context_settings=settings)
        self._group = group
        self._lines = lines

    def invoke(self, ctx: click.Context) -> None:
        """Run the lines, one after another, until one fails."""
        parent = ctx.parent
        assert parent is not None
        *first, last = self._lines
        for line in [*first, [*last, *ctx.params["more"]]]:
            command = self._group.get_command(parent, line[0])
            if command is None:
                raise click.UsageError(f"{self.name}: unknown command {line[0]!r}")
            with command.make_context(line[0], line[1:], parent=parent) as inner:
                command.invoke(inner)


def generate_variables(options: GlobalOptions) -> None:
    """Write variables that the file wants generated to .env, where they are missing.

    A new .env begins as a copy of .env.example, if there is one. It is readable by its
    owner alone. What an existing one says stays as it is.
    """
    sources = options.sources()
    request = options.request(sources)
    if not any(EXTENSION in sources.text(file) for file in request.files):
        return
    wanted = _extension(request, sources).get("generate") or ()
    missing = [str(name) for name in wanted if not request.environment.get(str(name))]
    if not missing:
        return
    path = Path(request.directory) / ".env"
    text = _text(path) or _text(path.with_name(".env.example"))
    for name in missing:
        text = _with_variable(text, name, secrets.token_urlsafe(_PASSWORD_BYTES))
    from stackyard.engine.process.durable import replace_file

    replace_file(path, text.encode())
    click.echo(f"wrote {path}: generated {', '.join(missing)}", err=True)


def _with_variable(text: str, name: str, value: str) -> str:
    """Return the text with the variable: in its empty line, or in a new one."""
    empty = re.compile(rf"^{re.escape(name)}=[ \t]*$", re.MULTILINE)
    if empty.search(text):
        return empty.sub(f"{name}={value}", text, count=1)
    if text and not text.endswith("\n"):
        text += "\n"
    return f"{text}{name}={value}\n"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _extension(request: Request, sources: Sources) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for file in request.files:
        for document in sources.documents(file):
            value = document.value
            found = value.get(EXTENSION) if isinstance(value, dict) else None
            if isinstance(found, dict):
                merged |= found
    return merged
