"""Ports are given to one server at a time, and again."""

from __future__ import annotations

import pytest

from branchpg.compute.ports import Ports
from branchpg.errors import TryLater


def test_each_is_taken_once_until_it_is_given_back() -> None:
    ports = Ports()
    taken = [ports.take() for _ in range(65536 - 1024)]
    assert len(set(taken)) == len(taken)
    with pytest.raises(TryLater, match="all ports"):
        ports.take()
    ports.give_back(taken[7])
    assert ports.take() == taken[7]


def test_one_that_was_given_back_rests() -> None:
    """A server that ends may hold on to its socket for a moment."""
    ports = Ports()
    port = ports.take()
    ports.give_back(port)
    assert ports.take() != port
