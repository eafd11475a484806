"""Commands of the replication protocol, as the real clients write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchpg.errors import BadRequest
from branchpg.lsn import Lsn
from branchpg.safekeeper import commands


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("IDENTIFY_SYSTEM", commands.IdentifySystem()),
        ("identify_system ;", commands.IdentifySystem()),
        ("", commands.Nothing()),
        ("SHOW wal_segment_size", commands.Show("wal_segment_size")),
        ("TIMELINE_HISTORY 2", commands.TimelineHistory(2)),
        ('READ_REPLICATION_SLOT "a"', commands.ReadSlot("a")),
        ("DROP_REPLICATION_SLOT a WAIT", commands.DropSlot("a")),
        (
            'CREATE_REPLICATION_SLOT "a" TEMPORARY PHYSICAL (RESERVE_WAL)',
            commands.CreateSlot("a", temporary=True, reserve=True),
        ),
        (
            "CREATE_REPLICATION_SLOT a PHYSICAL",
            commands.CreateSlot("a", temporary=False, reserve=False),
        ),
        (
            'START_REPLICATION SLOT "a" 0/3000000 TIMELINE 1',
            commands.StartReplication(Lsn(0x3000000), "a", 1),
        ),
        (
            "START_REPLICATION PHYSICAL 1/A",
            commands.StartReplication(Lsn(0x10000000A), None, None),
        ),
        (
            "SELECT pg_catalog.set_config('search_path', '', false);",
            commands.SetSearchPath(),
        ),
    ],
)
def test_a_command_is_read(text, command):
    assert commands.parse(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "BASE_BACKUP",
        "CREATE_REPLICATION_SLOT a LOGICAL pgoutput",
        'CREATE_REPLICATION_SLOT "../a" PHYSICAL',
        "DROP_REPLICATION_SLOT " + "a" * 64,
        "START_REPLICATION SLOT a LOGICAL 0/0",
    ],
)
def test_what_is_not_served_is_refused(text):
    with pytest.raises(BadRequest):
        commands.parse(text)


@given(st.text(max_size=200))
def test_any_text_is_a_command_or_refused(text):
    with contextlib.suppress(BadRequest):
        commands.parse(text)
