"""The calls of a summary taken apart: by workflow, version, step, model or day."""

from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncDate

from wire.money import to_usd
from workflows.models import Version

from .extent import UNPRICED, Extent

# Which columns of a call tell one group from another. Steps and versions of two workflows are never one group.
GROUPINGS = {
    "workflow": ("workflow",),
    "version": ("workflow", "version"),
    "step": ("workflow", "step"),
    "model": ("provider", "model_planned"),
    "day": ("day",),
}
TOKENS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")


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
    rows = extent.calls().annotate(day=TruncDate("finished_at", tzinfo=UTC)).values(*columns)
    rows = rows.annotate(
        total=Sum("cost"),
        calls=Count("pk", filter=Q(corrects=None)),
        unpriced=Count("pk", filter=UNPRICED),
        **{f"sum_{kind}": Sum(kind) for kind in TOKENS},
    )
    names = _Names(extent)
    return [
        Group(
            key=names.key(row, by),
            cost=to_usd(row["total"] or 0),
            calls=row["calls"],
            unpriced_calls=row["unpriced"],
            tokens={kind: row[f"sum_{kind}"] for kind in TOKENS},
        )
        for row in rows.order_by(*columns)
    ]


class _Names:
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
        key = {"workflow": self.workflows.get(row["workflow"])}
        if by == "version":
            key["version"] = self.versions.get(row["version"])
        if by == "step":
            key["step"] = row["step"]
        return key
