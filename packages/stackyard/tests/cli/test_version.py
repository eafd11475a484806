"""`yard version`, in the forms that scripts read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from stackyard import __version__

if TYPE_CHECKING:
    from conftest import Shell


def test_for_people(shell: Shell) -> None:
    assert shell.output("version") == f"Stackyard version v{__version__}\n"


def test_the_number_alone(shell: Shell) -> None:
    assert shell.output("version", "--short") == f"{__version__}\n"


def test_as_json(shell: Shell) -> None:
    output = shell.output("version", "--format", "json")

    assert json.loads(output) == {"version": f"v{__version__}"}
