"""The command line Prometheus gets, and a program in its place that writes it down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from waiting import until

from stackyard.images import registry
from stackyard.images.adapter import SELF, ImageError
from stackyard.images.reference import parse

if TYPE_CHECKING:
    from pathlib import Path

    from stackyard.images.adapter import Adapter, Host

RECORDER = """\
#!/bin/sh
trap 'exit 7' TERM
printf '%s\\n' "$@" > "$YARD_RUN_DIR/arguments.new"
mv "$YARD_RUN_DIR/arguments.new" "$YARD_RUN_DIR/arguments"
while :; do sleep 0.05; done
"""
CONFIG = """\
rule_files: [alerts.yml]
scrape_configs:
  - job_name: api
    dns_sd_configs: [{names: [api], type: A, port: 80}]
"""


def adapter_of(host: Host, program: Path) -> Adapter:
    found = registry.find(
        parse("prom/prometheus"),
        replace(
            host,
            environment={"YARD_PROMETHEUS": str(program), "PATH": os.defpath},
        ),
    )
    assert found
    return found


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "recorder"
    path.write_text(RECORDER)
    path.chmod(0o755)
    return path


def test_the_images_command_line(host: Host, program: Path) -> None:
    adapter = adapter_of(host, program)
    image = adapter.image()

    argv = adapter.launch((*image.entrypoint, *image.command))

    assert argv == (
        *(host.python, "-P", "-m", "stackyard.images.prometheus", "--", str(program)),
        "--config.file=/etc/prometheus/prometheus.yml",
        "--storage.tsdb.path=/prometheus",
        f"--web.listen-address={SELF}:9090",
    )
    assert adapter.launch(("promtool", "check")) == ("promtool", "check")


def test_where_there_is_none_it_says_how_to_get_it(host: Host, tmp_path: Path) -> None:
    nowhere = replace(host, environment={"PATH": str(tmp_path)})
    adapter = registry.find(parse("prom/prometheus"), nowhere)

    assert adapter
    with pytest.raises(ImageError, match="not installed") as told:
        adapter.image()
    assert "apt-get install prometheus" in told.value.hint


def test_targets_follow_the_replicas(host: Host, program: Path, tmp_path: Path) -> None:
    project = tmp_path / "projects" / "shop"
    project.mkdir(parents=True)
    run = tmp_path / "run"
    (tmp_path / "prometheus.yml").write_text(CONFIG)

    def write_state(*addresses: str) -> None:
        containers = [
            {"service": "api", "number": n, "address": a, "wanted": True}
            for n, a in enumerate(addresses)
        ]
        staging = project / "new"
        staging.write_text(json.dumps({"containers": containers}))
        staging.rename(project / "containers.json")

    def known() -> list[str]:
        found = json.loads((run / "api-80-0.json").read_text())
        return list(found[0]["targets"])

    write_state("127.1.0.2")
    argv = adapter_of(host, program).launch(
        ("/bin/prometheus", f"--config.file={tmp_path}/prometheus.yml")
    )
    child = subprocess.Popen(
        [word.replace(SELF, "127.0.0.1") for word in argv],
        env={
            "PATH": os.defpath,
            "YARD_TOOLS_DIR": str(tmp_path / "tools"),
            "YARD_PROJECT": "shop",
            "YARD_RUN_DIR": str(run),
        },
    )
    try:
        until(lambda: (run / "arguments").exists())
        assert known() == ["127.1.0.2:80"]
        assert f"--config.file={run}/prometheus.yml" in (run / "arguments").read_text()
        write_state("127.1.0.2", "127.1.0.3")
        until(lambda: known() == ["127.1.0.2:80", "127.1.0.3:80"])
    finally:
        child.send_signal(signal.SIGTERM)
        code = child.wait(20)
    assert code == 7
