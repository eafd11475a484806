"""A service in native terms: settings, defaults, and errors that say what to do."""

from __future__ import annotations

import os
import resource
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from stackyard.engine.errors import CompileError
from stackyard.engine.process.spec import SELF, Restart, Update

if TYPE_CHECKING:
    from compile_support import Compiler


def test_the_environment(compiler: Compiler):
    spec = compiler.service(
        """
command: run
expose: ["8000"]
environment: {A: b, GONE: , URL: "http://db:1/"}
""",
        TZ="UTC",
        SECRET="x",
    )
    shown = {name: compiler.shown(text) for name, text in spec.environment.items()}
    assert shown["HOST"] == "<self>"
    assert shown["PORT"] == "8000"
    assert shown["URL"] == "http://<db>:1/"
    assert shown["TZ"] == "UTC"
    assert shown["HOSTNAME"] == "web"
    assert shown["HOME"] == "/home/me"
    assert "GONE" not in shown
    assert "SECRET" not in shown


def test_what_the_file_sets_wins(compiler: Compiler):
    spec = compiler.service(
        "command: run\nports: ['80']\nenvironment: {HOST: h, PORT: '1', PATH: /p}"
    )
    values = [spec.environment[name] for name in ("HOST", "PORT", "PATH")]
    assert values == ["h", "1", "/p"]


def test_no_port_where_there_are_two(compiler: Compiler):
    spec = compiler.service("command: run\nports: ['80', '81/udp']\nexpose: ['82-83']")
    assert spec.listens == (80, 82, 83)
    assert "PORT" not in spec.environment


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("command: a 'b c'", ("a", "b c")),
        ("command: [a, b]", ("a", "b")),
        ("entrypoint: e\ncommand: c", ("e", "c")),
        ("command: c\nx-yard: {command: n 'm o'}", ("n", "m o")),
        ("x-yard: {command: [n, 1]}", ("n", "1")),
    ],
)
def test_what_runs(compiler: Compiler, attributes: str, expected: tuple[str, ...]):
    assert compiler.service(attributes).argv == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("{}", Restart()),
        ("restart: always", Restart(policy="always")),
        ("restart: on-failure:3", Restart(policy="on-failure", attempts=3)),
        ("restart: 'no'", Restart()),
        ("x-yard: {restart_on: unhealthy}", Restart(unhealthy=True)),
        (
            "restart: always\ndeploy: {restart_policy: {condition: none}}",
            Restart(policy="no"),
        ),
        (
            (
                "deploy: {restart_policy: {condition: on-failure, delay: 2s, "
                "max_attempts: 3, window: 1m}}"
            ),
            Restart(policy="on-failure", attempts=3, delay=2.0, window=60.0),
        ),
    ],
)
def test_restart(compiler: Compiler, attributes: str, expected: Restart):
    attributes = "" if attributes == "{}" else attributes
    assert compiler.service(f"command: run\n{attributes}").restart == expected


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("SIGINT", 2),
        ("int", 2),
        ("sigquit", 3),
        ("9", 9),
        ("SIGRTMIN+3", 37),
        ("RTMAX", 64),
    ],
)
def test_stop_signals(compiler: Compiler, name: str, number: int):
    spec = compiler.service(f"command: run\nstop_signal: '{name}'")
    assert spec.stop_signal == number


@pytest.mark.parametrize(
    "name", ["SIGNO", "0", "65", "SIG_BLOCK", "_IGN", "²", "RTMIN+99"]
)
def test_signals_that_are_none(compiler: Compiler, name: str):
    assert compiler.refused(f"command: run\nstop_signal: '{name}'") == (
        f"service web: there is no signal {name!r}\n"
        "  hint: use a name such as SIGTERM or SIGINT, or a number"
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", (20 * 1024 * 1024, 5)),
        ("max-size: 1m", (1024 * 1024, 1)),
        ("max-size: 10k, max-file: '3'", (10 * 1024, 3)),
        ("max-file: '2'", (20 * 1024 * 1024, 2)),
    ],
)
def test_logging(compiler: Compiler, options: str, expected: tuple[int, int]):
    spec = compiler.service(f"command: run\nlogging: {{options: {{{options}}}}}")
    assert (spec.log_bytes, spec.log_files) == expected


