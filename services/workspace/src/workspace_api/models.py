"""What clients send and get, as types: they check bodies and make the document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError, to_json

__all__ = [
    "ACTIVE_SORTS",
    "BRANCH_PATTERN",
    "AuditEntry",
    "AuditQuery",
    "Branch",
    "BranchCreate",
    "BranchDiff",
    "Branched",
    "Bulk",
    "BulkDone",
    "Category",
    "CategoryCreate",
    "CategoryPatch",
    "CategoryQuery",
    "CategoryStats",
    "Counted",
    "DiffQuery",
    "Done",
    "EventsQuery",
    "Failure",
    "Item",
    "ItemCreate",
    "ItemPatch",
    "ListQuery",
    "Listed",
    "Move",
    "One",
    "Reorder",
    "Stats",
]

T = TypeVar("T")

_MAX_METADATA: Final = 16 * 1024
_MAX_ID: Final = 2**63 - 1

Priority = Literal["low", "medium", "high", "critical"]
Status = Literal["new", "review", "in-progress", "completed", "rejected"]

ACTIVE_SORTS = Literal[
    "created_at",
    "-created_at",
    "updated_at",
    "-updated_at",
    "title",
    "-title",
    "priority",
    "-priority",
    "status",
    "-status",
    "category",
    "-category",
    "position",
    "-position",
]


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise PydanticCustomError("nul_character", "has a NUL character")
    return text


class _Body(BaseModel):
    """A body: no key that is not known."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    @field_validator("*", mode="after")
    @classmethod
    def _fit(cls, value: object) -> object:
        for text in value if isinstance(value, list) else (value,):
            if isinstance(text, str):
                _no_nul(text)
        return value


Title = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Description = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=50)]
Tags = Annotated[list[Tag], Field(max_length=20)]
Slug = Annotated[
    str,
    StringConstraints(min_length=2, max_length=50, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$"),
]
CategoryName = Annotated[str, StringConstraints(min_length=1, max_length=50)]
DisplayName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Color = Annotated[str, StringConstraints(pattern=r"^#[0-9A-Fa-f]{6}$")]
ItemId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}$")]
BRANCH_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$"
BranchName = Annotated[str, StringConstraints(pattern=BRANCH_PATTERN)]
Version = Annotated[int, Field(ge=1)]


def _small(metadata: dict[str, Any] | None) -> dict[str, Any] | None:
    if not metadata:
        return metadata
    if len(to_json(metadata)) > _MAX_METADATA:
        raise PydanticCustomError(
            "too_large", "may have 16 kB at most, as JSON without blanks"
        )
    if to_json(metadata) != to_json(metadata, inf_nan_mode="null"):
        raise PydanticCustomError("not_finite", "has a number that JSON cannot hold")
    return metadata


class _WithMetadata(_Body):
    @field_validator("metadata", check_fields=False)
    @classmethod
    def _metadata_is_small(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return _small(value)


class ItemCreate(_WithMetadata):
    """An item to be made."""

    title: Title
    description: Description
    category: CategoryName
    priority: Priority = "medium"
    status: Status = "new"
    tags: Tags = []
    metadata: dict[str, Any] = {}


class ItemPatch(_WithMetadata):
    """Changes of an item: what is not named stays."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    title: Title = ""
    description: Description = ""
    category: CategoryName = ""
    priority: Priority = "medium"
    status: Status = "new"
    tags: Tags = []
    metadata: dict[str, Any] = {}


class Move(_Body):
    """A place in a column: before or after an item, or at the end."""

    status: Status | None = None
    before: ItemId | None = None
    after: ItemId | None = None


class BulkSet(_Body):
    """What many items get."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    status: Status | None = None
    priority: Priority | None = None
    category: CategoryName | None = None


class Bulk(_Body):
    """A change of many items, all of them or none."""

    ids: Annotated[list[ItemId], Field(min_length=1, max_length=500)]
    set: BulkSet


class Branched(BaseModel):
    """A query that names a branch at most."""

    model_config = ConfigDict(extra="forbid")

    branch: BranchName | None = None


class EventsQuery(Branched):
    """Which events: those after this one; without it, those from now on."""

    last_event_id: Annotated[str, StringConstraints(max_length=100)] | None = None


class AuditQuery(Branched):
    """Which entries of the audit log, the newest first."""

    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: Annotated[str, StringConstraints(max_length=50)] | None = None
    action: (
        Annotated[str, StringConstraints(pattern=r"^(item|category)\.[a-z]{1,10}$")]
        | None
    ) = None
    subject: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,50}$")] | None = (
        None
    )


class DiffQuery(BaseModel):
    """The branch to compare with."""

    model_config = ConfigDict(extra="forbid")

    against: BranchName = "main"


