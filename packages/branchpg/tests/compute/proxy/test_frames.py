"""Where a session's messages begin and end, however its bytes are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from branchpg.compute.proxy.frames import TERMINATE, Answers, Dialogue, Requests
from branchpg.wire.messages import frame, ready

BODIES = st.binary(max_size=12) | st.sampled_from([TERMINATE, b"X", b"Z\0\0\0\5I"])
KINDS = st.sampled_from([b"Q", b"P", b"B", b"S", b"F", b"d", b"c"])
MESSAGES = st.lists(st.builds(frame, KINDS, BODIES), max_size=6)
CUTS = st.lists(st.integers(1, 7))


def pieces(data: bytes, cuts: list[int]) -> list[memoryview]:
    found = []
    for size in cuts:
        if not data:
            break
        found.append(memoryview(data[:size]))
        data = data[size:]
    return [*found, memoryview(data)] if data else found


def asked(*said: bytes) -> Requests:
    requests = Requests()
    for data in said:
        requests.follow(memoryview(data))
    return requests


@given(said=MESSAGES, cuts=CUTS)
def test_all_is_passed_on_but_the_goodbye(said, cuts):
    requests = Requests()
    data = b"".join(said)
    passed = [bytes(requests.follow(piece)) for piece in pieces(data + TERMINATE, cuts)]
    assert b"".join(passed) == data
    assert requests.is_over
    assert requests.is_between


@given(said=MESSAGES, cuts=CUTS, count=st.integers(0, 80))
def test_without_a_goodbye_all_is_passed_on_but_a_beginning(said, cuts, count):
    requests = Requests()
    data = b"".join(said)[:count]
    passed = b"".join(bytes(requests.follow(piece)) for piece in pieces(data, cuts))
    assert data.startswith(passed)
    assert len(data) - len(passed) < len(TERMINATE)
    assert not requests.is_over


@given(cuts=CUTS, queries=st.integers(0, 3), answers=st.integers(0, 3))
def test_a_server_is_at_rest_that_has_answered_all(cuts, queries, answers):
    dialogue = Dialogue()
    for piece in pieces(frame(b"Q", b"SELECT 1\0") * queries, cuts):
        dialogue.requests.follow(piece)
    for piece in pieces((frame(b"C", b"SELECT 1\0") + ready()) * answers, cuts):
        dialogue.answers.follow(piece)
    assert dialogue.is_at_rest == (queries == answers)


def test_a_server_in_a_transaction_is_not_at_rest():
    for state in (b"T", b"E"):
        dialogue = Dialogue()
        dialogue.requests.follow(memoryview(frame(b"Q", b"BEGIN\0")))
        dialogue.answers.follow(memoryview(ready(state)))
        assert not dialogue.is_at_rest


def test_what_only_a_sync_ends_is_loose():
    assert asked(frame(b"P", b"\0\0\0\0")).is_loose
    assert asked(frame(b"S"), frame(b"H")).is_loose
    assert not asked(frame(b"P", b"\0\0\0\0"), frame(b"S")).is_loose
    assert not asked(frame(b"Q", b"COPY\0"), frame(b"d", b"1\n"), frame(b"c")).is_loose


def test_what_is_no_message_is_passed_on_and_never_at_rest():
    dialogue = Dialogue()
    garbage = b"Q\0\0\0\3" + TERMINATE
    assert bytes(dialogue.requests.follow(memoryview(garbage))) == garbage
    assert not dialogue.is_at_rest
    assert not dialogue.requests.is_over


def test_a_server_within_a_message_is_not_at_rest():
    dialogue = Dialogue()
    dialogue.answers.follow(memoryview(frame(b"N", b"notice")[:-1]))
    assert not dialogue.is_at_rest
    assert isinstance(dialogue.answers, Answers)