@pytest.mark.parametrize("options", ["max-size: lots", "max-file: many"])
def test_logging_that_has_no_meaning(compiler: Compiler, options: str):
    told = compiler.refused(f"command: run\nlogging: {{options: {{{options}}}}}")
    assert told.startswith("service web: logging.options: ")
    assert 'hint: write max-size as "10m" and max-file as "3"' in told


def test_limits(compiler: Compiler):
    spec = compiler.service(
        """
command: run
mem_limit: 64m
pids_limit: 7
cpus: 0.5
oom_score_adj: 100
ulimits: {nofile: {soft: 10, hard: 20}, core: 0}
"""
    )
    limits = spec.limits
    assert (limits.memory, limits.pids, limits.cpus) == (64 * 1024 * 1024, 7, 0.5)
    assert limits.oom_score_adj == 100
    assert limits.rlimits[resource.RLIMIT_NOFILE] == (10, 20)
    assert limits.rlimits[resource.RLIMIT_CORE] == (0, 0)


def test_limits_of_deploy(compiler: Compiler):
    spec = compiler.service(
        "command: run\ndeploy: {resources: {limits: {memory: 1g, cpus: '2', pids: 3}}}"
    )
    assert (spec.limits.memory, spec.limits.cpus, spec.limits.pids) == (2**30, 2.0, 3)


def test_unlimited(compiler: Compiler):
    limits = compiler.service("command: run\npids_limit: -1").limits
    assert (limits.memory, limits.cpus, limits.pids) == (0, 0.0, 0)


def test_updates(compiler: Compiler):
    spec = compiler.service(
        "command: run\ndeploy: {update_config: {order: start-first, delay: 5s}}"
    )
    assert spec.update == Update(parallelism=1, delay=5.0, start_first=True)
    assert spec.balanced
    assert compiler.service("command: run").update is None


def test_probes(compiler: Compiler):
    spec = compiler.service(
        """
command: run
expose: ["80"]
healthcheck: {test: curl -f http://localhost:80/, interval: 2s, retries: 5}
"""
    )
    probe = spec.probe
    assert probe is not None
    assert probe.command.argv == ("/bin/sh", "-c", f"curl -f http://{SELF}:80/")
    times = (probe.interval, probe.timeout, probe.start_period, probe.start_interval)
    assert times == (2.0, 30.0, 0.0, 5.0)
    assert probe.retries == 5


@pytest.mark.parametrize("check", ["{disable: true}", "{test: [NONE]}"])
def test_no_probe(compiler: Compiler, check: str):
    spec = compiler.service(f"command: run\nhealthcheck: {check}")
    assert spec.probe is None


def test_hooks(compiler: Compiler):
    spec = compiler.service(
        """
command: run
post_start: [{command: psql -h db, environment: [A=b]}]
pre_stop: [{command: [bye]}]
x-yard: {pre_start: [{command: init /data, environment: {N: }}]}
volumes: [./d:/data]
"""
    )
    (after,), (stop,), (before,) = spec.post_start, spec.pre_stop, spec.pre_start
    assert compiler.shown(" ".join(after.argv)) == "psql -h <db>"
    assert after.environment == {"A": "b"}
    assert stop.argv == ("bye",)
    assert compiler.shown(" ".join(before.argv)) == "init /demo/d"
    assert before.environment == {"N": ""}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("'027'", 0o027), ("027", 0o027), ("'0o77'", 0o077), ("0", 0)],
)
def test_umasks(compiler: Compiler, value: str, expected: int):
    spec = compiler.service(f"command: run\nx-yard: {{umask: {value}}}")
    assert spec.umask == expected


