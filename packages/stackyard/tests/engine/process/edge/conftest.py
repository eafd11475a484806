"""An edge process for a test, and servers behind it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from edge_support import Addresses, Edge, NamedServer, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def addresses() -> Addresses:
    return Addresses()


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    """A running edge; it must not have complained of anything."""
    edge = Edge(tmp_path)
    try:
        edge.start()
        yield edge
    finally:
        edge.close()
    assert edge.log.read_text() == ""


@pytest.fixture
def server(addresses: Addresses) -> Iterator[Callable[[], Server]]:
    with ExitStack() as stack:

        def start() -> Server:
            server = Server(addresses.new())
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def named(addresses: Addresses) -> Iterator[Callable[[str], NamedServer]]:
    with ExitStack() as stack:

        def start(name: str) -> NamedServer:
            server = NamedServer(addresses.new(), name)
            stack.callback(server.close)
            return server

        yield start
