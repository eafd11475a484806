"""What the keeper's journal means."""

from __future__ import annotations

import json
from dataclasses import replace

from stackyard.engine.process.identity import ProcessIdentity
from stackyard.engine.process.keeper import records
from stackyard.engine.process.keeper.order import Account, Order
from stackyard.engine.process.keeper.records import Record

_INTENT = Record(key="a", log="/log", log_bytes=1, log_files=2)
_RUNNING = replace(_INTENT, identity=ProcessIdentity(7, 8, "boot"), started_at=9)
_ENDED = records.ended(_RUNNING, code=3, at=10)


def replay(*entries: dict[str, object]) -> dict[str, Record]:
    return records.replay(json.loads(json.dumps(entry)) for entry in entries)


def test_a_life():
    assert replay(records.intent(_INTENT)) == {"a": _INTENT}
    story = [records.intent(_INTENT), records.started(_RUNNING)]
    assert replay(*story) == {"a": _RUNNING}
    assert replay(*story, records.exited(_ENDED)) == {"a": _ENDED}
    assert replay(*story, records.exited(_ENDED), records.forgot("a")) == {}
    assert replay(records.forgot("a")) == {}


def test_what_runs():
    assert _INTENT.running
    assert _RUNNING.running
    assert not _ENDED.running


def test_an_order_survives_the_socket():
    order = Order(
        key="a",
        argv=("x", "é"),
        environment={"A": "b"},
        account=Account(uid=1, gid=2, groups=(3,)),
        rlimits={7: (1, 2)},
        timeout=1.5,
    )
    again = Order.from_json(json.loads(json.dumps(order.to_json())))
    assert json.dumps(again.to_json()) == json.dumps(order.to_json())
    assert again.rlimits == order.rlimits
    assert again.account is not None
    assert tuple(again.account.groups) == (3,)
