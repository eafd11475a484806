"""Models: they never change, and read what they wrote."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest
from support import value

from stackyard.compose.model import Service
from stackyard.compose.model.codec import (
    DecodeError,
    Form,
    Model,
    attribute,
    decode,
    encode,
    sorted_tree,
)
from stackyard.compose.model.codecs import INTEGER, STRING, STRINGS, nested


class Part(Model):
    """A model inside another."""

    text: str = attribute(STRING)
    """A text."""


class Whole(Model):
    """Every way to declare a field."""

    text: str = attribute(STRING)
    """Left out when empty."""
    always: int = attribute(INTEGER, always=True)
    """Written even when zero."""
    optional: int | None = attribute(INTEGER, optional=True)
    """Left out when None."""
    listed: tuple[str, ...] = attribute(STRINGS)
    """A list."""
    part: Part | None = attribute(nested(Part))
    """A mapping."""
    both: str = attribute(STRING, json_name="Both", json_zero="")
    """Called otherwise in JSON, and always there."""
    own: str = ""
    """Not in the document."""


def decoded(text: str, model: Any = Whole) -> tuple[Any, list[str]]:
    """The model, and what was reported."""
    problems: list[DecodeError] = []
    result = decode(model, value(text), ("top",), problems.append)
    return result, [f"{it.path}: {it.message}" for it in problems]


def test_a_model_does_not_change() -> None:
    whole = Whole(text="a")
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign"):
        whole.text = "b"
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign"):
        whole.unknown = "b"
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete"):
        del whole.text
    assert dataclasses.replace(whole, text="b") == Whole(text="b")
    assert whole.text == "a"


def test_an_unknown_field() -> None:
    with pytest.raises(TypeError, match="Whole has no field x, y"):
        Whole(text="a", y=1, x=2)


def test_models_compare_by_their_fields() -> None:
    assert Whole(text="a") == Whole(text="a")
    assert Whole(text="a") != Whole(text="b")
    assert Part(text="a") != Whole(text="a")
    assert len({Whole(text="a"), Whole(text="a"), Whole()}) == 2
    assert repr(Whole(text="a", part=Part())) == "Whole(text='a', part=Part())"


def test_models_are_copied_and_pickled() -> None:
    whole = decoded("{text: a, part: {text: b}, x-own: [1]}")[0]
    assert copy.deepcopy(whole) == whole
    assert pickle.loads(pickle.dumps(whole)) == whole


@pytest.mark.parametrize(
    ("given", "yaml", "json"),
    [
        ("{}", "{always: 0}", "{always: 0, Both: ''}"),
        ("{text: a, always: 1}", None, "{text: a, always: 1, Both: ''}"),
        ("{text: '', always: 0}", "{always: 0}", "{always: 0, Both: ''}"),
        ("{always: 0, optional: 0}", None, "{always: 0, optional: 0, Both: ''}"),
        ("{text: null, optional: null}", "{always: 0}", "{always: 0, Both: ''}"),
        (
            "{always: 0, listed: [a], part: {text: b}, both: c}",
            None,
            "{always: 0, listed: [a], part: {text: b}, Both: c}",
        ),
        ("{always: 0, x-b: {d: 1}, x-a: [1]}", None, "{always: 0, Both: ''}"),
        ("{unknown: 1, own: 2}", "{always: 0}", "{always: 0, Both: ''}"),
    ],
)
def test_reading_and_writing(given: str, yaml: str | None, json: str) -> None:
    whole, problems = decoded(given)
    assert encode(whole, Form.YAML) == value(yaml or given)
    assert encode(whole, Form.JSON) == value(json)
    assert not problems
    assert decoded(str(encode(whole, Form.YAML)))[0] == whole


def test_what_does_not_fit_is_reported_and_left_out() -> None:
    whole, problems = decoded("{text: [a], always: x, part: b, both: c}")
    assert whole == Whole(both="c")
    assert problems == [
        "('top', 'text'): expected a string, found a list",
        "('top', 'always'): invalid integer \"x\"",
        "('top', 'part'): expected a mapping, found 'b'",
    ]


def test_fields_and_extensions_keep_their_order() -> None:
    whole, _ = decoded("{x-b: 1, always: 1, x-a: 2, text: a}")
    assert list(encode(whole, Form.YAML)) == ["text", "always", "x-a", "x-b"]
    assert whole.extensions == {"x-a": 2, "x-b": 1}


def test_a_service_reads_what_it_wrote() -> None:
    text = """
        image: a
        command: [a, b]
        cpus: 0.5
        environment: {A: '1', B: null}
        mem_limit: 1gb
        stop_grace_period: 90s
        ulimits: {nofile: {soft: 1, hard: 2}}
        x-own: {z: [1]}
        """
    service, problems = decoded(text, Service)
    assert not problems
    written = encode(service, Form.YAML)
    assert (written["mem_limit"], written["stop_grace_period"]) == (
        "1073741824",
        "1m30s",
    )
    assert decode(Service, written, (), pytest.fail) == service


def test_a_tree_is_marked_for_sorting() -> None:
    tree = sorted_tree({"b": [{"d": 1, "c": 2}], "a": 1})
    assert type(tree).__name__ == type(tree["b"][0]).__name__ == "Sorted"
    assert tree == {"b": [{"d": 1, "c": 2}], "a": 1}
