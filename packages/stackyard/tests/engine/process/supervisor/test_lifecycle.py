"""Commands on projects that really run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest
from process_support import eventually
from project_support import SERVER, Project, ask, errors, gone, steps

from stackyard.engine.errors import CommandError, StateError
from stackyard.engine.process.cgroups import Cgroups

pytestmark = pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")

TWO = """
services:
  web: {image: own/web, command: sleep 600, depends_on: [db]}
  db: {image: own/db, command: sleep 601}
"""


def server(says: str) -> str:
    """The text of a service that listens on its published port."""
    return f"""
    image: own/server
    entrypoint: [{sys.executable}, -S, -c, {json.dumps(SERVER)}]
    command: [{says!r}]
    ports: ["8000"]
    healthcheck:
      test: [CMD, {sys.executable}, -S, -c, {json.dumps(_CHECK)}]
      interval: 100ms
      start_period: 20s
      start_interval: 100ms
"""


_CHECK = (
    "import os, socket; "
    "socket.create_connection((os.environ['HOST'], int(os.environ['PORT'])))"
)


def test_up_and_down(project: Project):
    messages = project.up(TWO)
    assert errors(messages) == []
    assert steps(messages) == [
        "Network demo_default Created",
        "Container demo-db-1 Created",
        "Container demo-db-1 Started",
        "Container demo-web-1 Created",
        "Container demo-web-1 Started",
    ]
    assert project.states() == {"web-1": "running", "db-1": "running"}
    again = [message.text for message in project.up(TWO) if message.id]
    assert again == ["Running", "Running"]  # one of each container
    assert "Container demo-web-1 Removed" in steps(project.down())
    assert project.marked() == []
    assert not project.state.path.exists()
    assert project.client.snapshot().containers == ()


def test_a_question_about_what_is_gone_leaves_no_supervisor(project: Project):
    """One is started for who asks in the moment in which the project goes down."""
    with pytest.raises(CommandError):
        project.client.context("gone", {})
    eventually(lambda: not project.marked())
    assert not project.state.path.exists()


def test_a_dry_run_changes_nothing(project: Project):
    (plan,) = [item.plan for item in project.up(TWO, dry_run=True) if item.plan]
    assert plan.splitlines()[1] == "2. create container demo-db-1: is missing | after 1"
    assert project.client.snapshot().containers == ()


def test_stop_start_restart_kill_pause(project: Project):
    project.up(TWO)
    pid = project.one("web").pid
    project.do("pause", "web")
    assert project.states()["web-1"] == "paused"
    assert errors(project.do("unpause")) == []
    project.do("restart", "web")
    assert project.one("web").pid != pid
    assert gone(pid)
    project.do("stop", "web")
    web = project.one("web")
    assert (web.state, web.exit_code, web.wanted) == ("exited", 143, False)
    project.do("start")
    assert project.states() == {"web-1": "running", "db-1": "running"}
    project.do("kill", "db", signal=9)
    eventually(lambda: project.states()["db-1"] == "exited")
    assert project.one("db").exit_code == 137
    assert errors(project.do("rm")) == []
    assert project.states() == {"web-1": "running"}


def test_what_ignores_sigterm_is_killed(project: Project):
    script = "trap '' TERM; echo ready; while :; do sleep 600; done"
    project.up(f'services: {{a: {{image: o, command: [sh, -c, "{script}"]}}}}')
    eventually(lambda: "ready" in project.log("a"))
    assert errors(project.do("stop", grace=0.2)) == []
    assert project.one("a").exit_code == 137


def test_a_stop_signal_and_its_own_code(project: Project):
    script = "trap 'exit 5' INT; echo ready; while :; do sleep 0.05; done"
    project.up(
        "services: {a: {image: o, stop_signal: SIGINT, "
        f'command: [sh, -c, "{script}"]}}}}'
    )
    eventually(lambda: "ready" in project.log("a"))
    project.do("stop")
    assert project.one("a").exit_code == 5


def test_daemons_end_with_their_service(project: Project):
    script = "(sleep 601 &); (setsid sleep 602 &); exec sleep 603"
    project.up(f'services: {{a: {{image: o, command: [sh, -c, "{script}"]}}}}')
    key = project.one("a").id
    pids = eventually(lambda: len(found := project.client.members(key)) == 3 and found)
    project.do("stop")
    assert all(gone(pid) for pid in pids)


def test_what_exits_at_once_is_known_to_have(project: Project):
    count = 12
    text = "services:\n" + "\n".join(
        f"  s{number}: {{image: o, command: [sh, -c, 'exit {number}']}}"
        for number in range(count)
    )
    assert errors(project.up(text)) == []
    eventually(lambda: set(project.states().values()) == {"exited"})
    codes = {item.service: item.exit_code for item in project.containers()}
    assert codes == {f"s{number}": number for number in range(count)}


def test_a_policy_restarts_and_gives_up(project: Project):
    project.up("services: {a: {image: o, command: 'false', restart: 'on-failure:2'}}")
    eventually(
        lambda: (item := project.one("a")).restarts == 2 and item.state == "exited"
    )
    assert project.one("a").starts == 3


def test_what_restarts_all_the_time_can_be_stopped(project: Project):
    project.up("services: {a: {image: o, command: 'false', restart: always}}")
    for _ in range(5):
        eventually(lambda: project.one("a").starts > 1)
        assert errors(project.do("stop")) == []
        assert project.states() == {"a-1": "exited"}
        project.do("start")


def test_dependencies_are_waited_for(project: Project):
    messages = project.up(
        """