@pytest.mark.parametrize(
    ("extension", "expected"),
    [
        ("[]x", "service web: x-yard is not a mapping\n  hint: write command: ..."),
        (
            '{command: "a \'b"}',
            (
                "service web: x-yard.command cannot be split into words: no closing "
                "quotation\n  hint: write a list: [program, argument]"
            ),
        ),
        (
            "{command: []}",
            (
                "service web: x-yard.command names no program\n"
                "  hint: write program argument"
            ),
        ),
        (
            "{command: a, umask: '9'}",
            "service web: x-yard.umask is no mask: '9'\n  hint: write \"022\"",
        ),
        (
            "{command: a, restart_on: exit}",
            "service web: x-yard.restart_on cannot be 'exit'\n  hint: write unhealthy",
        ),
        (
            "{command: a, environment: 1}",
            (
                "service web: x-yard.environment is not a mapping\n"
                "  hint: write NAME: value"
            ),
        ),
        (
            "{command: a, pre_start: [init]}",
            (
                "service web: x-yard.pre_start[0] is not a mapping\n"
                "  hint: write - command: ..."
            ),
        ),
        (
            "{command: a, pre_start: [{command: ''}]}",
            (
                "service web: x-yard.pre_start[0].command names no program\n"
                "  hint: write program argument"
            ),
        ),
    ],
)
def test_extensions_that_have_no_meaning(
    compiler: Compiler, extension: str, expected: str
):
    assert compiler.refused(f"x-yard: {extension.replace('[]x', 'x')}") == expected


@pytest.mark.parametrize("name", ["{number.__class__}", "aa/../bb", "aa bb", "../aa"])
def test_container_names_that_are_none(compiler: Compiler, name: str):
    told = compiler.refused(f"command: run\ncontainer_name: '{name}'")
    assert told.startswith(f"service web: container_name {name!r} is no name")


def test_a_container_name(compiler: Compiler):
    assert compiler.service("command: run\ncontainer_name: a.B-1").container_name == (
        "a.B-1"
    )


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("user: nobody-there", "service web: there is no user 'nobody-there'"),
        ("user: 'root:nobody-there'", "service web: there is no group 'nobody-there'"),
    ],
)
def test_who_is_not_there(compiler: Compiler, attributes: str, expected: str):
    assert compiler.refused(f"command: run\n{attributes}").startswith(expected)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs others")
def test_users(compiler: Compiler):
    account = compiler.service("command: run\nuser: '12345:23456'").account
    assert account is not None
    assert (account.uid, account.gid) == (12345, 23456)
    alone = compiler.service("command: run\nuser: '12345'").account
    assert alone is not None
    assert alone.gid == 0


def test_nothing_to_run(compiler: Compiler):
    told = compiler.refused("{}".replace("{}", "labels: {}"))
    assert told.startswith(
        "service web: nothing is known of image own/web, and there is no command to run"
    )
    assert "services.web.x-yard.command" in told


def test_a_build_needs_a_command(compiler: Compiler):
    text = "services: {web: {build: .}}"
    with pytest.raises(CompileError, match="an image cannot be built") as caught:
        compiler.native(text)
    assert "services.web.x-yard.command" in caught.value.hint


def test_all_errors_are_told_at_once(compiler: Compiler):
    text = "services: {a: {image: own/a}, b: {image: own/b}}"
    with pytest.raises(CompileError) as caught:
        compiler.native(text)
    told = str(caught.value)
    assert "service a: nothing" in told
    assert "\nerror: service b: nothing" in told


def test_what_has_no_meaning_is_warned_about_once(compiler: Compiler):
    text = """
services:
  web: {image: own/web, command: x, cap_add: [NET_ADMIN], dns: 1.1.1.1, read_only: true}
"""
    assert compiler.native(dedent(text)).warnings == (
        "service web: no meaning natively, ignored: cap_add, dns, read_only",
    )


def test_published_ports(compiler: Compiler):
    spec = compiler.service(
        "command: run\nports: ['80', '8080:80', '0.0.0.0:53:53/udp', '9000-9002:80']"
    )
    assert [
        (item.host, item.first, item.last, item.target, item.protocol)
        for item in spec.published
    ] == [
        ("127.0.0.1", 0, 0, 80, "tcp"),
        ("127.0.0.1", 8080, 8080, 80, "tcp"),
        ("0.0.0.0", 53, 53, 53, "udp"),
        ("127.0.0.1", 9000, 9002, 80, "tcp"),
    ]


def test_no_token_in_what_is_shown(compiler: Compiler):
    spec = compiler.service("command: run db:5432 /tmp/x\ntmpfs: [/tmp/x]")
    for text in (spec.shown_command, spec.image, spec.container_name, spec.name):
        assert "\0" not in text
