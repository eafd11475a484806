"""Image references, as Docker reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.images.adapter import ImageError, ImageReference
from stackyard.images.reference import format_reference, major, parse, version

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("postgres", ImageReference("postgres")),
        ("postgres:17-alpine", ImageReference("postgres", "17-alpine")),
        ("library/redis:7", ImageReference("redis", "7")),
        ("docker.io/library/redis", ImageReference("redis")),
        ("index.docker.io/library/redis", ImageReference("redis")),
        (
            f"docker.io/library/redis@{DIGEST}",
            ImageReference("redis", "", digest=DIGEST),
        ),
        (f"redis:7@{DIGEST}", ImageReference("redis", "7", digest=DIGEST)),
        ("valkey/valkey:8", ImageReference("valkey/valkey", "8")),
        ("ghcr.io/a/b:1", ImageReference("a/b", "1", "ghcr.io")),
        ("ghcr.io/library/a", ImageReference("library/a", registry="ghcr.io")),
        ("localhost/x", ImageReference("x", registry="localhost")),
        ("localhost:5000/x", ImageReference("x", registry="localhost:5000")),
        ("localhost:5000", ImageReference("localhost", "5000")),
        ("Host/x:y", ImageReference("x", "y", "Host")),
        ("[::1]:5000/x:1", ImageReference("x", "1", "[::1]:5000")),
        ("a__b.c-d---e", ImageReference("a__b.c-d---e")),
    ],
)
def test_references(text: str, reference: ImageReference) -> None:
    assert parse(text) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "Postgres",
        "postgres:",
        "postgres: 17",
        "postgres:-17",
        "postgres:17:18",
        "postgres@17",
        "postgres@sha256:abc",
        "/postgres",
        "postgres/",
        "a//b",
        "a___b",
        "-a",
        "a-",
        "ex_ample.com:1/x",
        "localhost:port/x",
        "postgres\n",
        "postgres:" + "1" * 129,
        "a" * 300,
        "postgrés",
    ],
)
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(ImageError, match="invalid image reference") as caught:
        parse(text)

    assert caught.value.hint


names = st.from_regex(
    r"[a-z0-9]{1,9}((\.|_|__|-{1,3})[a-z0-9]{1,9}){0,2}", fullmatch=True
)
repositories = st.lists(names, min_size=1, max_size=3).map("/".join)
registries = st.sampled_from(["docker.io", "ghcr.io", "localhost", "localhost:5000"])
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}", fullmatch=True)


@given(repositories, tags, registries, st.sampled_from(["", DIGEST]))
def test_what_is_written_is_read_as_the_same(
    repository: str, tag: str, registry: str, digest: str
) -> None:
    text = f"{registry}/{repository}:{tag}" + (f"@{digest}" if digest else "")

    reference = parse(text)

    assert parse(format_reference(reference)) == reference
    assert (reference.tag, reference.registry, reference.digest) == (
        tag,
        registry,
        digest,
    )


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        reference = parse(text)
    except ImageError:
        return

    assert parse(format_reference(reference)) == reference


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("17", "17"),
        ("17-alpine", "17"),
        ("17.2-bookworm", "17"),
        ("v3", "3"),
        ("latest", ""),
        ("alpine3.20", ""),
        ("17beta1", ""),
        ("22-slim", "22"),
    ],
)
def test_the_major_version_of_a_tag(tag: str, expected: str) -> None:
    assert major(ImageReference("postgres", tag)) == expected


def test_two_parts_of_a_version() -> None:
    assert version(ImageReference("python", "3.12.4-slim"), parts=2) == "3.12"
    assert version(ImageReference("python", "3-slim"), parts=2) == "3"
