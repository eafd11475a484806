"""Stacks that ship with Stackyard (`-s NAME`), and what a file says for `yard` alone.

The top-level key `x-yard` of a Compose file, which Docker ignores, may hold:

    generate: [NAME, ...]      variables that `up` adds to .env where they are missing
    commands: {NAME: ...}      more commands: arguments of `yard`, a line or several; a
                               line that begins with `!` is a program of this machine
    profiles: {NAME: {...}}    variables that a profile sets, where nothing else does
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
_UMASK = 0o022


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
    return _Lines(group, options, name, [shlex.split(str(line)) for line in lines])


class _Lines(click.Command):
    """Lines of arguments of `yard`; what the user adds goes to the last one.

    A line that begins with `!` is a program, which runs in the project's directory with
    the variables of the project, and `YARD_COMMAND`, which leads back here.
    """

    def __init__(
        self,
        group: click.Group,
        options: GlobalOptions,
        name: str,
        lines: list[list[str]],
    ) -> None:
        super().__init__(name)
        self._group = group
        self._options = options
        self._lines = lines

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave everything to the command that the line names, `--` too."""
        ctx.params["more"] = tuple(args)
        return []

    def invoke(self, ctx: click.Context) -> None:
        """Run the lines, one after another, until one fails."""
        parent = ctx.parent
        assert parent is not None
        *first, last = self._lines
        for line in [*first, [*last, *ctx.params["more"]]]:
            if line[0].startswith("!"):
                self._run_program([line[0].removeprefix("!"), *line[1:]])
                continue
            command = self._group.get_command(parent, line[0])
            if command is None:
                raise click.UsageError(f"{self.name}: unknown command {line[0]!r}")
            with command.make_context(line[0], line[1:], parent=parent) as inner:
                command.invoke(inner)

    def _run_program(self, argv: list[str]) -> None:
        import os.path
        import sys

        from stackyard.cli.spawn import Program

        options = self._options
        request = options.request(options.sources())
        environment = dict(request.environment)
        # Programs of our own packages lie beside the interpreter of `yard`.
        own = os.path.dirname(sys.executable)
        environment["PATH"] = f"{own}:{environment.get('PATH', os.defpath)}"
        yard = [sys.executable, "-P", "-m", "stackyard", *options.again(request)]
        environment["YARD_COMMAND"] = shlex.join(yard)
        program = Program(
            tuple(argv),
            environment=environment,
            directory=request.directory,
            account=None,
            umask=_UMASK,
        )
        if code := program.run():
            raise click.exceptions.Exit(code)


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


def profile_variables(request: Request, sources: Sources) -> dict[str, str]:
    """Return the variables that the active profiles set, without those that are set.

    Docker knows no such thing: there they are written into an env file.
    """
    active = request.options.profiles
    if not active or not any(EXTENSION in sources.text(file) for file in request.files):
        return {}
    known = _extension(request, sources).get("profiles") or {}
    chosen = known if "*" in active else {n: known[n] for n in active if n in known}
    found = {str(k): str(v) for item in chosen.values() for k, v in item.items()}
    return {k: v for k, v in found.items() if not request.environment.get(k)}


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
