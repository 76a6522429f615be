"""The calls of a summary taken apart: by workflow, version, step, tier, model, lane or day."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from wire.money import to_usd
from workflows.models import Version

from .extent import Extent
from .models import TOKENS
from .reading import Reading
from .snapshot import snapshot

# Which columns of a call tell one group from another. Steps and versions of two workflows are never one group.
GROUPINGS = {
    "workflow": ("workflow",),
    "version": ("workflow", "version"),
    "step": ("workflow", "step"),
    "tier": ("tier",),
    "model": ("provider", "model_planned"),
    "lane": ("lane",),
    "day": ("day",),
}


@dataclass(frozen=True)
class Group:
    """`key` names the group: `{"workflow": "refund", "step": "classify"}`. Costs are in USD, of the priced calls."""

    key: dict[str, object]
    cost: Decimal
    calls: int
    unpriced_calls: int
    tokens: dict[str, int]


def grouped(extent: Extent, by: str) -> list[Group]:
    """The calls of these days by one of `GROUPINGS`. A declared design cost is no call and stands in no group."""
    columns = GROUPINGS[by]
    with snapshot():
        rows = Reading(extent).calls(("reported", *columns), ("cost", "calls", "unpriced", *TOKENS))
        names = Names(extent)
    return [
        Group(
            key=names.key(row, by),
            cost=to_usd(row["cost"]),
            calls=row["calls"],
            unpriced_calls=row["unpriced"],
            tokens={kind: row[kind] for kind in TOKENS},
        )
        for row in sorted(rows, key=lambda row: [in_order(row[column]) for column in columns])
        if not row["reported"]
    ]


def in_order(value: Any) -> tuple[bool, Any]:
    """Of rows: what belongs to no workflow comes last."""
    return value is None, value


class Names:
    """What people call the ids of a project's ledger."""

    def __init__(self, extent: Extent) -> None:
        self.workflows = dict(extent.project.workflows.values_list("pk", "name"))
        versions = Version.objects.filter(workflow__project=extent.project)
        self.versions = dict(versions.values_list("pk", "number"))

    def key(self, row: dict, by: str) -> dict[str, object]:
        match by:
            case "model":
                return {"model": f"{row['provider']}:{row['model_planned']}"}
            case "day":
                return {"day": row["day"]}
            case "tier" | "lane":
                return {by: row[by] or None}
        key = {"workflow": self.workflows.get(row["workflow"])}
        if by == "version":
            key["version"] = self.versions.get(row["version"])
        if by == "step":
            key["step"] = row["step"]
        return key
