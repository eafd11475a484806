"""Where a rollback leads, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from workspace_ops import safety
from workspace_ops.database import connected, rows, value
from workspace_ops.errors import OperationError
from workspace_ops.rollback import rollback

if TYPE_CHECKING:
    from workspace_ops.settings import Settings

pytestmark = pytest.mark.xdist_group("workspace_ops")


def test_the_newest_branch_from_before_is_meant(settings: Settings) -> None:
    safety.keep_as_branch(settings, None, "before-load")
    newest = safety.keep_as_branch(settings, None, "before-migration")
    with connected(settings) as connection:
        rows(connection, "CREATE TABLE public.since ()")
        connection.commit()

    assert rollback(settings, None, dry_run=True).to == newest
    with connected(settings) as connection:
        assert value(connection, "SELECT to_regclass('public.since')") == "since"
    done = rollback(settings, None)

    assert done.to == newest
    with connected(settings) as connection:
        assert value(connection, "SELECT to_regclass('public.since')") is None
    with connected(settings, done.preserved) as connection:
        assert value(connection, "SELECT to_regclass('public.since')") == "since"


def test_a_branch_that_is_not_there(settings: Settings) -> None:
    with pytest.raises(OperationError, match="no branch nosuch") as told:
        rollback(settings, "nosuch")
    assert "main" in (told.value.hint or "")


def test_without_a_pageserver_it_says_so(settings: Settings) -> None:
    from branchpg.errors import BranchpgError

    with pytest.raises(BranchpgError):
        rollback(replace(settings, pageserver_port=1), None)
