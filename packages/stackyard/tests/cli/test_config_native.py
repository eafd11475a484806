"""`yard config --native`: what a service becomes, with the reason for every change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Stack

FILE = """\
    services:
      web:
        image: alpine
        command: server --db db:5432 --files /srv
        environment: {DB_HOST: db, DB_NAME: db}
        volumes: [./files:/srv]
      db: {image: alpine, command: sleep 1}
    """


def test_every_substitution_has_its_reason(stack: Stack) -> None:
    stack.write(FILE)
    done = stack.yard("config", "--native", "web", "--format", "json")
    native = json.loads(done.stdout)
    files = str(stack.root / "files")
    assert native["argv"] == ["server", "--db", "<db>:5432", "--files", files]
    assert native["environment"]["DB_HOST"] == "<db>"
    assert native["environment"]["DB_NAME"] == "db"
    changed = {(item["was"], item["because"]) for item in native["substitutions"]}
    assert changed == {
        ("db", "db is a service of the project"),
        ("db:5432", "db is a service of the project"),
        ("/srv", "/srv is mounted"),
    }


def test_an_image_that_nobody_knows(stack: Stack) -> None:
    stack.write("services: {web: {image: example/nothing}}")
    told = stack.yard("config", "--native", "web", code=1).stderr
    assert "nothing is known of image example/nothing" in told
    assert "services.web.x-yard.command" in told


def test_a_service_that_is_not_there(stack: Stack) -> None:
    stack.write(FILE)
    told = stack.yard("config", "--native", "nosuch", code=1).stderr
    assert "no such service: nosuch" in told
