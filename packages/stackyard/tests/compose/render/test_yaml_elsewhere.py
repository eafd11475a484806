"""Other programs read what is printed: PyYAML, which has rules of its own, agrees."""

from __future__ import annotations

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from support import value

from stackyard.compose.render.yaml import to_yaml

# What a YAML stream may hold; the writer escapes the rest, and only some readers agree
# on line breaks other than these.
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029\ufeff"),
    max_size=20,
)
ODD = st.text(" \t\n-?:,[]{}#&*!|>'\"%@`~0189.+_eExoyYnN=<\\", max_size=8)


def begins_with_tab(text: str) -> bool:
    """Whether the text is printed, as docker compose does, in a way few can read."""
    return "\n" in text and text.lstrip("\n").startswith("\t")


@given(st.one_of(TEXTS, ODD))
def test_a_text_is_the_same_text(text: str) -> None:
    written = to_yaml({"key": text, "list": [text]})

    assume(not begins_with_tab(text) and text not in {"=", "<<"})
    assert yaml.safe_load(written) == {"key": text, "list": [text]}


@given(st.dictionaries(st.one_of(TEXTS, ODD), st.booleans(), max_size=3))
def test_a_key_is_the_same_key(mapping: dict[str, bool]) -> None:
    assume("<<" not in mapping and not any(map(begins_with_tab, mapping)))
    assert value(to_yaml({"map": mapping})) == {"map": mapping}
