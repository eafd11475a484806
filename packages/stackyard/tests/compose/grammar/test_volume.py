"""Service volumes: the short syntax in the canonical, long form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.compose.errors import InvalidValueError
from stackyard.compose.grammar.volume import clean_target, parse

if TYPE_CHECKING:
    from collections.abc import Callable


def bind(source: str, target: str, **options: Any) -> dict[str, Any]:
    """Return a bind mount as the short syntax makes it."""
    bind_options = {"create_host_path": True} | options.pop("bind", {})
    return {
        "type": "bind",
        "source": source,
        "target": target,
        "bind": bind_options,
    } | options


def volume(source: str, target: str, **options: Any) -> dict[str, Any]:
    """Return a mount of a named volume as the short syntax makes it."""
    return {
        "type": "volume",
        "source": source,
        "target": target,
        "volume": {},
    } | options


@pytest.mark.parametrize(
    ("spec", "mount"),
    [
        ("data:/x", volume("data", "/x")),
        ("da.t-a/b:/x", volume("da.t-a/b", "/x")),
        ("/a:/b", bind("/a", "/b")),
        ("./a:/b", bind("./a", "/b")),
        ("../a:/b", bind("../a", "/b")),
        (".:/b", bind(".", "/b")),
        (".a:/b", bind(".a", "/b")),
        ("~:/b", bind("~", "/b")),
        ("~/a:/b", bind("~/a", "/b")),
        ("~user/a:/b", bind("~user/a", "/b")),
        ("/a b:/c d", bind("/a b", "/c d")),
        (" /a:/b", volume(" /a", "/b")),
        ("/a:ro", bind("/a", "ro")),
    ],
)
def test_the_source_decides_the_type(spec: str, mount: dict[str, Any]) -> None:
    assert parse(spec) == mount


@pytest.mark.parametrize("target", ["/data", "abc", "C:\\a", "a:b", "\u00e9:/b"])
def test_a_target_alone_is_an_anonymous_volume(target: str) -> None:
    assert parse(target) == {"type": "volume", "target": target, "volume": {}}


@pytest.mark.parametrize("target", ["a", "/a", "C:", "::", "\u00e9", "$$"])
def test_two_bytes_are_a_target_without_volume_options(target: str) -> None:
    assert parse(target) == {"type": "volume", "target": target}


@pytest.mark.parametrize(
    ("spec", "mount"),
    [
        ("C:\\a:/b", bind("C:\\a", "/b")),
        ("c:/a:/b:ro", bind("c:/a", "/b", read_only=True)),
        ("C:\\a:D:\\b:ro", bind("C:\\a", "D:\\b", read_only=True)),
        ("data:C:\\x", volume("data", "C:\\x")),
        ("a:b:c", bind("a:b", "c")),
        (r"\\.\pipe\x:\\.\pipe\x", bind(r"\\.\pipe\x", r"\\.\pipe\x")),
        (r"\x:/y", volume(r"\x", "/y")),
        ("\u00e9:\\x:/b", bind("\u00e9:\\x", "/b")),
    ],
)
def test_windows_paths(spec: str, mount: dict[str, Any]) -> None:
    assert parse(spec) == mount


@pytest.mark.parametrize(
    ("options", "result"),
    [
        ("ro", {"read_only": True}),
        ("rw", {}),
        ("ro,rw", {}),
        ("rw,ro", {"read_only": True}),
        ("z", {"bind": {"selinux": "z"}}),
        ("Z", {"bind": {"selinux": "Z"}}),
        ("rshared", {"bind": {"propagation": "rshared"}}),
        ("slave", {"bind": {"propagation": "slave"}}),
        ("nocopy", {"volume": {"nocopy": True}}),
        pytest.param("cached", {}, id="known once"),
        pytest.param("bogus, ro,RO,,U", {}, id="unknown"),
        pytest.param(
            "rprivate,Z,ro",
            {"read_only": True, "bind": {"selinux": "Z", "propagation": "rprivate"}},
            id="several",
        ),
    ],
)
def test_options(options: str, result: dict[str, Any]) -> None:
    assert parse(f"/a:/b:{options}") == bind("/a", "/b", **result)
    assert parse(f"data:/b:{options}") == volume("data", "/b", **result)


def test_keys_are_in_the_order_of_the_printed_form() -> None:
    mount = parse("/a:/b:nocopy,shared,z,ro")

    assert list(mount) == ["type", "source", "target", "read_only", "bind", "volume"]
    assert list(mount["bind"]) == ["selinux", "propagation", "create_host_path"]


@pytest.mark.parametrize(
    ("spec", "mount"),
    [
        ("${A}:/b", volume("${A}", "/b")),
        ("${A:-b}:/c", volume("${A:-b}", "/c")),
        ("${A:-${B:-c}}:/d", volume("${A:-${B:-c}}", "/d")),
        ("data:${B:-/x}:ro", volume("data", "${B:-/x}", read_only=True)),
        ("/a:/b:${M:-ro}", bind("/a", "/b")),
        ("${A:?x:y}:${B}", volume("${A:?x:y}", "${B}")),
        ("a}:/b", volume("a}", "/b")),
        ("{a:b}", volume("{a", "b}")),
        ("/a:/b:${open", bind("/a", "/b")),
    ],
)
def test_a_colon_inside_a_reference_separates_nothing(
    spec: str, mount: dict[str, Any]
) -> None:
    assert parse(spec) == mount


@pytest.mark.parametrize(
    ("target", "cleaned"),
    [
        ("/x", "/x"),
        ("/x/", "/x"),
        ("//x//y", "/x/y"),
        ("/c/../d/./e", "/d/e"),
        ("/..", "/"),
        ("//", "/"),
        ("./x", "x"),
        ("../x", "../x"),
        (".", "."),
        ("", ""),
        ("C:\\x\\..", "C:\\x\\.."),
    ],
)
def test_targets_are_cleaned(target: str, cleaned: str) -> None:
    assert clean_target(target) == cleaned
    if len(target) > 2:
        assert parse(f"data:{target}")["target"] == cleaned


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "volume is empty"),
        ("/a::/b", 'invalid volume "/a::/b": a section between colons is empty'),
        (":/a", 'invalid volume ":/a": a section between colons is empty'),
        ("data:", 'invalid volume "data:": a section between colons is empty'),
        ("/a:/b:", 'invalid volume "/a:/b:": a section between colons is empty'),
        ("/a:/b:ro:x", 'invalid volume "/a:/b:ro:x": it has too many colons'),
        ("${A:/b", 'invalid volume "${A:/b": it has no target'),
        ("abc:${A", 'invalid volume "abc:${A": it has no target'),
    ],
)
def test_what_is_no_volume(spec: str, message: str) -> None:
    with pytest.raises(InvalidValueError, match=f"^{re.escape(message)}$") as error:
        parse(spec)

    assert error.value.hint


@given(spec=st.text() | st.text("a/.~:,${}C\\\u00e9roz"))
def test_any_text_is_read_or_refused(spec: str, attempt: Callable) -> None:
    attempt(parse, spec)
