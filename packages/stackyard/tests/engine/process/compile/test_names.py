"""Who reaches whom, by what name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stackyard.engine.process.compile.names import Names

if TYPE_CHECKING:
    from compile_support import Compiler


def names(compiler: Compiler, text: str, service: str = "web") -> dict[str, str]:
    project = compiler.workspace.project(text)
    found = Names(project).reachable(project.services[service])
    return {name: token.split(":")[1][:-1] for name, token in found.items()}


def test_all_of_the_default_network(compiler: Compiler):
    text = """
        services:
          web: {image: x}
          db: {image: x, container_name: the-db}
        """
    assert names(compiler, text) == {"web": "web", "db": "db", "the-db": "db"}


def test_only_shared_networks(compiler: Compiler):
    text = """
        networks: {front: , back: }
        services:
          web: {image: x, networks: [front]}
          api:
            image: x
            networks: {front: {aliases: [a]}, back: {aliases: [b]}}
          db: {image: x, networks: [back]}
        """
    assert names(compiler, text) == {"web": "web", "api": "api", "a": "api"}
    assert "db" in names(compiler, text, "api")


def test_links_have_names_of_their_own(compiler: Compiler):
    text = """
        services:
          web: {image: x, links: ["db:postgres", cache]}
          db: {image: x}
          cache: {image: x}
        """
    assert names(compiler, text)["postgres"] == "db"


def test_no_network_reaches_nobody(compiler: Compiler):
    text = """
        services:
          web: {image: x, network_mode: none}
          db: {image: x}
        """
    assert names(compiler, text) == {}


def test_the_network_of_another_service(compiler: Compiler):
    text = """
        services:
          web: {image: x, network_mode: "service:side"}
          side: {image: x}
          db: {image: x}
        """
    assert names(compiler, text).keys() >= {"side", "db"}
