"""What this package knows of the workspace's tables; the API's migrations make them."""

from __future__ import annotations

from typing import Final

__all__ = ["CATEGORIES", "ITEMS", "PRIORITIES", "SCHEMA", "STATUSES"]

SCHEMA: Final = "workspace"
ITEMS: Final = "workspace_items"
CATEGORIES: Final = "workspace_categories"
PRIORITIES: Final = ("low", "medium", "high", "critical")
STATUSES: Final = ("new", "review", "in-progress", "completed", "rejected")
