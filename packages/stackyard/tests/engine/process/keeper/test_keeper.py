"""A keeper with real processes: starts, output, ends, and what is left behind."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from process_support import eventually

from stackyard.engine.process import tree
from stackyard.engine.process.identity import ProcessIdentity, read_stat
from stackyard.engine.process.keeper.order import MARK
from stackyard.engine.process.sockets import connect

if TYPE_CHECKING:
    from keeper_support import KeeperProcess

pytestmark = pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")


def test_output_of_both_streams(keeper: KeeperProcess):
    keeper.shell("a", "echo out; echo err >&2; printf part")
    assert keeper.code_of("a") == 0
    assert sorted(keeper.log("a")) == [
        ("stderr", "F", "err"),
        ("stdout", "F", "out"),
        ("stdout", "P", "part"),
    ]


def test_the_streams_can_be_opened_again(keeper: KeeperProcess):
    keeper.shell("a", "echo out >/dev/stdout; echo err >/dev/stderr")
    assert keeper.code_of("a") == 0
    assert len(keeper.log("a")) == 2


@pytest.mark.parametrize(
    ("script", "code"),
    [("true", 0), ("exit 7", 7), ("kill -TERM $$", 143), ("kill -KILL $$", 137)],
)
def test_exit_codes(keeper: KeeperProcess, script: str, code: int):
    keeper.shell("a", script)
    assert keeper.code_of("a") == code
    (record,) = keeper.ask("list")["records"]
    assert (record["code"], record["exited_at"] > record["started_at"]) == (code, True)
    assert keeper.ask("forget", keys=["a"]) == {"id": 3}
    assert keeper.ask("list")["records"] == []
    assert os.listdir(keeper.directory / "fifos") == []


def test_errors_of_exec(keeper: KeeperProcess):
    script = keeper.directory / "script"
    script.write_text("not a program")
    assert "cannot run 'gone': no such file" in keeper.run("a", "gone")["error"]
    told = keeper.run("a", "./gone")["error"]
    assert told.startswith("cannot run './gone': no such file")
    told = keeper.run("a", str(script))["error"]
    assert told == f"cannot run '{script}': permission denied"
    script.chmod(0o755)
    told = keeper.run("a", str(script))["error"]
    assert told == f"cannot run '{script}': exec format error"
    told = keeper.run("a", "true", directory="/gone")["error"]
    assert told == "cannot enter '/gone': no such file or directory"
    told = keeper.run("a", "true", "x\0y")["error"]
    assert told == "cannot run 'true': invalid argument"
    assert keeper.run("a")["error"] == "there is nothing to run"
    told = keeper.run("a", "true", cgroups=("/gone/cgroup.procs",))["error"]
    assert told == "cannot limit the process: no such file or directory"
    assert keeper.ask("list")["records"] == []
    assert keeper.shell("a", "true")
    assert keeper.code_of("a") == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may become anybody")
def test_who_it_cannot_become(keeper: KeeperProcess):
    account = {"uid": 1, "gid": 1, "groups": ()}
    told = keeper.run("a", "true", account=account)["error"]
    assert told.startswith("cannot become user 1, group 1")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_another_user(keeper: KeeperProcess):
    account = {"uid": 12345, "gid": 23456, "groups": (34567,)}
    keeper.shell(
        "a", "id -u; id -g; id -G; echo x >/dev/stderr", account=account, directory="/"
    )
    assert keeper.code_of("a") == 0
    assert [line[2] for line in keeper.log("a") if line[0] == "stdout"] == [
        "12345",
        "23456",
        "23456 34567",
    ]


def test_one_at_a_time(keeper: KeeperProcess):
    keeper.shell("a", "sleep 600")
    assert keeper.run("a", "true")["error"] == "a is running already"
    assert keeper.ask("forget", keys=["a"])["error"] == "a is running"
    assert keeper.ask("shutdown")["error"] == "a service is running"


@pytest.mark.parametrize(
    "request_", [{"op": "none"}, {"op": "start"}, {"op": "start", "orders": [{}]}]
)
def test_nonsense_gets_an_answer(keeper: KeeperProcess, request_: dict[str, object]):
    assert keeper.ask(**request_)["error"]  # type: ignore[arg-type]
    assert keeper.ask("list")["records"] == []


def test_settings_of_a_process(keeper: KeeperProcess):
    keeper.shell(
        "a",
        "umask; ulimit -n; pwd; cat /proc/self/oom_score_adj; "
        "grep -E 'Sig(Ign|Blk)' /proc/self/status; ps -o sid= -p $$; echo $$",
        umask=0o027,
        rlimits={resource.RLIMIT_NOFILE: (99, 99)},
        oom_score_adj=500,
        directory="/usr",
    )
    assert keeper.code_of("a") == 0
    umask, files, directory, adjustment, blocked, ignored, session, pid = (
        line[2].strip() for line in keeper.log("a")
    )
    assert (umask, files, directory, adjustment) == ("0027", "99", "/usr", "500")
    libc = 0b11 << 31  # signals 32 and 33 are the C library's own, and inherited
    assert int(blocked.split()[1], 16) & ~libc == 0
    assert int(ignored.split()[1], 16) & ~libc == 0
    assert session == pid


def test_no_descriptor_reaches_a_process(keeper: KeeperProcess):
    keeper.shell("a", "sleep 600")
    keeper.shell("b", "ls /proc/self/fd")
    assert keeper.code_of("b") == 0
    assert [line[2] for line in keeper.log("b")] == ["0", "1", "2", "3"]


# What a service leaves behind


def test_a_daemon_ends_with_its_service(keeper: KeeperProcess):
    keeper.shell("a", "(sleep 601 &); (setsid sleep 602 &); sleep 603")
    eventually(lambda: len(keeper.ask("members", key="a")["pids"]) == 4)
    pids = keeper.ask("members", key="a")["pids"]
    keeper.ask("signal", key="a", number=signal.SIGTERM, tree=False)
    assert keeper.code_of("a") == 143
    left = [stat for pid in pids if (stat := read_stat(pid))]
    assert {stat.state for stat in left} <= {"Z"}


def test_a_daemon_of_a_service_that_exits_ends_too(keeper: KeeperProcess):
    pids = keeper.directory / "pids"
    keeper.shell("a", f"setsid sh -c 'echo $$ >{pids}; sleep 600' & sleep 0.2")
    assert keeper.code_of("a") == 0
    assert not Path(f"/proc/{pids.read_text().strip()}").exists()


def test_a_probe_does_not_end_the_daemons_of_its_service(keeper: KeeperProcess):
    """Both have one mark."""
    keeper.shell("a", "(setsid sleep 602 &); sleep 603")
    eventually(lambda: len(keeper.ask("members", key="a")["pids"]) == 3)
    environment = {"PATH": os.defpath, MARK: f"{keeper.mark}a"}
    for key, script, limit in (("a.1", "true", 0.0), ("a.2", "sleep 600", 0.1)):
        keeper.shell(key, script, log="", environment=environment, timeout=limit)
        keeper.end_of(key)
    assert len(keeper.ask("members", key="a")["pids"]) == 3


def test_what_hides_ends_with_the_keeper(keeper: KeeperProcess):
    """In a session of its own and without a mark, nobody could tell whose it is."""
    pids = keeper.directory / "pids"
    keeper.shell("a", f"setsid env -i sh -c 'echo $$ >{pids}; sleep 600' & sleep 0.2")
    assert keeper.code_of("a") == 0
    identity = ProcessIdentity.of(int(pids.read_text()))
    keeper.shell("a.1", "sleep 600", log="")
    assert keeper.ask("shutdown") == {"id": 3}
    eventually(lambda: not list(tree.marked(keeper.mark)))
    assert identity is not None
    eventually(lambda: not identity.alive)
    assert not (keeper.directory / "sockets" / "keeper").exists()


def test_kill_takes_the_whole_tree(keeper: KeeperProcess):
    keeper.shell("a", "trap '' TERM; sleep 600 & sh -c 'trap \"\" TERM; sleep 601'")
    eventually(lambda: len(keeper.ask("members", key="a")["pids"]) > 2)
    keeper.ask("signal", key="a", number=signal.SIGKILL, tree=True)
    assert keeper.code_of("a") == 137
    assert keeper.ask("members", key="a")["pids"] == []
    assert not keeper.ask("signal", key="a", number=15, tree=True)["sent"]


# Short commands


def test_a_command_returns_its_output(keeper: KeeperProcess):
    keeper.shell("a", "echo out; echo err >&2; exit 3", log="", capture=100)
    event = keeper.end_of("a")
    assert sorted(event["output"].split()) == ["err", "out"]
    assert event["record"]["code"] == 3
    assert keeper.ask("list")["records"] == []


def test_a_command_returns_no_more_than_was_wanted(keeper: KeeperProcess):
    keeper.shell("a", "yes | head -c 1000000", log="", capture=7)
    assert keeper.end_of("a")["output"] == "y\ny\ny\ny"


def test_a_command_that_takes_too_long_is_killed(keeper: KeeperProcess):
    keeper.shell("a", "sleep 600 & setsid sleep 601 & wait", log="", timeout=0.2)
    event = keeper.end_of("a")
    assert event["timed_out"]
    assert event["record"]["code"] == 137


# Input and terminals


def test_standard_input_is_empty_or_stays_open(keeper: KeeperProcess):
    keeper.shell("a", "cat; echo end")
    assert keeper.code_of("a") == 0
    keeper.shell("b", "while read line; do echo got $line; done", stdin=True)
    for word in ("one", "two"):
        with open(keeper.directory / "fifos" / "b.in", "w") as file:
            file.write(f"{word}\n")
        keeper.await_log("b", f"got {word}")


def test_a_terminal(keeper: KeeperProcess):
    keeper.shell("a", "tty; read line; echo got $line; test -t 1", tty=True)
    keeper.await_log("a", "/dev/pts/")
    with open(keeper.directory / "fifos" / "a.in", "w") as file:
        file.write("hello\n")
    assert keeper.code_of("a") == 0
    assert ("stdout", "F", "got hello\r") in keeper.log("a")


def test_typing_after_the_end_of_a_terminal_harms_nobody(keeper: KeeperProcess):
    keeper.shell("a", "exec <&- >&- 2>&-; sleep 600", tty=True)
    with open(keeper.directory / "fifos" / "a.in", "w") as file:
        file.write("hello\n")
    assert keeper.ask("list")["records"]


# Much output


def test_a_loud_writer_is_rotated_and_starves_nobody(keeper: KeeperProcess):
    limit = 4 * 1024 * 1024
    code = (
        "import os\nline = (b'x' * 99 + b'\\n') * 600\n"
        "for _ in range(1700): os.write(1, line)"
    )
    keeper.run("loud", sys.executable, "-c", code, log_bytes=limit, log_files=3)
    keeper.shell("quiet", "while read line; do echo got $line; done", stdin=True)
    with open(keeper.directory / "fifos" / "quiet.in", "w", buffering=1) as file:
        for number in range(20):
            file.write(f"{number}\n")
            keeper.await_log("quiet", f"got {number}")
    assert keeper.code_of("loud") == 0
    logs = sorted((keeper.directory / "logs" / "loud").iterdir())
    assert [path.name for path in logs] == ["log", "log.1", "log.2"]
    assert all(path.stat().st_size < 1.2 * limit for path in logs)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small file system")
def test_a_full_disk_stops_no_service(keeper: KeeperProcess, small_disk: Path):
    seen, log = keeper.directory / "seen", small_disk / "log"
    seen.write_text("")
    script = f"while read n; do head -c $n /dev/zero; echo; echo $n >>{seen}; done"
    keeper.shell("a", script, stdin=True, log=str(log))
    with open(keeper.directory / "fifos" / "a.in", "w", buffering=1) as file:

        def write(amount: int) -> None:
            before = len(seen.read_text())
            file.write(f"{amount}\n")
            eventually(lambda: len(seen.read_text()) > before)
            keeper.await_reading("a")

        write(10)
        filler = small_disk / "filler"
        filler.write_bytes(b"\0" * (1000 * 1024))
        write(30000)
        filler.unlink()
        write(10)
    assert "bytes of output were lost]" in log.read_text()
    assert keeper.ask("members", key="a")["pids"]


@pytest.fixture
def small_disk(tmp_path: Path):
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", path],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("may not mount")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def test_a_client_that_does_not_read_keeps_nobody_waiting(keeper: KeeperProcess):
    silent = connect(keeper.directory / "sockets" / "keeper")
    assert silent is not None
    with silent:
        for number in range(20):
            key = f"a{number}"
            keeper.shell(key, "head -c 60000 /dev/zero", log="", capture=60000)
            assert len(keeper.end_of(key)["output"]) == 60000
