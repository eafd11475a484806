"""The reference pages have every setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from servicekit.settings import ServiceSettings
from workspace_api.settings import Settings

_PAGES = Path(__file__).parents[3] / "docs" / "reference"
_GROUPS = ("neon_", "postgres_", "workspace_database_")


def _names(kind: type[ServiceSettings], *, without: set[str]) -> list[str]:
    names = [name for name in kind.model_fields if name not in without]
    # Those of one database are written once, with their endings.
    return [name for name in names if not name.startswith(_GROUPS)]


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("servicekit.md", _names(ServiceSettings, without={"cors_origins"})),
        (
            "workspace-api.md",
            _names(Settings, without=set(ServiceSettings.model_fields)),
        ),
    ],
)
def test_every_setting_is_there(page: str, names: list[str]) -> None:
    text = (_PAGES / page).read_text("utf-8")
    assert names
    missing = [name for name in names if f"`{name.upper()}" not in text]
    shortened = {"api_keys", "jwt_secret", "jwt_public_key"}
    assert not [name for name in missing if name not in shortened], missing
