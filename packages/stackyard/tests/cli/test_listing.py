"""Tables, JSON lines and templates."""

from __future__ import annotations

import click
import pytest

from stackyard.cli.listing import shown

ROWS = [
    {"Name": "web", "Code": 0, "_labels": {"a.b": "c"}},
    {"Name": "database", "Code": 137, "_labels": {}},
]
COLUMNS = {"Name": "NAME", "Code": "CODE"}


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("table", "NAME       CODE\nweb        0\ndatabase   137\n"),
        ("json", '{"Name":"web","Code":0}\n{"Name":"database","Code":137}\n'),
        ("{{.Name}}", "web\ndatabase\n"),
        ("{{ .Name }}:{{.Code}}", "web:0\ndatabase:137\n"),
        ("table {{.Code}}\\t{{.Name}}", "CODE   NAME\n0      web\n137    database\n"),
        ("{{json .}}", '{"Name":"web","Code":0}\n{"Name":"database","Code":137}\n'),
        ("{{json .Name}}", '"web"\n"database"\n'),
        ("{{upper .Name}}", "WEB\nDATABASE\n"),
        ('{{.Label "a.b"}}.', "c.\n.\n"),
        ("plain", "plain\nplain\n"),
    ],
)
def test_formats(form: str, text: str) -> None:
    assert shown(form, ROWS, COLUMNS) == text


@pytest.mark.parametrize("form", ["{{.Nope}}", "{{range .}}", "{{Name}}"])
def test_what_is_no_template(form: str) -> None:
    with pytest.raises(click.ClickException, match="template parsing error"):
        shown(form, ROWS, COLUMNS)


def test_an_empty_table_has_its_heading() -> None:
    assert shown("table", [], COLUMNS) == "NAME   CODE\n"
