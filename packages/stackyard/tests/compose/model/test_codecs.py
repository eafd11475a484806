"""What each kind of attribute may be written as, and how it is printed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from support import value

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.model import codecs
from stackyard.compose.model.codec import Codec, Form
from stackyard.compose.model.ulimit import ULIMIT


def read(codec: Codec, item: Any) -> Any:
    return codec.decode(item, ("a",), pytest.fail)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("STRING", "0o17", "15"),
        ("BOOLEAN", "false", False),
        ("BOOLEAN", "'Yes'", True),
        ("BOOLEAN", "'off'", False),
        ("INTEGER", "5", 5),
        ("INTEGER", "5.9", 5),
        ("INTEGER", "'-5'", -5),
        ("UNQUOTED", "5", 5),
        ("NUMBER", "'0.5'", 0.5),
        ("NUMBER", "5", 5.0),
        ("STRINGS", "[a, 1]", ("a", "1")),
        ("STRINGS", "a", ("a",)),
        ("MAPPING", "{a: 1, b: null}", {"a": "1", "b": ""}),
        ("MAPPING", "[a=1=2, b]", {"a": "1=2", "b": ""}),
        ("MAPPING", "['a =1']", {"a ": "1"}),
        ("MAPPING", "{a: 1.10, b: true}", {"a": "1.1", "b": "true"}),
        ("STRING_MAP", "{a: 1, b: null}", {"a": "1", "b": ""}),
        ("NULLABLE_MAPPING", "{'a ': 1}", {"a ": "1"}),
        ("NULLABLE_MAPPING", "[a=, b]", {"a": "", "b": None}),
        ("NULLABLE_MAPPING", "{a: '', b: null}", {"a": "", "b": None}),
        ("OPTION_LISTS", "{a: [b, 1], c: true}", {"a": ("b", "1"), "c": ("true",)}),
        ("COMMAND", "a 'b c'", ("a", "b c")),
        ("COMMAND", "[a, 1]", ("a", "1")),
        ("HEALTH_TEST", "a b", ("CMD-SHELL", "a b")),
        ("HEALTH_TEST", "[CMD, a]", ("CMD", "a")),
        ("DEVICE_COUNT", "ALL", -1),
        ("DEVICE_COUNT", "2", 2),
        ("CPUS", "0.1", 0.1),
        ("CPUS", "'1.5'", 1.5),
        ("SSH_KEYS", "[default, a=/b]", {"default": None, "a": "/b"}),
        ("SSH_KEYS", "{a: /b}", {"a": "/b"}),
        ("ANYTHING", "[a]", ["a"]),
    ],
)
def test_reading(name: str, text: str, expected: Any) -> None:
    found = read(getattr(codecs, name), value(text))
    assert (found, isinstance(found, type(expected))) == (expected, True)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("STRING", "{a: 1}", "expected a string, found a mapping"),
        ("STRING", "1.10", "expected a string, found 1.1"),
        ("STRING", "true", "expected a string, found true"),
        ("BOOLEAN", "1", "1 is not a boolean"),
        ("BOOLEAN", "maybe", "'maybe' is not a boolean"),
        ("INTEGER", ".inf", "+Inf is not a whole number"),
        ("INTEGER", "x", 'invalid integer "x"'),
        ("UNQUOTED", "'5'", "expected a whole number, found '5'"),
        ("NULLABLE_MAPPING", "['a =1']", "'a ' has a space before the ="),
        ("STRINGS", "[[a]]", "expected a string, found a list"),
    ],
)
def test_what_does_not_fit(name: str, text: str, message: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        read(getattr(codecs, name), value(text))
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("name", "text", "printed"),
    [
        ("DURATION", "90s", "1m30s"),
        ("SIZE", "1gb", "1073741824"),
        ("FILE_MODE", "'0440'", "0440"),
        ("STRINGS", "[a]", ["a"]),
        ("EXTRA_HOSTS", "{a: 1.1.1.1}", ["a=1.1.1.1"]),
        ("OPTION_LISTS", "{a: b}", {"a": ["b"]}),
    ],
)
def test_writing(name: str, text: str, printed: Any) -> None:
    codec = getattr(codecs, name)
    assert codec.encode(read(codec, value(text)), Form.YAML) == printed


def test_single_precision() -> None:
    assert read(codecs.CPUS, 0.123456789012) == pytest.approx(0.12345679, abs=1e-12)
    assert math.isinf(read(codecs.CPUS, math.inf))


def test_a_map_of_strings_tells_which_is_none() -> None:
    reported: list[Any] = []
    codecs.STRING_MAP.decode({"a": 1.5, "b": []}, ("x",), reported.append)
    assert [(it.path, it.message) for it in reported] == [
        (("x", "a"), "expected a string, found 1.5"),
        (("x", "b"), "expected a string, found a list"),
    ]


def test_a_list_leaves_out_what_was_refused() -> None:
    reported: list[Any] = []
    codec = codecs.list_of(ULIMIT)
    found = codec.decode([1, "x"], ("a",), reported.append)
    assert [limit.single for limit in found] == [1]
    assert [(it.path, it.message) for it in reported] == [
        (("a", 1), "'x' is not a limit")
    ]


@pytest.mark.parametrize(
    ("text", "yaml", "json"),
    [
        ("5", 5, 5),
        ("{soft: 1, hard: 2}", {"soft": 1, "hard": 2}, {"soft": 1, "hard": 2}),
        ("{soft: 1}", {"soft": 1, "hard": 0}, {"soft": 1}),
    ],
)
def test_a_limit(text: str, yaml: Any, json: Any) -> None:
    limit = read(ULIMIT, value(text))
    assert ULIMIT.encode is not None
    assert ULIMIT.encode(limit, Form.YAML) == yaml
    assert ULIMIT.encode(limit, Form.JSON) == json
