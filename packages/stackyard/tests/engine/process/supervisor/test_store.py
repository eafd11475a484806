"""What the supervisor remembers, and addresses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from process_support import container, desired, service

from stackyard.engine.errors import StateError
from stackyard.engine.process.blocks import SIZE
from stackyard.engine.process.state import StateRoot
from stackyard.engine.process.supervisor.resolve import Resolver
from stackyard.engine.process.supervisor.store import Store, replica_owner

if TYPE_CHECKING:
    from pathlib import Path

    from stackyard.engine.process.state import ProjectState


@pytest.fixture
def state(tmp_path: Path) -> ProjectState:
    state = StateRoot(tmp_path).project("p")
    state.prepare()
    return state


def test_everything_is_there_again(state: ProjectState):
    store = Store(state, 16)
    spec = service("web")
    item = container("web")
    store.put(item)
    store.networks.add("net")
    store.ports["web/80/tcp/127.0.0.1"] = 12345
    store.keep_desired(desired(spec))
    address = store.address("web-1")
    asyncio.run(store.flush())
    again = Store(state, 16)
    assert again.containers == (item,)
    assert again.networks == {"net"}
    assert again.ports == {"web/80/tcp/127.0.0.1": 12345}
    assert again.desired == desired(spec)
    assert again.address("web-1") == address


def test_specifications_are_kept_as_long_as_they_are_used(state: ProjectState):
    store = Store(state, 16)
    first, second = service("web"), service("web", version="2")
    names = [store.keep_spec(first), store.keep_spec(second), store.keep_spec(first)]
    assert names[0] == names[2] != names[1]
    from msgspec.structs import replace

    item = store.put(replace(container("web"), spec=names[1]))
    store.drop_unused_specs()
    assert [path.stem for path in (state.path / "specs").iterdir()] == [names[1]]
    assert Store(state, 16).spec(item) == second


def test_writes_of_one_moment_are_one(
    state: ProjectState, monkeypatch: pytest.MonkeyPatch
):
    store = Store(state, 16)
    saves = []
    monkeypatch.setattr(store, "save", lambda: saves.append(1))

    async def main() -> None:
        await asyncio.gather(*(store.flush() for _ in range(5)))
        await store.flush()

    asyncio.run(main())
    assert saves == [1, 1]


def test_everyone_is_told_of_a_full_disk(
    state: ProjectState, monkeypatch: pytest.MonkeyPatch
):
    store = Store(state, 16)

    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "save", full)

    async def main() -> list[BaseException | None]:
        return await asyncio.gather(
            *(store.flush() for _ in range(2)), return_exceptions=True
        )

    assert [type(error) for error in asyncio.run(main())] == [OSError, OSError]


def test_addresses_of_a_block(state: ProjectState):
    store = Store(state, 16)
    names = [replica_owner("web", 1, 0), replica_owner("web", 1, 1), "web"]
    addresses = [store.address(name) for name in names]
    assert addresses == ["127.1.0.1", "127.1.0.2", "127.1.0.3"]
    assert store.address("web-1") == "127.1.0.1"
    store.release("web-1+")
    assert store.address("db-1") == "127.1.0.2"


def test_addresses_never_leave_the_block(state: ProjectState):
    store = Store(state, 255 * 16 + 15)
    addresses = {store.address(f"run-{number}") for number in range(SIZE)}
    assert len(addresses) == SIZE
    assert max(address.split(".")[2] for address in addresses) == "255"
    with pytest.raises(StateError, match="all 4094 addresses of project p are taken"):
        store.address("one-more")


def test_tokens_are_filled_in(state: ProjectState):
    store = Store(state, 16)
    store.keep_desired(
        desired(
            service("db", listens=(5432,), balanced=True),
            service("api", balanced=True),
            service("web"),
        )
    )
    item = container("web")
    resolver = Resolver(state, store)
    text = "\0self\0 \0scratch\0/x \0service:db\0:5432 \0service:api\0 \0service:web\0"
    shown = resolver.text(text, item).replace(str(state.path), "")
    assert shown == "127.1.0.1 /scratch/web-1-0/x 127.1.0.1:5432 127.1.0.2 127.1.0.3"
    assert store.address("db") == "127.1.0.1"
    # Nothing is known of where it listens, so that nothing can be balanced.
    assert store.address("api-1") == "127.1.0.2"
    assert resolver.text("plain", item) == "plain"
