"""What was acknowledged stays: services are killed, directories vanish, two compete."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from branchpg_harness.stack import Stack, postmasters, query, wait_for

from branchpg.errors import BranchpgError, Conflict
from branchpg.http import codec
from branchpg.http.safekeepers import Safekeepers
from branchpg.lsn import Lsn
from branchpg.postgres.server import postmaster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The last test of a module waits for its stack to be removed, too.
pytestmark = pytest.mark.timeout(200)

WRITERS = 4
STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
# Some segments of WAL.
BULK = "INSERT INTO bulk SELECT repeat('x', 1000) FROM generate_series(1, 100000)"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


class Load:
    """Writers that insert numbers one by one, and remember what was acknowledged."""

    def __init__(self, stack: Stack, branch: str | None = None) -> None:
        self.stack, self.branch = stack, branch
        self.acknowledged: list[int] = []
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._write, args=(n,)) for n in range(WRITERS)
        ]

    def __enter__(self) -> Load:
        self.stack.sql("CREATE TABLE IF NOT EXISTS acks (n int)", branch=self.branch)
        for thread in self._threads:
            thread.start()
        self.progress()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def progress(self) -> None:
        """Wait until more was acknowledged."""
        goal = len(self.acknowledged) + 20
        wait_for(lambda: len(self.acknowledged) >= goal, "writers make progress")

    def missing(self) -> set[int]:
        """Return what was acknowledged and is not there."""
        rows = self.stack.sql("SELECT n FROM acks", branch=self.branch)
        return set(self.acknowledged) - {n for (n,) in rows}

    def _write(self, writer: int) -> None:
        number = writer
        while not self._stopping.is_set():
            try:
                with self.stack.connect(self.branch, connect_timeout=5) as connection:
                    with connection.cursor() as cursor:
                        while not self._stopping.is_set():
                            number += WRITERS
                            cursor.execute("INSERT INTO acks VALUES (%s)", (number,))
                            self.acknowledged.append(number)
            except psycopg2.Error:
                self._stopping.wait(0.05)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("service", ["compute", "pageserver", "safekeeper1"])
def test_nothing_acknowledged_is_lost_when_a_service_is_killed(service: str) -> None:
    with Stack() as stack, Load(stack) as load:
        for _ in range(3):
            stack.kill(service)
            stack.start(service)
            load.progress()
        load._stopping.set()
        assert load.missing() == set()


@pytest.mark.timeout(150)
def test_the_data_directory_is_deleted_under_load() -> None:
    with Stack() as stack:
        stack.sql("SELECT 1")
        pgdata = f"{stack.root}/compute/endpoints/{stack.endpoint('main')['id']}/pgdata"
        with Load(stack) as load:
            before = server_of(pgdata)
            shutil.rmtree(pgdata, ignore_errors=True)
            # The server whose files are gone may go on for a moment.
            wait_for(lambda: server_of(pgdata) not in {None, before}, "it is made anew")
            load.progress()
        assert load.missing() == set()


def server_of(pgdata: str) -> int | None:
    found = postmaster(pgdata)
    return found.pid if found else None


@pytest.mark.timeout(150)
def test_all_is_killed_at_once_and_the_data_directory_is_lost() -> None:
    with Stack() as stack:
        with Load(stack) as load:
            load.progress()
            for service in ("safekeeper1", "pageserver", "compute"):
                stack.kill(service)
            load._stopping.set()
        lose_compute(stack)
        for service in ("safekeeper1", "pageserver", "compute"):
            stack.start(service)
        assert load.missing() == set()


@pytest.mark.timeout(200)
def test_one_of_three_safekeepers_may_be_down_and_two_stop_commits() -> None:
    with Stack(safekeepers=3) as stack:
        with Load(stack) as load:
            stack.kill("safekeeper2")
            load.progress()
            stack.kill("safekeeper3")
            before = settled(load)
            with pytest.raises(BranchpgError, match="safekeepers"):
                stack.create("needs-a-quorum")
            assert len(load.acknowledged) <= before + WRITERS
            stack.start("safekeeper3")
            load.progress()
            # Of those that are left, one alone has the newest commits.
            stack.kill("safekeeper1")
            stack.start("safekeeper2")
            load.progress()
        stack.kill("compute")
        lose_compute(stack)
        stack.start("compute")
        assert load.missing() == set()


@pytest.mark.timeout(150)
def test_a_safekeeper_that_was_away_when_an_endpoint_woke_joins_it() -> None:
    with Stack(safekeepers=3) as stack:
        stack.sql("CREATE TABLE t (n int)")
        stack.kill("safekeeper2")
        stack.suspend()
        stack.sql("INSERT INTO t VALUES (1)")
        stack.start("safekeeper2")
        wait_for(lambda: stack.sql(STREAMING) == 3, "it receives")
        stack.kill("safekeeper1")
        stack.kill("compute")
        lose_compute(stack)
        stack.start("compute")
        assert stack.sql("SELECT n FROM t") == 1
        stack.sql("INSERT INTO t VALUES (2)")


@pytest.mark.timeout(150)
@pytest.mark.parametrize("loss", ["nothing", "log that was moved", "its disk"])
def test_a_safekeeper_that_lacks_what_a_new_compute_lacks_gets_it(loss: str) -> None:
    """From the others, by itself; then a quorum with it keeps what is acknowledged."""
    with Stack(safekeepers=3) as stack:
        stack.sql("CREATE TABLE bulk (s text)")
        stack.sql("CREATE TABLE acks (n int)")
        stack.kill("safekeeper3")
        reached = stack.lsn()
        stack.sql(BULK)
        # From which the compute is made anew, without the log before.
        stack.api("PUT", f"/timeline/{stack.timeline('main')}/checkpoint")
        if loss == "log that was moved":
            wait_for(lambda: kept_from(stack) > reached, "it is moved")
        if loss == "its disk":
            shutil.rmtree(f"{stack.root}/safekeeper3")
            stack.start("safekeeper3")
        stack.kill("compute")
        lose_compute(stack)
        stack.start("compute")
        with Load(stack) as load:
            if loss != "its disk":
                stack.start("safekeeper3")
            end = stack.lsn()
            wait_for(lambda: position(stack, "safekeeper3") >= end, "it has it all")
            stack.kill("safekeeper1")
            load.progress()
            stack.kill("compute")
            lose_compute(stack)
            stack.kill("safekeeper2")
            stack.start("safekeeper1")
            stack.start("compute")
            load.progress()
        assert load.missing() == set()
        assert stack.sql("SELECT count(*) FROM bulk") == 100_000


@pytest.mark.timeout(150)
def test_a_safekeeper_that_is_away_for_long_fills_no_disk() -> None:
    with Stack(safekeepers=3, **{"keep-log": 32}) as stack:
        stack.sql("CREATE TABLE bulk (s text)")
        stack.kill("safekeeper3")
        stack.sql(BULK)
        slots = "SELECT string_agg(slot_name, ' ') FROM pg_replication_slots"
        wait_for(lambda: "_3" not in stack.sql(slots), "nothing is kept for it")
        stack.sql(BULK)
        stack.sql(BULK)
        stack.sql("CHECKPOINT")
        stack.start("safekeeper3")
        end = stack.lsn()
        wait_for(lambda: position(stack, "safekeeper3") >= end, "it has it all")
        wait_for(lambda: "_3" in stack.sql(slots), "it is kept for again")


def kept_from(stack: Stack) -> Lsn:
    return Lsn.parse(at_safekeeper(stack, "safekeeper1")["local_start_lsn"])


def position(stack: Stack, keeper: str) -> Lsn:
    return Lsn.parse(at_safekeeper(stack, keeper)["flush_lsn"])


def at_safekeeper(stack: Stack, keeper: str) -> dict[str, Any]:
    path = f"/v1/tenant/{stack.tenant}/timeline/{stack.timeline('main')}"
    return stack.http(keeper).get(path, dict)


@pytest.mark.timeout(150)
def test_a_safekeeper_that_hangs_keeps_no_endpoint_from_starting() -> None:
    """Until what asks it gives up, clients had given up, too."""
    with Stack(safekeepers=3) as stack:
        stack.sql("CREATE TABLE t AS SELECT 1 AS n")
        with stack.held("safekeeper3"):
            stack.create("meanwhile")
            assert stack.sql("SELECT n FROM t", branch="meanwhile") == 1
            stack.branch("DELETE", "/meanwhile")


@pytest.mark.timeout(100)
def test_who_waits_for_a_quorum_waits_for_no_more() -> None:
    with Stack(safekeepers=3) as stack:
        stack.sql("CREATE TABLE t (n int)")
        tenant, timeline = stack.tenant, stack.timeline("main")
        keepers = Safekeepers([stack.http(keeper).address for keeper in stack.keepers])
        with stack.held("safekeeper3"):
            stack.sql("INSERT INTO t VALUES (1)")
            assert keepers.wait(tenant, timeline, stack.lsn(), 600)


def lose_compute(stack: Stack) -> None:
    """Remove all that a killed compute had."""
    endpoints = f"{stack.root}/compute/endpoints"
    wait_for(lambda: not postmasters(endpoints), "its servers have ended")
    shutil.rmtree(endpoints)


def test_what_is_read_after_a_crash_outlives_its_compute() -> None:
    """Also a commit that nobody had acknowledged: the server recovers it by itself."""
    with Stack() as stack, ThreadPoolExecutor(1) as pool:
        stack.sql("CREATE TABLE read AS SELECT 1 AS n")
        stack.sql("CREATE TABLE bulk (s text)")
        with stack.held("safekeeper1"):
            # So much that it takes the safekeeper a while.
            pool.submit(
                stack.sql,
                "WITH bulk AS (INSERT INTO bulk"
                " SELECT repeat('x', 1000) FROM generate_series(1, 200000))"
                " INSERT INTO read VALUES (2)",
            )
            wait_for(lambda: stack.sql(WAITING), "the commit waits for its safekeeper")
            stack.kill("compute")
        stack.start("compute")
        before = stack.sql("SELECT count(*) FROM read")
        stack.kill("safekeeper1")
        stack.kill("compute")
        lose_compute(stack)
        stack.start("safekeeper1")
        stack.start("compute")
        assert stack.sql("SELECT count(*) FROM read") == before


def settled(load: Load) -> int:
    """Return how much was acknowledged, once that grows no more."""

    def same() -> bool:
        before = len(load.acknowledged)
        load._stopping.wait(0.5)
        return len(load.acknowledged) == before

    wait_for(same, "commits wait")
    return len(load.acknowledged)


@pytest.mark.timeout(150)
def test_a_second_compute_takes_over_and_the_first_one_cannot_commit() -> None:
    with Stack() as stack:
        stack.sql("CREATE TABLE acks (n int)")
        with stack.connect() as first, first.cursor() as stale:
            query(stale, "INSERT INTO acks VALUES (1)")
            stack.start("compute2")
            with stack.connect(port=stack.ports["compute2"]["pg"]) as second:
                with second.cursor() as cursor:
                    assert query(cursor, "SELECT count(*) FROM acks") == 1
                    query(cursor, "INSERT INTO acks VALUES (2)")
            with pytest.raises(psycopg2.Error):
                stale.execute("INSERT INTO acks VALUES (3)")
        with stack.connect(port=stack.ports["compute2"]["pg"]) as again:
            with again.cursor() as cursor:
                assert query(cursor, "SELECT array_agg(n) FROM acks") == [1, 2]


@pytest.fixture(scope="module")
def mortal() -> Iterator[Stack]:
    with Stack() as started:
        yield started


@pytest.fixture
def killable(mortal: Stack) -> Stack:
    """Return a stack that is whole, also when another test left some of it dead."""
    for name in tuple(mortal.children):
        revive(mortal, name)
    return mortal


def revive(stack: Stack, name: str) -> None:
    if stack.children[name].poll() is not None:
        stack.kill(name)
        stack.start(name)


def names(stack: Stack) -> set[str]:
    return {branch["name"] for branch in stack.branch("GET")["branches"]}


def rows(stack: Stack, branch: str) -> int:
    return stack.sql("SELECT count(*) FROM t", branch=branch)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("operation", ["create", "delete", "reset", "restore"])
def test_the_pageserver_is_killed_at_each_step_of(
    killable: Stack, operation: str
) -> None:
    """Every step that changes the disk, one after the other, until it gets through.

    What the pageserver does by itself beside it takes steps, too: it may be dead before
    it hears of the operation, or when it has answered.
    """
    stack = killable
    source = f"source-{operation}"
    stack.create(source)
    stack.sql("CREATE TABLE t AS SELECT generate_series(1, 10) n", branch=source)
    for step in range(1, 200):
        name = f"{operation}-{step}"
        act, is_old, is_new = prepared(stack, operation, name, source)
        try:
            arm(stack, step)
            act()
            arm(stack, 0)
        except BranchpgError:
            wait_for(
                lambda: stack.children["pageserver"].poll() is not None, "it is dead"
            )
            revive(stack, "pageserver")
        else:
            assert is_new()
            assert step > 3, "no step was interrupted"
            break
        old, new = is_old(), is_new()
        assert old != new, f"step {step}: neither the old state nor the new one"
        if old:
            act()
        assert is_new(), f"step {step}: the same again did not succeed"
    leftovers(stack)


def arm(stack: Stack, step: int) -> None:
    stack.http("pageserver").send("PUT", "/v1/failpoints", {"kill_at": step}, dict)


def prepared(
    stack: Stack, operation: str, name: str, source: str
) -> tuple[Callable[[], object], Callable[[], bool], Callable[[], bool]]:
    """Return an operation, and how the state before and after it are told."""
    if operation == "create":
        return (
            lambda: stack.create(name, source),
            lambda: name not in names(stack),
            lambda: name in names(stack) and rows(stack, name) == 10,
        )
    stack.create(name, source)
    if operation == "delete":
        return (
            lambda: stack.branch("DELETE", f"/{name}"),
            lambda: name in names(stack) and rows(stack, name) == 10,
            lambda: name not in names(stack),
        )
    stack.sql("INSERT INTO t VALUES (0)", branch=name)
    if operation == "reset":
        return (
            lambda: stack.branch("POST", f"/{name}/reset"),
            lambda: rows(stack, name) == 11,
            lambda: rows(stack, name) == 10,
        )
    kept = f"{name}-kept"
    at = str(stack.lsn(name))
    stack.sql("DELETE FROM t", branch=name)
    return (
        lambda: stack.branch(
            "POST",
            f"/{name}/restore",
            source_branch_id="^self",
            source_lsn=at,
            preserve_under_name=kept,
        ),
        lambda: rows(stack, name) == 0 and kept not in names(stack),
        lambda: rows(stack, name) == 11 and rows(stack, kept) == 0,
    )


def leftovers(stack: Stack) -> None:
    """Nothing is left of what did not come to be."""
    named = {branch["timeline_id"] for branch in stack.branch("GET")["branches"]}

    def clean() -> bool:
        timelines = stack.api("GET", "/timeline")
        return {about["timeline_id"] for about in timelines} == named

    wait_for(clean, "timelines without a name are removed")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("service", ["compute", "safekeeper1"])
def test_kill_during_reset_leaves_the_old_state_or_the_new_one(
    killable: Stack, service: str
) -> None:
    stack = killable
    origin = f"origin-{service}"
    stack.create(origin)
    stack.sql("CREATE TABLE t AS SELECT generate_series(1, 10) n", branch=origin)
    for delay in (0.0, 0.02, 0.05, 0.1, 0.2):
        name = f"{origin}-{round(delay * 1000)}"
        stack.create(name, origin)
        stack.sql("INSERT INTO t VALUES (0)", branch=name)
        outcome: list[object] = []

        def reset(name: str = name, outcome: list[object] = outcome) -> None:
            try:
                outcome.append(stack.branch("POST", f"/{name}/reset"))
            except BranchpgError as error:
                outcome.append(error)

        thread = threading.Thread(target=reset)
        thread.start()
        time.sleep(delay)  # the very moment of the kill is what differs
        stack.kill(service)
        stack.start(service)
        thread.join()
        state = rows(stack, name)
        assert state in {10, 11}
        if isinstance(outcome[0], BranchpgError):
            stack.branch("POST", f"/{name}/reset")
        assert rows(stack, name) == 10


@pytest.mark.timeout(120)
def test_a_snapshot_whose_log_never_comes_keeps_nobody_waiting() -> None:
    """Its server ended while the safekeepers were down: nobody has the rest of it."""
    with Stack() as stack:
        stack.sql("SELECT 1")
        stack.api("PUT", f"/timeline/{stack.timeline('main')}/checkpoint", {})
        stack.create("doomed")
        stack.sql("CREATE TABLE t ()", branch="doomed")
        timeline = stack.timeline("doomed")
        stack.kill("safekeeper1")
        stack.api("PUT", f"/timeline/{timeline}/checkpoint?wait=false", {})
        told = f"copy of {timeline}"
        wait_for(lambda: told in stack.log("pageserver"), "the copy is made")
        stack.suspend("doomed")
        stack.start("safekeeper1")
        path = "/api/v2/projects/-/branches/doomed"
        # Far less than what a snapshot may take.
        stack.http("pageserver").raw("DELETE", path, within=60.0)
        assert names(stack) == {"main"}


def test_a_killed_compute_leaves_no_server_behind() -> None:
    with Stack() as stack:
        stack.sql("SELECT 1")
        assert postmasters(stack.root)
        sockets = os.readlink(f"{stack.root}/compute/run")
        stack.kill("compute")
        inside = f"{stack.root}/compute/endpoints"
        wait_for(lambda: not postmasters(inside), "its servers have ended")
        stack.start("compute")
        assert stack.sql("SELECT 1") == 1
        assert not os.path.exists(sockets)


def test_a_service_refuses_a_directory_that_another_one_has(stack: Stack) -> None:
    child = stack.children.pop("pageserver")
    ports = stack.ports["pageserver"]
    try:
        with pytest.raises(AssertionError, match="is in use by process"):
            stack.start("pageserver")
    finally:
        stack.children["pageserver"] = child
        stack.ports["pageserver"] = ports
        with open(f"{stack.root}/pageserver/ports.json", "wb") as file:
            file.write(codec.encode(ports))


def test_attach_of_an_old_generation_is_refused(stack: Stack) -> None:
    stack.sql("SELECT 1")
    timeline = stack.timeline("main")
    with pytest.raises(Conflict, match="is over"):
        stack.api(
            "PUT", f"/timeline/{timeline}/attach", {"generation": 0, "dsn": "host=x"}
        )


@pytest.mark.timeout(150)
def test_a_safekeeper_that_lost_its_directory_has_no_voice() -> None:
    with Stack() as stack:
        with Load(stack) as load:
            load.progress()
            stack.kill("compute")
            load._stopping.set()
        lose_compute(stack)
        stack.stop("safekeeper1")
        os.rename(f"{stack.root}/safekeeper1", f"{stack.root}/elsewhere")
        stack.start("safekeeper1")
        stack.start("compute")
        with pytest.raises(psycopg2.OperationalError, match="safekeepers have WAL"):
            stack.sql("SELECT 1")
        stack.stop("safekeeper1")
        shutil.rmtree(f"{stack.root}/safekeeper1")
        os.rename(f"{stack.root}/elsewhere", f"{stack.root}/safekeeper1")
        stack.start("safekeeper1")
        assert load.missing() == set()


def restarted(stack: Stack, keepers: list[str]) -> None:
    """Start pageserver and compute again, with other safekeepers."""
    for name in ("compute", "pageserver"):
        stack.stop(name)
    stack.keepers = keepers
    for name in (*keepers, "pageserver", "compute"):
        if name not in stack.children:
            stack.start(name)


def test_two_more_safekeepers_do_not_outvote_the_one_that_has_the_log() -> None:
    """Refused and said, not guessed; with the one alone everything is there again."""
    with Stack() as stack:
        stack.sql("CREATE TABLE kept AS SELECT 42 AS n")
        restarted(stack, ["safekeeper1", "safekeeper2", "safekeeper3"])

        def refused() -> bool:
            with pytest.raises(psycopg2.OperationalError) as caught:
                stack.sql("SELECT n FROM kept")
            # Another word first, where one of them has not answered yet.
            words = r"1 safekeepers have WAL of timeline \w+, 2 are needed"
            return re.search(words, str(caught.value)) is not None

        wait_for(refused, "it says that one has the log, and two are needed")
        restarted(stack, ["safekeeper1"])
        assert stack.sql("SELECT n FROM kept") == 42
