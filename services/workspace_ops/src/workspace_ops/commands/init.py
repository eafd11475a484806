"""init."""

from __future__ import annotations

import click

from workspace_ops import checks, revisions, settings
from workspace_ops.commands.printing import as_json, show

__all__ = ["command"]

_SAYS_THAT_IT_IS_THERE = (5, 6, 7)


@click.command("init")
@as_json
def command(*, is_json: bool) -> int:
    """Make the schema and its first categories, or bring them up to date.

    The API does the same when it starts. Running it again changes nothing.
    """
    found = settings.load()
    before = revisions.current(found)
    revisions.migrate(found, None, "head")
    after = revisions.current(found)
    wanted = [one for one in checks.CHECKS if one.number in _SAYS_THAT_IT_IS_THERE]
    results = checks.run(checks.Subject(found), wanted)
    about = {"before": before, "after": after, "tests": results}

    def as_text() -> None:
        changed = f"is now {after}, and was {before or 'not there'}"
        click.echo(
            f"Schema {'was up to date: ' + after if before == after else changed}"
        )
        for one in results:
            click.echo(
                f"{'ok    ' if one.passed else 'FAILED'} {one.name}: {one.detail}"
            )

    show(about, as_text, is_json=is_json)
    return 0 if all(one.passed for one in results) else 1
