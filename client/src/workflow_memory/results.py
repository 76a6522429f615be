"""What the service answers, as values: money as Decimal, times as datetime. A key that this client does not know stays in `raw`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Json = Any


@dataclass(frozen=True)
class Workflow:
    """`version`, `definition`: of what is published; None where nothing is."""

    name: str
    version: str | None
    definition: dict[str, Json] | None
    created_at: datetime
    archived_at: datetime | None
    raw: dict[str, Json] = field(repr=False)

    @classmethod
    def of(cls, data: dict[str, Json]) -> Workflow:
        live = data["published"] or {}
        times = {"created_at": _time(data["created_at"]), "archived_at": _time(data["archived_at"])}
        return cls(data["name"], live.get("version"), live.get("definition"), **times, raw=data)


@dataclass(frozen=True)
class Version:
    """`state`: draft or published. `warnings`: what is allowed and doubtful."""

    workflow: str
    number: str
    state: str
    definition: dict[str, Json]
    content_hash: str
    warnings: list[dict[str, str]]
    created_at: datetime
    raw: dict[str, Json] = field(repr=False)

    @classmethod
    def of(cls, data: dict[str, Json]) -> Version:
        same = {key: data[key] for key in ("workflow", "state", "definition", "content_hash", "warnings")}
        return cls(number=data["version"], created_at=_time(data["created_at"]), raw=data, **same)


@dataclass(frozen=True)
class Execution:
    """`status`: queued, running, waiting, escalated, completed, failed or cancelled. `cost`: USD; None where it is unknown."""

    id: str
    workflow: str
    version: str
    status: str
    output: Json
    resolved_by: str | None
    flags: list[dict[str, Json]]
    cost: Decimal | None
    error: dict[str, Json] | None
    raw: dict[str, Json] = field(repr=False)

    @property
    def has_ended(self) -> bool:
        return self.status in ("completed", "failed", "cancelled")

    @property
    def waits_for_a_person(self) -> bool:
        return self.status == "escalated" or self.raw.get("waiting_for") == "review"

    @classmethod
    def of(cls, data: dict[str, Json]) -> Execution:
        same = {
            key: data[key] for key in ("id", "workflow", "version", "status", "output", "resolved_by", "flags", "error")
        }
        return cls(cost=_money(data["cost"]), raw=data, **same)


@dataclass(frozen=True)
class Flag:
    """`waiting`: whether an execution stands still for it. `state`: open, in_redesign, resolved or dismissed."""

    id: str
    execution: str
    workflow: str
    step: str | None
    reason: str
    explanation: str
    waiting: bool
    state: str
    raw: dict[str, Json] = field(repr=False)

    @classmethod
    def of(cls, data: dict[str, Json]) -> Flag:
        keys = ("id", "execution", "workflow", "step", "reason", "explanation", "waiting", "state")
        return cls(raw=data, **{key: data[key] for key in keys})


@dataclass(frozen=True)
class Costs:
    """In USD; percentages of 100. None where it is unknown, or divided by zero. `simulated`: of scripted models, a story."""

    executions: int
    completed: int
    design_cost: Decimal | None
    execution_cost: Decimal | None
    total_cost: Decimal | None
    if_all_frontier: Decimal | None
    savings: Decimal | None
    savings_percent: Decimal | None
    roi_percent: Decimal | None
    payback_executions: int | None
    complete: bool
    simulated: bool
    raw: dict[str, Json] = field(repr=False)

    @classmethod
    def of(cls, data: dict[str, Json]) -> Costs:
        figures = {key: _money(data[key]) for key in _FIGURES}
        same = {key: data[key] for key in ("executions", "completed", "payback_executions", "complete", "simulated")}
        return cls(raw=data, **figures, **same)


_FIGURES = (
    *("design_cost", "execution_cost", "total_cost", "if_all_frontier"),
    *("savings", "savings_percent", "roi_percent"),
)


@dataclass(frozen=True)
class Page(Generic[T]):
    """A page of a list, newest first. `next`: the cursor of the page behind it; None on the last one."""

    results: list[T]
    next: str | None

    @staticmethod
    def of(one: Callable[[dict[str, Json]], T]) -> Callable[[dict[str, Json]], Page[T]]:
        def read(data: dict[str, Json]) -> Page[T]:
            return Page([one(row) for row in data["results"]], _cursor(data["next"]))

        return read


def _cursor(address: str | None) -> str | None:
    return address.rpartition("cursor=")[2].partition("&")[0] if address else None


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _time(text: str | None) -> Any:
    return None if text is None else datetime.fromisoformat(text)
