"""`branchpg completion`: the script that makes a shell complete `branchpg`."""

from __future__ import annotations

import click

from branchpg.client.cli.options import shared

__all__ = ["command"]


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@shared
def command(*, shell: str) -> None:
    """Print a shell's completion script.

    \b
    bash   eval "$(branchpg completion bash)"     in ~/.bashrc
    zsh    eval "$(branchpg completion zsh)"      in ~/.zshrc
    fish   branchpg completion fish | source      in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    from branchpg.client.cli.main import branchpg

    completer = get_completion_class(shell)
    if completer is not None:
        script = completer(branchpg, {}, "branchpg", "_BRANCHPG_COMPLETE").source()
        click.echo(script)
