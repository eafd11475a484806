"""As whom servers run, where the services are root."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from branchpg.postgres import owner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from branchpg.spawn import Identity


@pytest.fixture
def identity() -> Identity:
    found = owner.server_identity()
    if found is None:
        pytest.skip("only root becomes somebody else")
    return found


@pytest.fixture
def closed() -> Iterator[str]:
    """A directory that only root may enter, with an open one in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        os.mkdir(f"{directory}/open", 0o755)
        yield directory


def test_what_a_user_may(identity: Identity, closed: str) -> None:
    assert owner.may(identity, "/usr", read=True)
    assert not owner.may(identity, closed)
    assert not owner.may(identity, f"{closed}/open", read=True)
    os.chmod(closed, 0o711)
    assert owner.may(identity, closed)
    assert not owner.may(identity, closed, read=True)
    assert owner.may(identity, f"{closed}/open", read=True)


def test_a_server_starts_where_its_user_cannot_go(
    identity: Identity, closed: str
) -> None:
    assert owner.data_place(f"{closed}/open", identity) == (
        f"{closed}/open",
        "/proc/self/cwd",
    )
    os.chmod(closed, 0o711)
    assert owner.data_place(f"{closed}/open", identity) == ("/", f"{closed}/open")


def test_other_threads_stay_root_while_one_asks(
    identity: Identity, closed: str
) -> None:
    """A service serves while it starts servers."""
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(lambda: [owner.may(identity, closed) for _ in range(50)])
        while not asking.done():
            assert os.path.exists(f"{closed}/open")
            assert os.geteuid() == 0
        assert not any(asking.result())
