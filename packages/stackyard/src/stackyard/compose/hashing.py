"""The hash that tells whether a running service still has its configuration.

It is that of Docker Compose: SHA-256 of the service as JSON, without what can change
while its containers stay as they are.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING

from stackyard.compose.model.codec import Form, encode
from stackyard.compose.model.frozen import FrozenDict
from stackyard.compose.render.json import compact_json

if TYPE_CHECKING:
    from stackyard.compose.model import Service


def config_hash(service: Service) -> str:
    """Return the hexadecimal hash of a service's configuration."""
    deploy = service.deploy
    if deploy is not None:
        deploy = dataclasses.replace(deploy, replicas=None)
    stripped = dataclasses.replace(
        service,
        build=None,
        pull_policy="",
        scale=None,
        deploy=deploy,
        depends_on=FrozenDict(),
        profiles=(),
    )
    text = compact_json(encode(stripped, Form.JSON))
    return hashlib.sha256(text.encode()).hexdigest()
