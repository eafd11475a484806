"""A keeper is killed, and another one goes on."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from keeper_support import unread
from process_support import eventually

from stackyard.engine.process.durable import Journal, read_journal
from stackyard.engine.process.identity import ProcessIdentity
from stackyard.engine.process.keeper import records
from stackyard.engine.process.spawn import begin_daemon

if TYPE_CHECKING:
    from keeper_support import KeeperProcess

pytestmark = pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")
_ECHO = "while read line; do echo got $line; done"


def say(keeper: KeeperProcess, key: str, text: str) -> None:
    with open(keeper.directory / "fifos" / f"{key}.in", "w") as file:
        file.write(f"{text}\n")


def test_services_go_on_and_are_looked_after(keeper: KeeperProcess):
    identity = keeper.identity(keeper.shell("a", _ECHO, stdin=True))
    say(keeper, "a", "one")
    keeper.await_log("a", "got one")
    keeper.kill()
    assert identity.alive
    fifo = keeper.open_fifo("a")
    say(keeper, "a", "two")
    say(keeper, "a", "three")
    eventually(lambda: unread(fifo) >= len("got two\ngot three\n"))
    os.close(fifo)
    keeper.start()
    keeper.await_log("a", "got three")
    assert [line[2] for line in keeper.log("a")] == ["got one", "got two", "got three"]
    assert keeper.ask("members", key="a")["pids"][0] == identity.pid
    keeper.ask("signal", key="a", number=signal.SIGTERM, tree=False)
    assert keeper.code_of("a") is None  # nobody could see it
    assert not identity.alive


def test_what_ended_meanwhile_is_known(keeper: KeeperProcess):
    keeper.shell("a", "exit 3")
    keeper.end_of("a")
    identity = keeper.identity(keeper.shell("b", "sleep 600"))
    keeper.kill()
    identity.send(signal.SIGKILL)
    eventually(lambda: not identity.alive)
    keeper.start()
    known = {record["key"]: record for record in keeper.ask("list")["records"]}
    assert known["a"]["code"] == 3
    assert known["b"]["code"] is None
    assert known["b"]["exited_at"]


def test_daemons_of_an_adopted_service_end_with_it(keeper: KeeperProcess):
    keeper.shell("a", "(setsid sleep 602 &); sleep 603")
    eventually(lambda: len(keeper.ask("members", key="a")["pids"]) == 3)
    keeper.kill()
    keeper.start()
    pids = keeper.ask("members", key="a")["pids"]
    assert len(pids) == 3
    keeper.ask("signal", key="a", number=signal.SIGTERM, tree=False)
    keeper.end_of("a")
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_what_the_journal_lost_is_ended(keeper: KeeperProcess):
    """Killed between fork and the entry `started`: only the intent is known."""
    identity = keeper.identity(keeper.shell("a", "sleep 600"))
    keeper.kill()
    path = keeper.directory / "keeper.journal"
    (entry,) = [item for item in read_journal(path) if item["event"] == "started"]
    record = records.Record.from_json(entry["record"])
    path.unlink()
    journal = Journal(path)
    journal.append([records.intent(replace(record, identity=None, started_at=0))])
    journal.close()
    keeper.start()
    eventually(lambda: not identity.alive)
    (known,) = keeper.ask("list")["records"]
    assert known["exited_at"]


def test_a_stranger_is_never_signalled(keeper: KeeperProcess):
    """After a reboot the pids of the journal belong to others."""
    keeper.shell("a", "sleep 600")
    keeper.shell("b", "sleep 601")
    with subprocess.Popen(["sleep", "602"]) as stranger:
        mine = ProcessIdentity.of(stranger.pid)
        assert mine is not None
        real = rewrite_journal(keeper, mine)
        keeper.start()
        for key in "ab":
            assert not keeper.ask("signal", key=key, number=9, tree=True)["sent"]
            assert keeper.ask("members", key=key)["pids"] == []
        assert all(record["exited_at"] for record in keeper.ask("list")["records"])
        assert stranger.poll() is None
        stranger.kill()
    for identity in real:  # they carry marks, and nobody knew of them
        eventually(lambda identity=identity: not identity.alive)


def rewrite_journal(
    keeper: KeeperProcess, stranger: ProcessIdentity
) -> list[ProcessIdentity]:
    """Put a stranger's pid in: once of another boot, once with another start."""
    keeper.kill()
    path = keeper.directory / "keeper.journal"
    known = records.replay(read_journal(path))
    others = {
        "a": replace(stranger, boot="11111111-0000-4000-8000-000000000000"),
        "b": replace(stranger, start_ticks=stranger.start_ticks - 1),
    }
    journal = Journal(path)
    journal.rewrite(
        records.started(replace(record, identity=others[key]))
        for key, record in known.items()
    )
    journal.close()
    return [record.identity for record in known.values() if record.identity]


def test_a_torn_journal_is_no_obstacle(keeper: KeeperProcess):
    identity = keeper.identity(keeper.shell("a", "sleep 600"))
    keeper.kill()
    with open(keeper.directory / "keeper.journal", "ab") as file:
        file.write(b'1234abcd {"event": "exi')
    keeper.start()
    assert keeper.ask("members", key="a")["pids"][0] == identity.pid


def test_two_keepers_are_impossible(keeper: KeeperProcess):
    assert not begin_daemon(
        "stackyard.engine.process.keeper",
        [str(keeper.directory), keeper.mark],
        errors=keeper.directory / "keeper.log",
        mark=keeper.mark,
    ).finish()
    assert keeper.ask("list")["records"] == []


def test_an_adopted_terminal_ends_as_one_that_hung_up(keeper: KeeperProcess):
    """Its other end died with the keeper."""
    keeper.shell("a", "echo here; sleep 600", tty=True)
    keeper.await_log("a", "here")
    keeper.kill()
    keeper.start()
    eventually(lambda: keeper.ask("members", key="a")["pids"] == [])
