"""YAML as Go's yaml.v3 writes it: which texts are quoted, and that all read back."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import value

from stackyard.compose.files.yaml_reader import parse
from stackyard.compose.files.yaml_scalars import Timestamp
from stackyard.compose.model.codec import Sorted
from stackyard.compose.render.yaml import to_yaml


@pytest.mark.parametrize(
    ("item", "written"),
    [
        (None, "null"),
        (True, "true"),
        (5, "5"),
        (0.5, "0.5"),
        (1e21, "1e+21"),
        (math.inf, ".inf"),
        (-math.inf, "-.inf"),
        (math.nan, ".nan"),
        ({}, "{}"),
        ([], "[]"),
        (Timestamp("2001-12-14T00:00:00Z"), "2001-12-14T00:00:00Z"),
        ("text", "text"),
        ("two words", "two words"),
        ("./a/b:/c:ro", "./a/b:/c:ro"),
        ("http://a", "http://a"),
        ("a#b", "a#b"),
        ("grün", "grün"),
        ("-a", "-a"),
        ("?a", "?a"),
        ("", '""'),
        ("null", '"null"'),
        ("~", '"~"'),
        ("true", '"true"'),
        ("yes", '"yes"'),
        ("Off", '"Off"'),
        ("n", '"n"'),
        ("5", '"5"'),
        ("0o17", '"0o17"'),
        ("1_000", '"1_000"'),
        (".5", '".5"'),
        (".inf", '".inf"'),
        ("22:22", '"22:22"'),
        ("2001-12-14", '"2001-12-14"'),
        ("80:80", "80:80"),
        ("1.2.3", "1.2.3"),
        ("0x", "0x"),
        ("-", "'-'"),
        ("- a", "'- a'"),
        ("? a", "'? a'"),
        ("a: b", "'a: b'"),
        ("a:", "'a:'"),
        ("a #b", "'a #b'"),
        ("#a", "'#a'"),
        ("*a", "'*a'"),
        ("{a}", "'{a}'"),
        ("@a", "'@a'"),
        ("%a", "'%a'"),
        ("'a'", "'''a'''"),
        ("it's", "it's"),
        (" a", "' a'"),
        ("a ", "'a '"),
        ("---", "'---'"),
        ("...a", "'...a'"),
        ("a\tb", '"a\\tb"'),
        ("\x07\x1b", '"\\a\\e"'),
        ("\x01", '"\\x01"'),
        ("\ufeff", '"\\uFEFF"'),
        ("🐘", '"\\U0001F418"'),
        ("a\nb", "|-\n  a\n  b"),
        ("a\n", "|\n  a"),
        ("a\n\n", "|+\n  a\n"),
        (" a\n", "|2\n   a"),
        ("a \nb", '"a \\nb"'),
        ("a\u2028b", "'a\u2028  b'"),
        ("a\u2029\u2028'b", "'a\u2029\u2028  ''b'"),
        ("a\u2028", "'a\u2028'"),
        (" \u2028", '" \\L"'),
        ("\u2028 a", '"\\L a"'),
        ("a\n\u2028b", "|-\n  a\n\u2028  b"),
        ("a \u2028\nb", '"a \\L\\nb"'),
    ],
)
def test_a_scalar(item: Any, written: str) -> None:
    assert to_yaml(item) == f"{written}\n"


@pytest.mark.parametrize(
    "document",
    [
        "a:\n  b: 1\n  c: []\n",
        "a:\n  - 1\n  - b: 1\n    c: 2\n  - - x\n    - z\n",
        "a: |-\n  b\n  c\nd: null\n",
        f"? {'k' * 129}\n: a\n",
        f"? {'k' * 129}\n: - a\n  - b\n",
        '"5": a\n',
        f"? {'é' * 65}\n: a\n",
        '? "a\\rb"\n: a\n',
        "? 'a\u2028  b'\n: a\n",
        "a: |\n  b\n  c\u2028d: null\n",
    ],
)
def test_a_document_as_it_is_indented(document: str) -> None:
    assert to_yaml(value(document)) == document


def test_keys_that_users_chose_are_ordered() -> None:
    assert to_yaml(Sorted(a10=1, a9=2)) == "a9: 2\na10: 1\n"
    assert to_yaml({"a10": 1, "a9": 2}) == "a10: 1\na9: 2\n"


ODD = ["", "yes", "0o7", "1:20", "a: b", "- a", "a\n", "\n", " \n a", "a\n\n", "\x85"]
ODD += ["#\u2028b", "\u2028\u2029", "a\n\u2028", "\u2028\nb", "a\n\u2029\n\nb\n"]
TEXTS = st.sampled_from(ODD) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=12
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXTS
# A merge key is no key of a document.
KEYS = TEXTS.filter(lambda text: text != "<<")
TREES = st.recursive(
    SCALARS,
    lambda below: (
        st.lists(below, max_size=4) | st.dictionaries(KEYS, below, max_size=4)
    ),
    max_leaves=15,
)


@given(tree=TREES)
def test_what_is_written_reads_back(tree: Any) -> None:
    (document,) = parse(to_yaml(tree), file="a.yaml")
    assert document.value == tree


@given(tree=st.dictionaries(KEYS, TREES, max_size=4))
def test_so_does_an_ordered_one(tree: dict[str, Any]) -> None:
    (document,) = parse(to_yaml(Sorted(tree)), file="a.yaml")
    assert document.value == tree
