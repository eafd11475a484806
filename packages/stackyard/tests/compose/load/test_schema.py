"""What the schema refuses, in a user's words."""

from __future__ import annotations

import json
import math

import pytest
from support import value

from stackyard.compose.load.schema import schema_problems, schema_text

SERVICES = {
    "an unknown attribute, with the nearest name": (
        "{imgae: a}",
        "services.web.imgae: unknown attribute 'imgae'\n  hint: did you mean image?",
    ),
    "an unknown attribute, with those known": (
        "{credential_spec: {zzzzz: a}}",
        (
            "services.web.credential_spec.zzzzz: unknown attribute 'zzzzz'\n"
            "  hint: known here: config, file, registry"
        ),
    ),
    "an unknown attribute like no other": (
        "{zzzzz: a}",
        (
            "services.web.zzzzz: unknown attribute 'zzzzz'\n"
            "  hint: an extension's name begins with x-"
        ),
    ),
    "a number for a text": (
        "{image: 1.5}",
        "services.web.image: expected a string, found 1.5\n  hint: quote it",
    ),
    "a mapping for a text": (
        "{image: {a: 1}}",
        "services.web.image: expected a string, found a mapping",
    ),
    "nothing for a text": (
        "{image: null}",
        "services.web.image: expected a string, found nothing",
    ),
    "a boolean for alternatives": (
        "{build: true}",
        "services.web.build: expected a string or a mapping, found true",
    ),
    "the alternative that was meant": (
        "{build: {contxt: .}}",
        (
            "services.web.build.contxt: unknown attribute 'contxt'\n"
            "  hint: did you mean context?"
        ),
    ),
    "a word that is not one of a few": (
        "{cgroup: none}",
        "services.web.cgroup: 'none' is not allowed\n  hint: one of host, private",
    ),
    "a text that does not follow a pattern": (
        "{container_name: '-'}",
        "services.web.container_name: '-' does not match [a-zA-Z0-9][a-zA-Z0-9_.-]+",
    ),
    "what is required": (
        "{volumes: [{target: /a}]}",
        "services.web.volumes[0]: type is missing",
    ),
    "an entry that stands twice": (
        "{cap_add: [A, B, A]}",
        "services.web.cap_add: an entry stands twice\n  hint: remove one of 'A'",
    ),
    "a name that is none": (
        "{sysctls: [a], networks: {'a b': null}}",
        (
            "services.web.networks.a b: 'a b' is not a valid name\n"
            "  hint: names match ^[a-zA-Z0-9._-]+$"
        ),
    ),
}


@pytest.mark.parametrize(("attributes", "told"), SERVICES.values(), ids=SERVICES)
def test_a_service(attributes: str, told: str) -> None:
    document = {"services": {"web": value(attributes)}}
    assert [str(problem) for problem in schema_problems(document)] == [told]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (
            "{services: {'a/b': {}}}",
            (
                "services.a/b: 'a/b' is not a valid name\n"
                "  hint: names match ^[a-zA-Z0-9._-]+$"
            ),
        ),
        ("{servcies: {}}", "servcies: unknown attribute 'servcies'"),
        ("{services: []}", "services: expected a mapping, found a list"),
    ],
)
def test_the_top_level(document: str, told: str) -> None:
    (problem,) = schema_problems(value(document))
    assert str(problem).startswith(told)


@pytest.mark.parametrize(
    "document",
    [
        "{services: {web: {image: a, x-own: [1]}}}",
        "{x-own: {any: [thing]}}",
        "{x-date: 2001-12-14}",
        "{x-number: .inf}",
        "{}",
    ],
)
def test_nothing_to_say(document: str) -> None:
    assert not list(schema_problems(value(document)))


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_number_that_is_infinite(number: float) -> None:
    (problem,) = schema_problems({"services": {"web": {"image": number}}})
    assert problem.message == "expected a string, found an infinite number"


def test_a_long_value_is_cut() -> None:
    (problem,) = schema_problems({"services": {"web": {"cgroup": "x" * 1000}}})
    assert len(problem.message) < 100


def test_every_problem_is_told() -> None:
    document = value("services: {web: {imgae: a, tty: [1]}, db: {usr: a}}")
    paths = {problem.path[1:] for problem in schema_problems(document)}
    assert paths == {("web", "imgae"), ("web", "tty"), ("db", "usr")}


def test_the_schema_is_the_one_of_compose() -> None:
    assert json.loads(schema_text())["$id"] == "compose_spec.json"
