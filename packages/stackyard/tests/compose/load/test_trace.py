"""A record of layers, as they were when they were recorded."""

from __future__ import annotations

from typing import Any

from stackyard.compose.load.trace import Trace


def test_a_layer_does_not_change_with_the_document() -> None:
    trace, document = Trace(), {"services": {"web": {"image": "a"}}}
    raw: dict[str, Any] = {"services": {"web": {"image": "$A"}}}
    trace.add("file", "compose.yaml", document=document, raw=raw, resets=(("a",),))
    document["services"].clear()
    (layer,) = trace.layers
    assert layer.document == {"services": {"web": {"image": "a"}}}
    assert (layer.kind, layer.file) == ("file", "compose.yaml")
    assert layer.resets == (("a",),)


def test_who_extends_whom() -> None:
    trace = Trace()
    trace.extends("a.yaml", "web", "b.yaml", "base")
    assert trace.bases == {("a.yaml", "web"): ("b.yaml", "base")}
