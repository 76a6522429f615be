"""What the design of a workflow said of its payback, before there was an execution."""

from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from uuid import UUID

from designs.models import Design

from ..extent import Extent
from .arithmetic import payback_day

LOOKED_AT = 50  # the newest designs


@dataclass(frozen=True)
class Predicted:
    """By the design of what is live, else by the newest one that came to a draft. Money in USD. `executions`: after how many the
    design is paid; `on`: when that is at the number of executions a month that its brief expected."""

    design: UUID
    kind: str
    version: str
    said_on: date
    design_cost: Decimal | None
    per_execution: Decimal | None
    if_all_frontier: Decimal | None
    executions: int | None
    a_month: int | None
    on: date | None


def predicted(extent: Extent) -> Predicted | None:
    """None for a workflow that nobody designed here: it was written by hand, or imported."""
    made = Design.objects.filter(workflow=extent.workflow, simulated=extent.simulated, draft__isnull=False)
    made = made.filter(status=Design.Status.COMPLETED).select_related("draft").order_by("-finished_at", "-pk")
    found = [design for design in made.defer("brief", "examples", "answer")[:LOOKED_AT] if design.figures]
    live = extent.workflow.live and extent.workflow.live.version_id
    return next((_said(one) for one in found if one.draft_id == live), _said(found[0]) if found else None)


def _said(design: Design) -> Predicted:
    figures, said_on = design.figures, design.finished_at.astimezone(UTC).date()
    each = figures.get("per_execution") or {}
    even, a_month = figures.get("break_even"), figures.get("executions_per_month")
    return Predicted(
        design=design.pk,
        kind=design.kind,
        version=design.draft.number,
        said_on=said_on,
        design_cost=_usd(figures.get("design_cost")),
        per_execution=_usd(each.get("as_designed")),
        if_all_frontier=_usd(each.get("frontier")),
        executions=even,
        a_month=a_month,
        on=payback_day(said_on, even, a_month),
    )


def _usd(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
