"""The order inside a column."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from workspace_api.positions import LONGEST, between, spread

if TYPE_CHECKING:
    from workspace_harness.client import Client
    from workspace_harness.service import ServiceThread

_DECIMALS = st.decimals(-(10**6), 10**6, allow_nan=False, places=12)


@given(_DECIMALS, _DECIMALS)
def test_between_is_between(one: Decimal, other: Decimal) -> None:
    lower, upper = sorted((one, other))
    found = between(lower, upper)
    if lower == upper:
        assert found is None
    else:
        assert found is not None
        assert lower < found < upper


def test_between_is_short() -> None:
    assert between(Decimal(1), Decimal(3)) == Decimal(2)
    assert between(Decimal(1), Decimal(2)) == Decimal("1.5")
    assert between(None, Decimal("3.7")) == Decimal(3)
    assert between(Decimal("3.2"), None) == Decimal(4)
    assert between(None, None) == Decimal(1)


def test_room_ends_where_numbers_would_get_long() -> None:
    lower, upper, steps = Decimal(1), Decimal(2), 0
    while (found := between(lower, upper)) is not None:
        upper, steps = found, steps + 1
        assert len(str(found)) <= LONGEST + 2
    assert steps > LONGEST


@given(_DECIMALS, st.integers(1, 200))
def test_spread_is_in_order_and_leaves_room(lower: Decimal, count: int) -> None:
    found = spread(lower, lower + 1, count)
    assert found is not None
    whole = [lower, *found, lower + 1]
    assert all(
        between(a, b) is not None for a, b in zip(whole, whole[1:], strict=False)
    )
    assert spread(lower, lower, count) is None


def column(client: Client, status: str = "new") -> list[str]:
    found = client.get(f"/items?status={status}&sort=position&limit=1000").data
    positions = [Decimal(one["position"]) for one in found]
    assert positions == sorted(positions)
    assert len(set(positions)) == len(positions)
    return [one["id"] for one in found]


def test_new_items_stand_at_the_end(client: Client) -> None:
    ids = [client.item()["id"] for _ in range(3)]
    assert column(client) == ids


def test_moves_within_and_across_columns(client: Client) -> None:
    a, b, c, d = (client.item()["id"] for _ in range(4))

    def move(item: str, **where: str) -> int:
        return client.post(f"/items/{item}/move", where).status

    assert move(d, before=b) == 200
    assert column(client) == [a, d, b, c]
    assert move(a, after=b) == 200
    assert column(client) == [d, b, a, c]
    assert move(c, before=d) == 200
    assert column(client) == [c, d, b, a]
    assert move(c) == 200
    assert column(client) == [d, b, a, c]
    assert move(b, status="review") == 200
    assert move(a, status="review", before=b) == 200
    assert (column(client), column(client, "review")) == ([d, c], [a, b])
    # By a change of status too, it goes to the end.
    client.patch(f"/items/{d}", {"status": "review"})
    assert column(client, "review") == [a, b, d]


def test_a_place_may_have_the_number_of_the_old_one(client: Client) -> None:
    """The number before the other column's only item is the one it had here."""
    moved = client.item()["id"]
    only = client.item(status="review")["id"]
    where = {"status": "review", "before": only}
    assert client.post(f"/items/{moved}/move", where).status == 200
    assert column(client, "review") == [moved, only]


def test_a_place_that_is_not_there(client: Client) -> None:
    a, b = client.item()["id"], client.item(status="review")["id"]
    assert client.post(f"/items/{a}/move", {"after": "999"}).status == 404
    assert client.post(f"/items/{a}/move", {"after": b}).status == 409
    assert client.post(f"/items/{a}/move", {"after": a}).fields == ["after"]
    assert client.post(f"/items/{a}/move", {"before": "x"}).fields == ["before"]
    assert client.post(f"/items/{a}/move", {"column": "new"}).fields == ["column"]


def test_there_is_always_room_at_the_same_place(client: Client) -> None:
    first, last = client.item()["id"], client.item()["id"]
    moved = [client.item()["id"] for _ in range(3)]
    for number in range(160):
        item = moved[number % 3]
        assert client.post(f"/items/{item}/move", {"after": first}).status == 200
        ids = column(client)
        assert ids[:2] == [first, item]
        assert ids[-1] == last or number < 2


def test_moves_to_one_place_at_the_same_time_all_get_one(
    service: ServiceThread, client: Client
) -> None:
    first, last = client.item()["id"], client.item()["id"]
    ids = [client.item()["id"] for _ in range(8)]
    statuses = []

    def move(item: str, where: dict[str, str]) -> None:
        mine = service.client()
        path = f"/items/{item}/move"
        statuses.extend([mine.post(path, where).status for _ in range(10)])
        mine.close()

    threads = [
        threading.Thread(
            target=move, args=(item, {"after": first} if n % 2 else {"before": last})
        )
        for n, item in enumerate(ids)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80
    found = column(client)
    assert (found[0], found[-1]) == (first, last)
    assert sorted(found[1:-1]) == sorted(ids)
