"""The typed, immutable Project that Compose files describe."""

from stackyard.compose.model.project import Project
from stackyard.compose.model.service import Service

__all__ = ["Project", "Service"]
