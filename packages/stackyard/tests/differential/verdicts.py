"""Judges whether two programs did the same with a case; pure throughout."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLAIN_TEXT_OPTIONS = frozenset(
    {
        "--environment",
        "--hash",
        "--images",
        "--models",
        "--networks",
        "--profiles",
        "--quiet",
        "--services",
        "--variables",
        "--volumes",
        "-q",
    }
)
# Go visits maps in random order, so docker compose prints these lists shuffled.
UNORDERED_OPTIONS = frozenset(
    {"--images", "--models", "--networks", "--services", "--variables", "--volumes"}
)


@dataclass(frozen=True)
class Run:
    """What one program did with one case."""

    exit_code: int
    stdout: str
    stderr: str
    written: Mapping[str, str]
    """Files the program created or changed, by path below the case directory."""

    @property
    def accepted(self) -> bool:
        return self.exit_code == 0


@dataclass(frozen=True)
class Verdict:
    equal: bool
    """Both reject, or both accept and mean the same."""
    same_bytes: bool
    """Both reject, or both accept and wrote exactly the same text."""
    reason: str = ""


def judge(args: Sequence[str], oracle: Run, yard: Run) -> Verdict:
    if oracle.accepted != yard.accepted:
        word = "accepts" if oracle.accepted else "rejects"
        return Verdict(False, False, f"docker compose {word} it, yard does not")
    if not oracle.accepted:
        return Verdict(True, True)
    if oracle.written.keys() != yard.written.keys():
        return Verdict(False, False, "other files were written")
    if meaning(args, oracle) != meaning(args, yard):
        return Verdict(False, False, "the outputs mean different things")
    same = _comparable(args, oracle) == _comparable(args, yard)
    return Verdict(True, same, "" if same else "only the bytes differ")


def _comparable(args: Sequence[str], done: Run) -> tuple[str, Mapping[str, str]]:
    if _options(args) & UNORDERED_OPTIONS:
        return "\n".join(sorted(done.stdout.splitlines())), done.written
    return done.stdout, done.written


def meaning(args: Sequence[str], done: Run) -> Any:
    return [
        parse_output(args, text)
        for text in (
            done.stdout,
            *(done.written[name] for name in sorted(done.written)),
        )
    ]


def parse_output(args: Sequence[str], text: str) -> Any:
    options = _options(args)
    if options & UNORDERED_OPTIONS:
        return sorted(text.splitlines())
    if options & PLAIN_TEXT_OPTIONS:
        return text.splitlines()
    try:
        parsed = json.loads(text) if _wants_json(args) else load_yaml(text)
    except (ValueError, yaml.YAMLError):
        return text
    return tagged(parsed)


def _options(args: Sequence[str]) -> set[str]:
    return {arg.partition("=")[0] for arg in args}


def _wants_json(args: Sequence[str]) -> bool:
    following = dict(zip(args, args[1:], strict=False))
    return "--format=json" in args or following.get("--format") == "json"


def tagged(value: Any) -> Any:
    """The value with its scalars spelt out: to Python 1 == 1.0 == True, nan != nan."""
    if isinstance(value, dict):
        return {tagged(key): tagged(item) for key, item in value.items()}
    if isinstance(value, list):
        return [tagged(item) for item in value]
    return (type(value).__name__, repr(value))


class PlainLoader(yaml.SafeLoader):
    """Safe YAML in which a timestamp stays the text it is in Compose."""


PlainLoader.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_yaml(text: str) -> Any:
    return yaml.load(text, Loader=PlainLoader)
