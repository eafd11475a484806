"""The choice between targets."""

from __future__ import annotations

from stackyard.engine.process.edge.backends import Backend, Choice, Lane


def lanes(*active):
    found = []
    for index, count in enumerate(active):
        backend = Backend((f"127.0.0.{index}", 80))
        backend.active = count
        found.append(Lane(backend))
    return found


def chosen(choice, count):
    return [choice.lanes.index(choice.next()) for _ in range(count)]


def test_the_least_busy_among_equals_in_turn():
    choice = Choice()
    assert choice.next() is None
    choice.lanes = lanes(1, 0, 0, 0)
    assert chosen(choice, 6) == [1, 2, 3, 1, 2, 3]


def test_who_did_not_answer_comes_last_but_is_not_forgotten():
    choice = Choice()
    choice.lanes = lanes(0, 5)
    choice.lanes[0].backend.avoid()
    assert chosen(choice, 2) == [1, 1]
    assert choice.next([choice.lanes[1]]) is choice.lanes[0]
    choice.lanes[0].backend.avoided_until = 1.0  # long ago
    assert chosen(choice, 1) == [0]


def test_who_drains_is_not_chosen():
    choice = Choice()
    choice.lanes = lanes(0, 5)
    choice.lanes[0].backend.draining = True
    assert chosen(choice, 2) == [1, 1]
    assert choice.next([choice.lanes[1]]) is None
