"""Which values are paths, and what they are relative to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support import value

from stackyard.compose.load.paths import join, resolve_paths

if TYPE_CHECKING:
    from pathlib import Path

HOME = {"HOME": "/home/me"}


def resolved(document: dict[str, Any], directory: str = "/project") -> dict[str, Any]:
    return resolve_paths(document, directory, HOME)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("{build: {context: .}}", "{build: {context: /project}}"),
        ("{build: {context: ../a}}", "{build: {context: /a}}"),
        ("{build: {context: ''}}", "{build: {context: ''}}"),
        (
            "{build: {context: 'https://host/r.git'}}",
            "{build: {context: 'https://host/r.git'}}",
        ),
        (
            "{build: {context: 'git@host:r.git'}}",
            "{build: {context: 'git@host:r.git'}}",
        ),
        ("{build: {context: github.com/a/b}}", "{build: {context: github.com/a/b}}"),
        (
            "{build: {additional_contexts: {a: b, c: 'service:d', e: 'oci-layout://f'}}}",
            (
                "{build: {additional_contexts:"
                " {a: /project/b, c: 'service:d', e: 'oci-layout://f'}}}"
            ),
        ),
        ("{build: {ssh: {key: ~/.ssh/id}}}", "{build: {ssh: {key: /home/me/.ssh/id}}}"),
        ("{build: {context: 'a/x://b'}}", "{build: {context: 'a/x://b'}}"),
        ("{build: {context: 'C:\\a'}}", "{build: {context: '/project/C:\\a'}}"),
        ("{build: {ssh: {key: 'C:\\a'}}}", "{build: {ssh: {key: 'C:\\a'}}}"),
        ("{build: {ssh: {default: null}}}", "{build: {ssh: {default: null}}}"),
        ("{build: {dockerfile: a/b}}", "{build: {dockerfile: a/b}}"),
        ("{env_file: [{path: ./a}]}", "{env_file: [{path: /project/a}]}"),
        ("{env_file: [{path: /a}]}", "{env_file: [{path: /a}]}"),
        ("{label_file: [a, ~/b]}", "{label_file: [/project/a, /home/me/b]}"),
        ("{extends: {file: a.yaml}}", "{extends: {file: /project/a.yaml}}"),
        (
            "{develop: {watch: [{path: src, target: /src}]}}",
            "{develop: {watch: [{path: /project/src, target: /src}]}}",
        ),
        (
            "{volumes: [{type: bind, source: ./a, target: b}]}",
            "{volumes: [{type: bind, source: /project/a, target: b}]}",
        ),
        (
            "{volumes: [{type: bind, source: 'C:\\a'}]}",
            "{volumes: [{type: bind, source: 'C:\\a'}]}",
        ),
        (
            "{volumes: [{type: volume, source: a}]}",
            "{volumes: [{type: volume, source: a}]}",
        ),
    ],
)
def test_a_service(given: str, found: str) -> None:
    document = {"services": {"web": value(given)}}
    assert resolved(document) == {"services": {"web": value(found)}}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("{configs: {a: {file: b}}}", "{configs: {a: {file: /project/b}}}"),
        ("{secrets: {a: {file: ~/b}}}", "{secrets: {a: {file: /home/me/b}}}"),
        (
            "{include: [{path: [a, b]}]}",
            "{include: [{path: [/project/a, /project/b]}]}",
        ),
        (
            "{volumes: {a: {driver: local, driver_opts: {o: bind, device: ./b}}}}",
            (
                "{volumes: {a: {driver: local, driver_opts:"
                " {o: bind, device: /project/b}}}}"
            ),
        ),
        (
            "{volumes: {a: {driver: nfs, driver_opts: {o: bind, device: ./b}}}}",
            "{volumes: {a: {driver: nfs, driver_opts: {o: bind, device: ./b}}}}",
        ),
    ],
)
def test_other_sections(given: str, found: str) -> None:
    assert resolved(value(given)) == value(found)


def test_a_watched_path_is_followed_through_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    watch = [{"path": "link"}, {"path": "missing"}]
    resolved({"services": {"web": {"develop": {"watch": watch}}}}, str(tmp_path))
    assert watch == [{"path": f"{tmp_path}/real"}, {"path": f"{tmp_path}/missing"}]


@pytest.mark.parametrize(
    ("directory", "path", "joined"),
    [
        ("/a", "b", "/a/b"),
        ("/a", "./b/../c", "/a/c"),
        ("/a", "../b", "/b"),
        ("/a", "/b/./c", "/b/./c"),
        ("sub", "../b", "b"),
        ("sub", "../../b", "../b"),
        ("", "./b", "b"),
        ("", ".", "."),
    ],
)
def test_joining(directory: str, path: str, joined: str) -> None:
    assert join(directory, path) == joined
