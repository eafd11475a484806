"""Names of services in a configuration, and the addresses in their place."""

from __future__ import annotations

import json
from typing import Any

from stackyard.images.prometheus.discovery import (
    absolute,
    replicas_of,
    targets,
    translated,
)


def config(*jobs: dict[str, Any]) -> dict[str, Any]:
    found = translated(
        {"scrape_configs": list(jobs), "rule_files": ["alerts.yml"]},
        file=lambda name: f"/run/{name}",
        path=lambda path: absolute(path, "/etc/prometheus"),
    )
    return {"jobs": found.content["scrape_configs"], "files": found.files} | {
        "rules": found.content["rule_files"]
    }


def test_all_replicas_of_a_name_are_found() -> None:
    job = {
        "job_name": "api",
        "dns_sd_configs": [{"names": ["tasks.api"], "type": "A", "port": 3200}],
    }

    found = config(job)

    assert found["jobs"] == [
        {
            "job_name": "api",
            "file_sd_configs": [
                {"files": ["/run/api-3200-0.json"], "refresh_interval": "1m"}
            ],
        }
    ]
    assert found["files"] == {"api-3200-0.json": ("api", 3200, {})}
    assert found["rules"] == ["/etc/prometheus/alerts.yml"]


def test_a_static_name_keeps_its_labels_and_an_address_stays() -> None:
    job = {
        "job_name": "db",
        "static_configs": [
            {
                "targets": ["db:9898", "localhost:9090", "h.example:1"],
                "labels": {"a": "b"},
            }
        ],
    }

    found = config(job)

    assert found["jobs"][0]["static_configs"] == [
        {"targets": ["localhost:9090", "h.example:1"], "labels": {"a": "b"}}
    ]
    assert found["files"] == {"db-9898-0.json": ("db", 9898, {"a": "b"})}


def test_a_file_of_targets_has_every_replica() -> None:
    containers = [
        {"service": "api", "number": 2, "address": "127.1.0.3", "wanted": True},
        {"service": "api", "number": 1, "address": "127.1.0.2", "wanted": True},
        {"service": "api", "number": 9, "address": "127.1.0.9", "wanted": False},
        {"service": "api", "number": 3, "address": "127.1.0.8", "wanted": True}
        | {"oneoff": True},
        {"service": "db", "number": 1, "address": "127.1.0.4", "wanted": True},
    ]
    state = json.dumps({"containers": containers, "ports": {}}).encode()

    found = json.loads(targets(replicas_of(state), "api", 3200, {"tier": "web"}))

    assert found == [
        {"targets": ["127.1.0.2:3200", "127.1.0.3:3200"], "labels": {"tier": "web"}}
    ]