class ListQuery(BaseModel):
    """Which items, in which order, how many."""

    model_config = ConfigDict(extra="forbid")

    category: list[CategoryName] = []
    status: list[Status] = []
    priority: list[Priority] = []
    tag: list[Tag] = []
    q: Annotated[str, StringConstraints(max_length=200)] = ""
    sort: ACTIVE_SORTS = "-created_at"
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    offset: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    cursor: Annotated[str, StringConstraints(max_length=2000)] | None = None
    branch: BranchName | None = None

    @field_validator("category", "tag", "q", "cursor", mode="after")
    @classmethod
    def _fit(cls, value: Any) -> Any:
        for text in value if isinstance(value, list) else (value or "",):
            _no_nul(text)
        return value


class Item(BaseModel):
    """An item."""

    id: str
    title: str
    description: str
    category: str
    priority: Priority
    status: Status
    tags: list[str]
    metadata: dict[str, Any]
    position: str
    version: Version
    created_at: datetime
    updated_at: datetime | None
    created_by: str | None
    updated_by: str | None


class CategoryQuery(BaseModel):
    """Which categories, in which order."""

    model_config = ConfigDict(extra="forbid")

    active_only: bool = False
    order_by: Literal[
        "sort_order", "name", "display_name", "created_at", "updated_at"
    ] = "sort_order"
    branch: BranchName | None = None


class CategoryCreate(_Body):
    """A category to be made; without `sort_order`, at the end."""

    name: Slug
    display_name: DisplayName
    description: Annotated[str, StringConstraints(max_length=500)] | None = None
    color: Color = "#6B7280"
    icon: Annotated[str, StringConstraints(max_length=50)] | None = None
    sort_order: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    is_active: bool = True


class CategoryPatch(_Body):
    """Changes of a category: what is not named stays."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    name: Slug = ""
    display_name: DisplayName = ""
    description: Annotated[str, StringConstraints(max_length=500)] | None = None
    color: Color = "#6B7280"
    icon: Annotated[str, StringConstraints(max_length=50)] | None = None
    sort_order: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    is_active: bool = True


class Reorder(_Body):
    """All categories, in their new order."""

    names: Annotated[list[CategoryName], Field(min_length=1, max_length=10_000)]


class Category(BaseModel):
    """A category."""

    name: str
    display_name: str
    description: str | None
    color: str
    icon: str | None
    sort_order: int
    is_active: bool
    item_count: int
    created_at: datetime
    updated_at: datetime | None


class BranchCreate(_Body):
    """A branch to be made; without `parent`, from the default branch."""

    name: BranchName
    parent: BranchName | None = None


class Branch(BaseModel):
    """A branch of the database."""

    name: str
    is_default: bool
    is_current: bool
    parent: str | None
    created_at: datetime


class ChangedItem(BaseModel):
    """An item that two branches have in different versions."""

    id: str
    here: Item
    there: Item


class BranchDiff(BaseModel):
    """What a branch has that another one has not, and the other way round."""

    branch: str
    against: str
    added: list[Item]
    removed: list[Item]
    changed: list[ChangedItem]
    truncated: bool


class Me(BaseModel):
    """Who asks, and what they may do."""

    name: str
    role: Literal["viewer", "editor", "admin"]
    auth_mode: Literal["open", "api-key", "jwt"]


class AuditEntry(BaseModel):
    """A change: who, what, before, after."""

    id: str
    at: datetime
    action: str
    subject: str
    version: int | None
    actor: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Stats(BaseModel):
    """How many items there are."""

    total: int
    by_status: dict[str, int]
    by_priority: dict[str, int]
    by_category: dict[str, int]


class CategoryStats(BaseModel):
    """How many items a category has."""

    name: str
    display_name: str
    total: int
    by_status: dict[str, int]


class Done(BaseModel):
    """It was done."""

    success: Literal[True]
    message: str


class One(BaseModel, Generic[T]):
    """One thing."""

    success: Literal[True]
    data: T
    message: str | None = None


class Listed(BaseModel, Generic[T]):
    """A page of things; `total` counts all that match."""

    success: Literal[True]
    count: int
    total: int
    total_exact: bool
    next_cursor: str | None
    data: list[T]


class Counted(BaseModel, Generic[T]):
    """All of them."""

    success: Literal[True]
    count: int
    total: int
    data: list[T]


class BulkDone(BaseModel):
    """The items as they are now, in the order asked for."""

    success: Literal[True]
    count: int
    data: list[Item]


class ProblemOut(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str
    code: str


class Failure(BaseModel):
    """Why something was not done."""

    success: Literal[False]
    error: str
    message: str
    errors: list[ProblemOut] | None = None
    data: Any = None