services:
  web:
    image: o
    command: sleep 600
    depends_on:
      db: {condition: service_healthy}
      init: {condition: service_completed_successfully}
  db:
    image: o
    command: sh -c "sleep 0.3; touch ready; exec sleep 600"
    healthcheck: {test: test -e ready, interval: 50ms, retries: 100}
  init: {image: o, command: sh -c "exit 0"}
"""
    )
    assert errors(messages) == []
    done = steps(messages)
    start = done.index("Container demo-web-1 Started")
    assert done.index("Container demo-db-1 Healthy") < start
    assert done.index("Container demo-init-1 Exited") < start


@pytest.mark.parametrize(
    ("db", "condition", "expected"),
    [
        (
            (
                'command: sleep 600, healthcheck: {test: "echo no; exit 1", '
                "interval: 50ms, retries: 2}"
            ),
            "service_healthy",
            (
                "dependency failed to start: container demo-db-1 is unhealthy: no | "
                "see yard logs db"
            ),
        ),
        (
            "command: sh -c 'exit 3'",
            "service_completed_successfully",
            'service "db" didn\'t complete successfully: exit 3 | see yard logs db',
        ),
        (
            "command: sleep 600",
            "service_healthy",
            (
                "dependency failed to start: container demo-db-1 has no healthcheck "
                "configured | add a healthcheck to service db, or wait for "
                "service_started"
            ),
        ),
        (
            "command: sh -c 'exit 3', healthcheck: {test: 'true', interval: 9s}",
            "service_healthy",
            (
                "dependency failed to start: container demo-db-1 exited (3) | "
                "see yard logs db"
            ),
        ),
    ],
)
def test_a_dependency_that_fails(
    project: Project, db: str, condition: str, expected: str
):
    messages = project.up(
        f"""
services:
  web: {{image: o, command: sleep 600, depends_on: {{db: {{condition: {condition}}}}}}}
  db: {{image: o, {db}}}
"""
    )
    assert errors(messages) == [expected]
    assert "web-1" not in project.states()


def test_an_optional_dependency_that_fails(project: Project):
    messages = project.up(
        """
services:
  web:
    image: o
    command: sleep 600
    depends_on: {db: {condition: service_healthy, required: false}}
  db: {image: o, command: sh -c "exit 3", healthcheck: {test: "true", interval: 9s}}
"""
    )
    assert errors(messages) == []
    assert [item.warning for item in messages if item.warning] == [
        "optional dependency failed to start: container demo-db-1 exited (3)"
    ]
    assert project.states()["web-1"] == "running"


def test_waiting_has_a_limit(project: Project):
    messages = project.up(
        "services: {a: {image: o, command: sleep 600, healthcheck: "
        "{test: 'false', interval: 50ms, retries: 1000}}}",
        wait=True,
        wait_limit=0.3,
    )
    assert errors(messages) == [
        (
            "application not healthy after 0.3s: demo-a-1 (starting) | "
            "see yard logs, or give it longer with --wait-timeout"
        )
    ]


def test_a_program_that_is_not_there(project: Project):
    messages = project.up("services: {a: {image: o, command: gone --now}}")
    assert errors(messages) == [
        (
            "cannot start demo-a-1: cannot run 'gone': no such file or directory | "
            "install gone, or name the program that runs natively under x-yard.command "
            "of service a"
        )
    ]


def test_a_failed_replacement_leaves_what_ran(project: Project):
    depends = "depends_on: {db: {condition: service_started, restart: true}}"
    text = f"""
