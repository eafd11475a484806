"""Image references: `[registry/]repository[:tag][@digest]`, as Docker reads them."""

from __future__ import annotations

import re

from stackyard.images.adapter import ImageError, ImageReference

__all__ = ["format_reference", "major", "parse", "version"]

_DEFAULT_REGISTRY = "docker.io"
_OLD_REGISTRY = "index.docker.io"

_LENGTH = 255  # of the repository with its registry, in the distribution's reference
_ALNUM = "[a-z0-9]+"
_COMPONENT = rf"{_ALNUM}(?:(?:\.|__?|-+){_ALNUM})*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_REGISTRY = re.compile(
    rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?", re.ASCII
)
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(
    r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
)
_VERSION = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)(?![0-9A-Za-z_])", re.ASCII)


def parse(text: str) -> ImageReference:
    """Read a reference.

    Raises:
        ImageError: it is none.
    """
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _invalid(text, f'"{digest}" is not a digest')
    registry, path = _split_registry(rest)
    # A colon after the last slash begins a tag, for a registry's port was split off.
    repository, colon, tag = path.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise _invalid(text, f'"{tag}" is not a tag')
    if not _REPOSITORY.fullmatch(repository):
        raise _invalid(text, f'"{repository}" is not a repository')
    if len(registry) + 1 + len(repository) > _LENGTH:
        raise _invalid(text[:40] + "...", f"it has more than {_LENGTH} characters")
    if registry == _DEFAULT_REGISTRY:
        repository = _without_library(repository)
    return ImageReference(repository, tag or ("" if at else "latest"), registry, digest)


def format_reference(reference: ImageReference) -> str:
    """Write a reference in the shortest form that `parse` reads as the same."""
    text = reference.repository
    if reference.registry != _DEFAULT_REGISTRY:
        text = f"{reference.registry}/{text}"
    if reference.tag and (reference.tag != "latest" or reference.digest):
        text += f":{reference.tag}"
    return text + (f"@{reference.digest}" if reference.digest else "")


def major(reference: ImageReference) -> str:
    """Return the major version the tag begins with, "" where it names none."""
    return version(reference, parts=1)


def version(reference: ImageReference, *, parts: int) -> str:
    """Return that many parts of the version the tag begins with: 3.12 of `3.12.4`."""
    match = _VERSION.match(reference.tag)
    return ".".join(match[1].split(".")[:parts]) if match else ""


def _split_registry(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    looks_like_host = (
        "." in first or ":" in first or first == "localhost" or first != first.lower()
    )
    if not slash or not looks_like_host:
        return _DEFAULT_REGISTRY, text
    if not _REGISTRY.fullmatch(first):
        raise _invalid(text, f'"{first}" is not a registry')
    return (_DEFAULT_REGISTRY if first == _OLD_REGISTRY else first), rest


def _without_library(repository: str) -> str:
    library, slash, name = repository.partition("/")
    return name if slash and library == "library" and "/" not in name else repository


def _invalid(text: str, reason: str) -> ImageError:
    return ImageError(
        f'invalid image reference "{text}": {reason}',
        hint='write "NAME:TAG", such as "postgres:17-alpine"',
    )
