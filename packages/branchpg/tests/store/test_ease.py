"""Work that goes on gently until somebody waits for it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from branchpg.store.ease import Ease


def test_gentle_work_pauses_after_a_piece_until_it_is_hurried() -> None:
    ease, finished = Ease(gentle=True, pause=1e9), threading.Event()

    def work() -> None:
        with ease.piece():
            pass
        finished.set()

    worker = threading.Thread(target=work)
    worker.start()
    assert not finished.wait(0.2)
    ease.hurry()
    assert finished.wait(60)
    worker.join()


def test_other_work_never_pauses_and_is_done_side_by_side() -> None:
    assert not Ease().gentle
    together = threading.Barrier(3, timeout=60)
    assert whole(Ease(), together)


def test_gentle_work_is_one_piece_at_a_time_until_it_is_hurried() -> None:
    ease = Ease(gentle=True)
    inside = 0
    most = 0

    def piece(_number: int) -> None:
        nonlocal inside, most
        with ease.piece():
            inside += 1
            most = max(most, inside)
            inside -= 1

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(piece, range(30)))
    assert most == 1
    ease.hurry()
    assert whole(ease, threading.Barrier(3, timeout=60))


def whole(ease: Ease, together: threading.Barrier) -> bool:
    """Return whether three threads are in a piece of it at once."""

    def piece(_number: int) -> int:
        with ease.piece():
            return together.wait()

    with ThreadPoolExecutor(3) as pool:
        return sorted(pool.map(piece, range(3))) == [0, 1, 2]