services:
  web: {{image: o, command: sleep 600, {depends}}}
  db: {{image: o, command: sleep 601}}
"""
    project.up(text)
    messages = project.up(text.replace("sleep 601", "gone"))
    assert len(errors(messages)) == 1
    assert project.states() == {"web-1": "running", "db-1": "running"}
    command = Path(f"/proc/{project.one('db').pid}/cmdline").read_bytes()
    assert command == b"sleep\x00601\x00"
    assert errors(project.up(text)) == []


def test_a_replacement_that_starts_first_and_never_gets_healthy(project: Project):
    text = """
services:
  a:
    image: o
    command: sleep 600
    healthcheck: {test: "CHECK", interval: 50ms, retries: 2}
    deploy: {update_config: {order: start-first}}
"""
    assert errors(project.up(text.replace("CHECK", "true"), wait=True)) == []
    before = project.one("a")
    (told,) = errors(project.up(text.replace("CHECK", "echo no; false")))
    assert told.startswith("container demo-a-1 is unhealthy: no")
    assert project.one("a").id == before.id
    assert project.one("a").state == "running"


def test_a_replacement_that_starts_first_is_never_away(project: Project):
    text = (
        f"services:\n  web:\n{server('SAYS')}    deploy: "
        "{replicas: 2, update_config: {order: start-first}}\n"
    )
    assert errors(project.up(text.replace("SAYS", "one"), wait=True)) == []
    port = project.published("web")
    order = project.order(text.replace("SAYS", "two"))
    answers = []
    for message in project.client.command("up", order):
        assert message.error is None
        answers.append(ask(port))
    assert "" not in answers
    assert {ask(port) for _ in range(4)} == {"two"}
    assert len(project.containers()) == 2


def test_hooks(project: Project):
    project.up(
        """
services:
  a:
    image: o
    command: sleep 600
    post_start: [{command: sh -c "echo started >>hooks"}]
    pre_stop: [{command: sh -c "echo stopping >>hooks"}]
    x-yard: {pre_start: [{command: sh -c "echo before >>hooks"}]}
"""
    )
    project.do("stop")
    hooks = project.directory / "hooks"
    assert hooks.read_text().split() == ["before", "started", "stopping"]
    assert [item.service for item in project.containers()] == ["a"]


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (
            'post_start: [{command: sh -c "echo no; exit 4"}]',
            "post_start[0] of demo-a-1 exited with code 4: no | ",
        ),
        (
            "x-yard: {pre_start: [{command: 'false'}]}",
            "pre_start[0] of service a exited with code 1: | ",
        ),
        (
            "x-yard: {pre_start: [{command: gone}]}",
            (
                "pre_start of demo-a-pre_start-1: cannot run 'gone': no such file or "
                "directory | "
            ),
        ),
    ],
)
def test_a_hook_that_fails(project: Project, hook: str, expected: str):
    (told,) = errors(
        project.up(f"services: {{a: {{image: o, command: sleep 600, {hook}}}}}")
    )
    assert told.replace(":  |", ": |") == expected
    assert not [item for item in project.containers() if item.oneoff]


def test_a_command_that_goes_away_takes_its_hook_along(project: Project):
    text = """
services:
  a: {image: o, command: sleep 600, post_start: [{command: sleep 603}]}
"""
    messages = project.client.command("up", project.order(text))
    for message in messages:
        if message.text == "Starting":
            break
    eventually(lambda: project.states().get("a-1") == "running")
    messages.close()
    eventually(lambda: not sleeping(project, "603"))
    assert project.states() == {"a-1": "running"}


def sleeping(project: Project, seconds: str) -> list[int]:
    sought = f"sleep\0{seconds}\0".encode()
    return [pid for pid, command in project.commands().items() if sought in command]


def test_a_port_that_is_taken(project: Project):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        messages = project.up(
            f"services: {{a: {{image: o, command: sleep 600, ports: ['{port}:80']}}}}"
        )
    (told,) = errors(messages)
    assert told.startswith(f"cannot publish port {port} of service a: ")
    assert project.states() == {}


def test_down_ends_an_up_that_waits(project: Project):
    text = """
services:
  web: {image: o, command: sleep 600, depends_on: {db: {condition: service_healthy}}}
  db: {image: o, command: sleep 600, healthcheck: {test: "false", retries: 1000}}
