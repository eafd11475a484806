"""Compose files -> a Project: runs the stages in their order.

per document   parse -> interpolate -> extends -> include -> merge -> unique
               -> schema -> canonical -> unique
per project    defaults -> checks -> paths -> normalize
               -> model -> profiles -> consistency -> environment
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from stackyard.compose import limits
from stackyard.compose.errors import LoadError, Path, Problem
from stackyard.compose.load.canonical import canonical
from stackyard.compose.load.checks import check
from stackyard.compose.load.consistency import check_consistency, with_replicas
from stackyard.compose.load.context import Context
from stackyard.compose.load.defaults import set_defaults
from stackyard.compose.load.environment import resolve_environment, resolve_labels
from stackyard.compose.load.extends import Extender
from stackyard.compose.load.include import Includer
from stackyard.compose.load.interpolate import interpolate
from stackyard.compose.load.merge import MergeError, merge_documents
from stackyard.compose.load.normalize import normalize
from stackyard.compose.load.paths import resolve_paths
from stackyard.compose.load.repair import remove
from stackyard.compose.load.reset import apply_resets
from stackyard.compose.load.schema import schema_problems
from stackyard.compose.load.timestamps import timestamp_problems
from stackyard.compose.load.unique import unique
from stackyard.compose.model.frozen import FrozenDict
from stackyard.compose.model.project import project_from_document
from stackyard.compose.selection import with_profiles

if TYPE_CHECKING:
    from stackyard.compose.files.sources import Sources
    from stackyard.compose.files.yaml_reader import Document
    from stackyard.compose.load.trace import Trace
    from stackyard.compose.model import Project
    from stackyard.compose.model.codec import DecodeError
    from stackyard.compose.request import Request


@dataclass(frozen=True)
class Loaded:
    """A result and the warnings that came with it, each once, in order."""

    project: Project
    warnings: tuple[str, ...]


def load(request: Request, sources: Sources) -> Loaded:
    """Return the project that the request's files describe.

    Raises:
        LoadError: with every problem of the files.
    """
    context = _context(request, sources)
    document = _load_document(request, context)
    project = _project(document, request, context)
    if context.problems:
        raise LoadError(sorted(context.problems, key=_reading_order))
    project = replace(
        project,
        environment=FrozenDict(request.environment),
        working_dir=request.directory,
        files=request.files,
    )
    return Loaded(project, tuple(context.warnings))


def load_document(
    request: Request, sources: Sources, *, trace: Trace | None = None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the merged document before it is given types, and the warnings.

    Raises:
        LoadError: with every problem of the files.
    """
    context = _context(request, sources, trace)
    document = _load_document(request, context)
    if context.problems:
        raise LoadError(sorted(context.problems, key=_reading_order))
    return document, tuple(context.warnings)


def _reading_order(problem: Problem) -> tuple[str, int, int]:
    place = problem.location
    return (place.file, place.line, place.column) if place else ("", 0, 0)


def _context(request: Request, sources: Sources, trace: Trace | None = None) -> Context:
    return Context(
        environment=request.environment,
        base=request.directory,
        directory=request.directory,
        sources=sources,
        options=request.options,
        trace=trace,
    )


def _load_document(request: Request, context: Context) -> dict[str, Any]:
    resolve = context.options.resolve_paths
    document = _load_files(request.files, context, (), resolve=resolve)
    if not document:
        raise LoadError([*context.problems, Problem("empty compose file")])
    if context.options.normalize:
        document["name"] = request.name
        # Without interpolation nothing is taken from the environment, keys neither.
        known = context.environment if context.options.interpolate else {}
        document = normalize(document, known)
    return document


def _load_files(
    files: tuple[str, ...],
    context: Context,
    trail: tuple[str, ...],
    *,
    resolve: bool = True,
) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for file in files:
        here = context.within(file=file)
        for part in context.sources.documents(file):
            document = _load_part(part, document, here, trail)
    document = set_defaults(document)
    check(document, context)
    if resolve:
        document = resolve_paths(document, context.directory, context.environment)
    return document


def _load_part(
    part: Document, document: dict[str, Any], context: Context, trail: tuple[str, ...]
) -> dict[str, Any]:
    value = _interpolated(part, context, "include" if trail else "file")
    value = Extender(context, part.resets, _load_base).apply(value)
    value = Includer(context, (*trail, context.file), _load_files).apply(value)
    apply_resets(document, part.resets)
    return _merged(document, value, part, context)


def _load_base(file: str, context: Context) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """Load a file that a service extends: merged by itself, not yet validated."""
    document: dict[str, Any] = {}
    resets: tuple[Path, ...] = ()
    for part in context.sources.documents(file):
        value = _interpolated(part, context, "base")
        apply_resets(document, part.resets)
        document = _merged(document, value, part, context, validate=False)
        resets = part.resets
    return document, resets


def _interpolated(part: Document, context: Context, kind: str) -> dict[str, Any]:
    context.spend(nodes=part.size)
    raw = _mapping(part, context)
    value = interpolate(raw, context) if context.options.interpolate else raw
    if context.trace is not None:
        context.trace.add(
            kind, context.file, document=value, raw=raw, resets=part.resets
        )
    return value


def _mapping(part: Document, context: Context) -> dict[str, Any]:
    if part.value is None:
        context.fail("empty compose file")
    if not isinstance(part.value, dict):
        context.fail("the top level must be a mapping")
    return dict(part.value)


def _merged(
    document: dict[str, Any],
    value: dict[str, Any],
    part: Document,
    context: Context,
    *,
    validate: bool = True,
) -> dict[str, Any]:
    try:
        document = merge_documents(document, value)
    except MergeError as error:
        context.fail(error.message, error.path, hint=error.hint)
    document = unique(document, context)
    if validate:
        _validate(document, part, context)
    document = canonical(document, context)
    return unique(document, context)


def _validate(document: dict[str, Any], part: Document, context: Context) -> None:
    """Report what the schema refuses, and go on without it to find the rest."""
    # One more than may be told: what is reported below then says so.
    problems = list(islice(schema_problems(document), limits.PROBLEMS + 1))
    if part.has_timestamps:
        problems += timestamp_problems(document)
    for problem in problems:
        context.report(problem.message, problem.path, hint=problem.hint)
    remove(document, [problem.path for problem in problems])
    if document.pop("version", None) is not None:
        context.warn(
            f"{context.file}: the attribute `version` is obsolete, it will be ignored, "
            "please remove it to avoid potential confusion"
        )


def _project(document: dict[str, Any], request: Request, context: Context) -> Project:
    def report(error: DecodeError) -> None:
        context.report(error.message, error.path, hint=error.hint)

    project = project_from_document({**document, "name": request.name}, report)
    project = with_profiles(project, context.options.profiles)
    if context.options.check_consistency:
        check_consistency(project, context)
        project = with_replicas(project)
    if context.options.resolve_environment:
        project = resolve_environment(project, context)
    return resolve_labels(project, context)
