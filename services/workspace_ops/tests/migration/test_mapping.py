"""Old rows and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from workspace_ops.migration.mapping import category_of, checksum, item_of, slug

MOMENT = datetime(2025, 1, 1, 12, tzinfo=timezone(timedelta(hours=3)))


def row(**changes: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "title": "A title",
        "description": "Words",
        "category": "dashboard",
        "priority": "high",
        "status": "review",
        "tags": ["a"],
        "metadata": {"x": 1},
        "created_at": MOMENT,
        "updated_at": None,
        **changes,
    }


def test_an_item_is_taken_over_as_it_is() -> None:
    item, about = item_of(row(), {"dashboard": "dashboard"})

    assert about.problems == ()
    assert about.mended == ()
    assert (item.legacy, item.title, item.tags) == ("7", "A title", ("a",))
    assert item.created_at == MOMENT
    assert item.created_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "x" * 201}, "title"),
        ({"title": " "}, "title"),
        ({"description": "x" * 2001}, "description"),
        ({"priority": "alta"}, "priority"),
        ({"status": "em-progresso"}, "status"),
        ({"tags": ["x" * 51]}, "tags"),
        ({"tags": ["x"] * 21}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"metadata": {"x": "y" * 17000}}, "metadata"),
        ({"metadata": [1]}, "metadata"),
        ({"category": "?"}, "category"),
    ],
)
def test_what_does_not_fit_is_a_problem_and_never_cut(
    changes: dict[str, Any], field: str
) -> None:
    _, about = item_of(row(**changes), {})

    assert [one.field for one in about.problems] == [field]
    assert about.problems[0].row == "7"


def test_an_empty_description_becomes_the_title_and_is_told() -> None:
    item, about = item_of(row(description=None), {})

    assert item.description == "A title"
    assert about.mended


def test_names_of_categories_become_slugs() -> None:
    assert slug("Gestão de Riscos") == "gestao-de-riscos"
    assert slug("already-one-2") == "already-one-2"
    assert slug("☃") == ""


def test_a_category_of_the_other_shape() -> None:
    category, about = category_of(
        {"name": "Gestão", "display_order": 4, "color": "#ABCDEF", "is_active": False},
        1,
    )

    assert (category.name, category.display_name) == ("gestao", "Gestão")
    assert (category.sort_order, category.is_active) == (4, False)
    assert about.problems == ()
    assert about.mended


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "x"}, "name"),
        ({"color": "red"}, "color"),
        ({"sort_order": -1}, "sort_order"),
        ({"icon": "x" * 51}, "icon"),
        ({"description": "x" * 501}, "description"),
        ({"display_name": "x" * 101}, "display_name"),
    ],
)
def test_a_category_that_does_not_fit(changes: dict[str, Any], field: str) -> None:
    _, about = category_of({"name": "right", **changes}, 1)

    assert [one.field for one in about.problems] == [field]


def test_a_checksum_knows_every_field_and_no_order() -> None:
    one, _ = item_of(row(), {})
    two, _ = item_of(row(id=8), {})
    other, _ = item_of(row(metadata={"x": 2}), {})

    assert checksum([one, two]) == checksum([two, one])
    assert checksum([one]) != checksum([other])
    assert checksum([one, one]) != checksum([one])
