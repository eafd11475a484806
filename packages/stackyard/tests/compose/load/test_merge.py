"""One document over another, attribute by attribute."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import value

from stackyard.compose.load.merge import MergeError, merge_documents, merge_service


def merged(base: str, over: str) -> Any:
    """A service's attributes over another's."""
    return merge_service(value(base), value(over), "web")


# attribute, base, layer on top, result
RULES = {
    "a scalar replaces": ("image", "a", "b", "b"),
    "a list appends": ("cap_add", "[A]", "[B, A]", "[A, B, A]"),
    "a mapping merges by key": (
        "healthcheck",
        "{retries: 1, timeout: 1s}",
        "{retries: 2}",
        "{retries: 2, timeout: 1s}",
    ),
    "extensions merge like all else": ("x-a", "{b: [1]}", "{b: [2]}", "{b: [1, 2]}"),
    "null keeps the base": ("cap_add", "[A]", "null", "[A]"),
    "command replaces": ("command", "[a, b]", "[c]", "[c]"),
    "command replaces another syntax": ("command", "[a]", "c d", "c d"),
    "null replaces a command": ("command", "[a]", "null", "null"),
    "entrypoint replaces": ("entrypoint", "[a]", "[c]", "[c]"),
    "a health test replaces": (
        "healthcheck",
        "{test: [CMD, a]}",
        "{test: b}",
        "{test: b}",
    ),
    "pairs become a list": (
        "environment",
        "{B: 1, A: null}",
        "[C=x]",
        "[A, B=1, C=x]",
    ),
    "a list under a mapping, too": ("labels", "[a=1]", "{b: true}", "[a=1, b=true]"),
    "annotations are pairs": ("annotations", "[a=1]", "{b: 2}", "[a=1, b=2]"),
    "sysctls are pairs": ("sysctls", "{a: 1}", "{b: 0.5}", "[a=1, b=0.5]"),
    "a scalar is a list of one": ("dns", "1.1.1.1", "[8.8.8.8]", "[1.1.1.1, 8.8.8.8]"),
    "dns_opt": ("dns_opt", "[a]", "[b]", "[a, b]"),
    "dns_search": ("dns_search", "a", "b", "[a, b]"),
    "env_file": ("env_file", "a.env", "[{path: b.env}]", "[a.env, {path: b.env}]"),
    "label_file": ("label_file", "a", "[b]", "[a, b]"),
    "tmpfs": ("tmpfs", "/a", "/b", "[/a, /b]"),
    "deploy.labels are pairs": (
        "deploy",
        "{labels: {a: 1}}",
        "{labels: [b=2]}",
        "{labels: [a=1, b=2]}",
    ),
    "hosts are listed once": (
        "extra_hosts",
        "{a: 1.1.1.1}",
        "[a=1.1.1.1, b=2.2.2.2]",
        "[a=1.1.1.1, b=2.2.2.2]",
    ),
    "a host may have several addresses": (
        "extra_hosts",
        "{a: [1.1.1.1, 2.2.2.2]}",
        "{b: 3.3.3.3}",
        "[a=1.1.1.1, a=2.2.2.2, b=3.3.3.3]",
    ),
    "names become a mapping": (
        "depends_on",
        "[db]",
        "{db: {condition: service_healthy}}",
        "{db: {condition: service_healthy, required: true}}",
    ),
    "dependencies add up": (
        "depends_on",
        "{db: {condition: service_healthy}}",
        "[cache]",
        (
            "{db: {condition: service_healthy}, "
            "cache: {condition: service_started, required: true}}"
        ),
    ),
    "networks by name": (
        "networks",
        "[a]",
        "{b: {priority: 1}}",
        "{a: null, b: {priority: 1}}",
    ),
    "models by name": ("models", "[a]", "[b]", "{a: null, b: null}"),
    "a context is a build": (
        "build",
        "./a",
        "{target: dev}",
        "{context: ./a, target: dev}",
    ),
    "a build takes a context": (
        "build",
        "{context: a, target: dev}",
        "./b",
        "{context: ./b, target: dev}",
    ),
    "a null build keeps the base": ("build", "./a", "null", "{context: ./a}"),
    "build.args are pairs": (
        "build",
        "{args: {A: 1}}",
        "{args: [B=2]}",
        "{args: [A=1, B=2]}",
    ),
    "build.additional_contexts are pairs": (
        "build",
        "{additional_contexts: {a: x}}",
        "{additional_contexts: [b=y]}",
        "{additional_contexts: [a=x, b=y]}",
    ),
    "build.ulimits replace": (
        "build",
        "{ulimits: {nofile: {soft: 1, hard: 2}}}",
        "{ulimits: {nofile: 3}}",
        "{ulimits: {nofile: 3}}",
    ),
    "one driver's options merge": (
        "logging",
        "{driver: json-file, options: {a: x}}",
        "{options: {b: y}}",
        "{driver: json-file, options: {a: x, b: y}}",
    ),
    "a driver may come later": (
        "logging",
        "{options: {a: x}}",
        "{driver: syslog}",
        "{options: {a: x}, driver: syslog}",
    ),
    "another driver's are dropped": (
        "logging",
        "{driver: json-file, options: {a: x}}",
        "{driver: syslog, options: {b: y}}",
        "{driver: syslog, options: {b: y}}",
    ),
    "null keeps the logging": ("logging", "{driver: a}", "null", "{driver: a}"),
    "a limit replaces": (
        "ulimits",
        "{nofile: {soft: 1, hard: 2}, nproc: 5}",
        "{nofile: {soft: 3}}",
        "{nofile: {soft: 3}, nproc: 5}",
    ),
}


@pytest.mark.parametrize(
    ("attribute", "base", "over", "expected"), RULES.values(), ids=RULES
)
def test_an_attribute_of_a_service(
    attribute: str, base: str, over: str, expected: str
) -> None:
    assert merged(f"{attribute}: {base}", f"{attribute}: {over}") == {
        attribute: value(expected)
    }


def test_what_only_one_layer_says_stays() -> None:
    assert merged("{image: a}", "{user: me}") == {"image": "a", "user": "me"}


POOLS = {
    "of the same subnet, options add up": (
        "[{subnet: 10.0.0.0/8, gateway: 10.0.0.1}]",
        "[{subnet: 10.0.0.0/8, ip_range: 10.1.0.0/16}]",
        "[{subnet: 10.0.0.0/8, gateway: 10.0.0.1, ip_range: 10.1.0.0/16}]",
    ),
    "of two each": (
        "[{subnet: a, gateway: x}, {subnet: b, gateway: y}]",
        "[{subnet: b, ip_range: r}, {subnet: a}]",
        "[{subnet: b, gateway: y, ip_range: r}, {subnet: a, gateway: x}]",
    ),
    "that are none, for the schema to refuse": ("[{gateway: a}]", "[b]", "[b]"),
    "of other subnets, the later are kept": (
        "[{subnet: 10.0.0.0/8}]",
        "[{subnet: 11.0.0.0/8}]",
        "[{subnet: 11.0.0.0/8}]",
    ),
}


@pytest.mark.parametrize(("base", "over", "expected"), POOLS.values(), ids=POOLS)
def test_address_pools_of_a_network(base: str, over: str, expected: str) -> None:
    lower, upper, result = (
        {"networks": {"n": {"ipam": {"config": value(pools)}}}}
        for pools in (base, over, expected)
    )
    assert merge_documents(lower, upper) == result


@pytest.mark.parametrize("kind", ["networks", "volumes"])
def test_labels_of_a_resource_are_pairs(kind: str) -> None:
    lower, upper = {kind: {"a": {"labels": {"x": 1}}}}, {kind: {"a": {"labels": ["y"]}}}
    assert merge_documents(lower, upper)[kind]["a"]["labels"] == ["x=1", "y"]


REFUSALS = {
    "a list over a mapping": (
        "{healthcheck: {retries: 1}}",
        "{healthcheck: [a]}",
        "cannot override a mapping with a list",
        ("healthcheck",),
    ),
    "a mapping over a list": (
        "{cap_add: [A]}",
        "{cap_add: {a: 1}}",
        "cannot override a list with a mapping",
        ("cap_add",),
    ),
    "a text over a list": (
        "{cap_add: [A]}",
        "{cap_add: B}",
        "cannot override a list with 'B'",
        ("cap_add",),
    ),
    "a name that is none": (
        "{networks: [a]}",
        "{networks: [{b: 1}]}",
        "expected a name, found a mapping",
        ("networks",),
    ),
    "a build that is none": (
        "{build: .}",
        "{build: [a]}",
        "cannot override '.' with a list",
        ("build",),
    ),
    "deep inside": (
        "{deploy: {resources: {limits: {cpus: 1}}}}",
        "{deploy: {resources: [1]}}",
        "cannot override a mapping with a list",
        ("deploy", "resources"),
    ),
}


@pytest.mark.parametrize(
    ("base", "over", "message", "path"), REFUSALS.values(), ids=REFUSALS
)
def test_layers_that_do_not_fit(
    base: str, over: str, message: str, path: tuple[str, ...]
) -> None:
    with pytest.raises(MergeError) as caught:
        merged(base, over)
    assert caught.value.message == message
    assert caught.value.path == ("services", "web", *path)


NAMES = st.sampled_from(["a", "args", "labels", "subnet", "test", "driver", "ulimits"])
TREES = st.recursive(
    st.sampled_from([None, True, 0, 1, 0.5, "", "a", "a=b"]),
    lambda below: (
        st.lists(below, max_size=2) | st.dictionaries(NAMES, below, max_size=2)
    ),
    max_leaves=5,
)
ATTRIBUTES = st.sampled_from(sorted({attribute for attribute, *_ in RULES.values()}))


@settings(max_examples=500)
@given(attribute=ATTRIBUTES, base=TREES, over=TREES)
def test_whatever_layers_hold_they_merge_or_are_refused(
    attribute: str, base: Any, over: Any
) -> None:
    with suppress(MergeError):
        result = merge_service({attribute: base}, {attribute: over}, "web")
        assert result.keys() == {attribute}


@given(base=TREES, over=TREES)
def test_so_do_address_pools(base: Any, over: Any) -> None:
    lower, upper = (
        {"networks": {"n": {"ipam": {"config": pools}}}} for pools in (base, over)
    )
    with suppress(MergeError):
        assert merge_documents(lower, upper)["networks"].keys() == {"n"}
