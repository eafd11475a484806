"""The loop: order, time, and defects that stay where they are."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from stackyard.engine.process.edge.loop import READ, STREAM, Loop


@pytest.fixture
def pair():
    with ExitStack() as stack:
        yield [stack.enter_context(sock) for sock in socket.socketpair()]


def test_timers_come_in_order_unless_cancelled():
    loop, seen = Loop(), []
    loop.after(0.02, loop.stop)
    loop.after(0.01, lambda: seen.append("later"))
    loop.after(0, lambda: seen.append("first"))
    loop.after(0.005, lambda: seen.append("never")).cancel()
    loop.run()
    assert seen == ["first", "later"]


def test_a_defect_costs_no_other_its_event(pair, capsys):
    loop, seen = Loop(), []
    for index, sock in enumerate(pair):

        def watcher(events, index=index):
            seen.append(index)
            raise RuntimeError("a defect")

        loop.watch(sock, STREAM, watcher)
        sock.send(b"x")
    loop.soon(lambda: 1 / 0)
    loop.after(0, lambda: 1 / 0)
    loop.after(0.01, loop.stop)
    loop.run()
    assert sorted(set(seen)) == [0, 1]
    reported = capsys.readouterr().err
    assert reported.count("RuntimeError: a defect") == len(seen)
    assert reported.count("ZeroDivisionError") == 2


def test_a_number_is_not_used_again_amid_events(pair):
    """What closes one socket and opens another must not mistake their events."""
    loop, seen = Loop(), []
    numbers = [sock.fileno() for sock in pair]

    def watcher(events):
        for sock in pair:
            loop.close(sock)
        with socket.socket() as other:
            seen.append(other.fileno())
        loop.stop()

    for sock in pair:
        sock.send(b"x")
        loop.watch(sock, READ, watcher)
    loop.run()
    assert len(seen) == 1
    assert seen[0] not in numbers
    assert [sock.fileno() for sock in pair] == [-1, -1]