"""
    messages = project.client.command("up", project.order(text))
    for message in messages:
        if message.text == "Started":
            break
    project.down()
    assert errors(messages) == ["ended by another command, or by its client | "]
    assert project.marked() == []


def test_scaling(project: Project):
    text = "services: {a: {image: o, command: sleep 600, deploy: {replicas: N}}}"
    for count in (3, 1, 2):
        assert errors(project.up(text.replace("N", str(count)))) == []
        assert [item.number for item in project.containers()] == list(
            range(1, count + 1)
        )
    addresses = {item.address for item in project.containers()}
    assert len(addresses) == 2


def test_volumes_outlive_a_project_unless_named(project: Project):
    text = """
services:
  a: {image: o, command: sh -c "echo x >>/data/file", volumes: ["data:/data"]}
volumes: {data: }
"""
    for count in (1, 2):
        project.up(text)
        eventually(lambda: project.states() == {"a-1": "exited"})
        path = project.state.root.volume("demo_data") / "file"
        assert path.read_text().count("x") == count
        project.down()
    project.up(text)
    project.down(volumes=["demo_data"])
    assert project.state.root.volumes() == []


def test_a_secret_reaches_its_service(project: Project):
    text = """
services:
  a: {image: o, command: cat /run/secrets/key, secrets: [key]USER}
secrets: {key: {file: ./key}}
"""
    (project.directory / "key").write_text("hush\n")
    (project.directory / "key").chmod(0o600)
    project.up(text.replace("USER", ""))
    eventually(lambda: "hush" in project.log("a"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs others")
def test_a_secret_reaches_another_user(project: Project):
    for path in (project.root, *project.root.parents[:3]):
        path.chmod(path.stat().st_mode | 0o111)
    (project.directory / "key").write_text("hush\n")
    (project.directory / "key").chmod(0o600)
    project.up(
        """
services:
  a: {image: o, command: cat /run/secrets/key, secrets: [key], user: "12345"}
secrets: {key: {file: ./key}}
"""
    )
    eventually(lambda: project.states() == {"a-1": "exited"})
    assert "hush" in project.log("a")


def memory_can_be_limited() -> bool:
    groups = Cgroups("test/")
    return bool(groups.version) and os.access("/sys/fs/cgroup/memory", os.W_OK)


@pytest.mark.skipif(not memory_can_be_limited(), reason="no control groups")
def test_what_uses_too_much_memory_is_told_of(project: Project):
    code = "x = b'x' * (200 << 20)"
    project.up(
        f"""
services:
  a: {{image: o, mem_limit: 32m, command: [{sys.executable}, -S, -c, "{code}"]}}
"""
    )
    eventually(lambda: project.states() == {"a-1": "exited"})
    item = project.one("a")
    assert (item.exit_code, item.oom_killed) == (137, True)
    assert "more memory than its limit of 33554432 bytes" in item.error


# Where the state lies


def test_a_deep_directory(tmp_path: Path):
    """Sockets have short addresses, and directories long names."""
    root = tmp_path / ("deep" * 20) / ("deeper" * 20)
    root.mkdir(parents=True)
    project = Project(root)
    try:
        assert errors(project.up(TWO)) == []
        assert project.states() == {"web-1": "running", "db-1": "running"}
        project.down()
        assert project.marked() == []
    finally:
        project.close()


def test_the_state_of_a_newer_version_is_left_alone(project: Project):
    project.state.prepare()
    (project.state.path / "version").write_text("2\n")
    with pytest.raises(StateError, match="has version 2"):
        project.up(TWO)
    assert project.marked() == []
    (project.state.path / "version").unlink()
    project.down()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_home_that_cannot_be_written(project: Project):
    state = project.root / "state"
    state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "none", state]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    try:
        with pytest.raises(StateError, match="read-only file system") as caught:
            project.up(TWO)
    finally:
        subprocess.run(["umount", state], check=True)
    assert "XDG_STATE_HOME" in caught.value.hint


def test_a_stop_wins_over_a_restart_that_is_under_way(project: Project):
    gate = project.directory / "gate"
    project.up(
        f"""
        services:
          web:
            image: alpine
            command: sleep 1000000
            healthcheck: {{test: "false", interval: 10ms, retries: 1}}
            pre_stop:
              - command: sh -c 'touch {gate}; until [ -e {gate}.open ]; do :; done'
            x-yard: {{restart_on: unhealthy}}
        """
    )
    eventually(gate.exists)  # unhealthy, it is being stopped
    stop = Thread(target=project.do, args=("stop", "web"))
    stop.start()
    eventually(lambda: (project.state.path / "goal.json").exists())
    Path(f"{gate}.open").touch()
    stop.join(15)

    assert project.one("web").state == "exited"
    assert not project.one("web").wanted
