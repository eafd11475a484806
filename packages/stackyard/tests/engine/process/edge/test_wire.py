"""Messages and the descriptors that go with them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackyard.engine.process.edge import wire


@given(st.integers(0, 3000))
def test_parcels_hold_everything_in_order(count):
    data = wire.encode({"listeners": count})
    parts = list(wire.parcels(data, range(count)))
    assert b"".join(part for part, _ in parts) == data
    assert [number for _, passed in parts for number in passed] == list(range(count))
    assert all(part and len(passed) <= 253 for part, passed in parts)


@given(st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["listen", "protocol", "targets"]), inner
    ),
))  # fmt: skip
def test_no_table_is_a_crash(routes):
    with suppress(wire.WireError):
        wire.parse_table(routes)


def test_addresses_are_written_in_one_way():
    assert wire.parse_address(["0:0:0::1", 1]) == ("::1", 1)
    with pytest.raises(wire.WireError, match="is not an IP address"):
        wire.parse_address(["127.1", 1])


def test_a_target_counts_once():
    route = {"listen": ["127.0.0.1", 1], "targets": [["127.0.0.2", 1]] * 2}
    assert wire.parse_table([route]) == {
        ("tcp", "127.0.0.1", 1): [("127.0.0.2", 1)],
    }
