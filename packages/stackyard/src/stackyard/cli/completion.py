"""`yard completion`: the script that makes a shell complete `yard`."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a shell's completion script.

    \b
    bash   eval "$(yard completion bash)"       in ~/.bashrc
    zsh    eval "$(yard completion zsh)"        in ~/.zshrc
    fish   yard completion fish | source        in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    from stackyard.cli.main import yard

    completer = get_completion_class(shell)
    assert completer is not None
    click.echo(completer(yard, {}, "yard", "_YARD_COMPLETE").source())
