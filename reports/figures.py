"""Tables of figures: the summary of each day and of each workflow, and the groups that a summary is taken apart into."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from analytics.baselines import method_of
from analytics.costs import declared_designs, summarise
from analytics.extent import Extent
from analytics.models import ExecutionCell
from analytics.operations.figures import Operation, operations
from analytics.operations.representation import represent_operation
from analytics.reading import Reading
from analytics.representation import represent_summary, represent_waterfall
from analytics.snapshot import snapshot
from analytics.waterfall import waterfall
from wire.problems import Invalid
from workflows.models import Workflow

from .tables import Row, Wanted, figures

MOST_DAYS = 400  # of one file: each is a summary of its own
MOST_WORKFLOWS = 1_000

# Column of a file → where it stands in a summary.
FIGURES: dict[str, tuple[str, ...]] = {
    "simulated": ("simulated",),
    "complete": ("complete",),
    "unpriced_calls": ("unpriced_calls",),
    "executions": ("executions",),
    "finished": ("finished",),
    "completed": ("completed",),
    "execution_cost": ("execution_cost",),
    "design_cost": ("design_cost",),
    "design_declared": ("design", "declared"),
    "design_measured": ("design", "measured"),
    "evaluation_cost": ("evaluation_cost",),
    "shadow_cost": ("shadow_cost",),
    "in_doubt_cost": ("in_doubt_cost",),
    "total_cost": ("total_cost",),
    "if_all_frontier": ("if_all_frontier",),
    "savings": ("savings",),
    "savings_percent": ("savings_percent",),
    "roi_percent": ("roi_percent",),
    "cost_per_completed": ("cost_per_completed",),
    "payback_executions": ("payback_executions",),
    "paid_back_at": ("paid_back_at",),
    "escalation_rate": ("escalation_rate",),
    "retry_rate": ("retry_rate",),
    "cache_savings": ("cache_savings",),
    "batch_savings": ("batch_savings",),
    "agreement": ("agreement",),
    "latency_p50_ms": ("latency_ms", "p50"),
    "latency_p95_ms": ("latency_ms", "p95"),
    "reported_executions": ("reported", "executions"),
    "reported_calls": ("reported", "calls"),
    "reported_cost": ("reported", "cost"),
    "reported_unpriced_calls": ("reported", "unpriced_calls"),
    "baseline_method": ("baseline", "method"),
    "baseline_model": ("baseline", "model"),
    "baseline_subject": ("baseline", "subject"),
    "baseline_n": ("baseline", "n"),
    "baseline_estimated": ("baseline", "estimated"),
    "baseline_unpriced": ("baseline", "unpriced"),
    "baseline_borrowed": ("baseline", "borrowed"),
}
# 95% intervals of the summary's baseline, in two columns each.
INTERVALS = {
    "if_all_frontier": "interval",
    "savings": "savings_interval",
    "savings_percent": "savings_percent_interval",
    "agreement": "agreement_interval",
}
SUMMARY = (*FIGURES, *(f"{figure}_{end}" for figure in INTERVALS for end in ("low", "high")))
TOKENS = ("input", "output", "cache_read", "cache_write")
OPERATION: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("executions", "finished", "completed", "cost", "cost_per_completed")},
    **{name: (name,) for name in ("human_minutes", "human_cost", "cost_per_completed_with_people")},
    "latency_p50_ms": ("latency_ms", "p50"),
    "latency_p95_ms": ("latency_ms", "p95"),
    "call_latency_p50_ms": ("call_latency_ms", "p50"),
    "call_latency_p95_ms": ("call_latency_ms", "p95"),
    **{name: (name,) for name in ("calls", "unpriced_calls", "retry_rate", "escalation_rate")},
    **{f"{kind}_tokens": ("tokens", kind) for kind in TOKENS},
    "cache_savings": ("cache", "savings"),
    "batch_savings": ("batch", "savings"),
}


def days(wanted: Wanted) -> list[Row]:
    """The summary of each day on which anything happened, all of one moment, so that they add up."""
    extent = wanted.extent
    with snapshot():
        found = sorted(_days(extent))
        if len(found) > MOST_DAYS:
            said = f"Something happened on {len(found)} days; a file has at most {MOST_DAYS}: ask for fewer."
            raise Invalid(said)
        return [{"day": day.isoformat(), **_flat(_one_day(extent, day), wanted)} for day in found]


def _days(extent: Extent) -> set[date]:
    reading = Reading(extent)
    executions = reading.executions(("day",), tuple(ExecutionCell.FIGURES))
    calls = {row["day"] for row in reading.calls(("day",), ("calls",))}
    counted = {row["day"] for row in executions if any(row[figure] for figure in ExecutionCell.FIGURES)}
    return calls | counted | {day for day, _ in declared_designs(extent)}


def _one_day(extent: Extent, day: date) -> Extent:
    return replace(extent, since=day, until=day + timedelta(days=1))


def _flat(extent: Extent, wanted: Wanted) -> Row:
    return flat(represent_summary(summarise(extent, wanted.method, subject=wanted.subject)))


def flat(summary: dict) -> Row:
    """A summary as the API shows it, in columns."""
    row = _columns(summary, FIGURES)
    for figure, name in INTERVALS.items():
        row[f"{figure}_low"], row[f"{figure}_high"] = summary["baseline"][name] or (None, None)
    return row


def _columns(shown: dict, paths: dict[str, tuple[str, ...]]) -> Row:
    row = {}
    for column, path in paths.items():
        value = shown
        for name in path:
            value = value[name]
        row[column] = value
    return row


def workflows(wanted: Wanted) -> list[Row]:
    """The summary of each workflow of a project, all of one moment."""
    rows = Workflow.objects.filter(project=wanted.extent.project).order_by("name")
    with snapshot():
        found = list(rows[: MOST_WORKFLOWS + 1])
        if len(found) > MOST_WORKFLOWS:
            raise Invalid(f"There are more than {MOST_WORKFLOWS:,} workflows; ask each for its days.")
        return [_workflow(replace(wanted.extent, workflow=workflow), wanted) for workflow in found]


def _workflow(extent: Extent, wanted: Wanted) -> Row:
    summary = represent_summary(summarise(extent, wanted.method, subject=wanted.subject))
    overridden = summary["overridden"][0] if summary["overridden"] else {}
    standing = {
        "unproven": summary["unproven"],
        "overridden_by": overridden.get("by"),
        "overridden_because": overridden.get("reason"),
    }
    return {"workflow": summary["workflow"], **flat(summary), **standing}


def groups(by: str) -> Callable[[Wanted], list[Row]]:
    def make(wanted: Wanted) -> list[Row]:
        return [_group(row) for row in operations(wanted.extent, by)]

    return make


def _group(row: Operation) -> Row:
    shown = represent_operation(row)
    return {**{name: shown[name] for name in row.key}, **_columns(shown, OPERATION)}


def levers(wanted: Wanted) -> list[Row]:
    """The waterfall, from what all-frontier would have cost down to what was paid."""
    extent = wanted.extent
    shown = represent_waterfall(waterfall(extent, wanted.method or method_of(extent.workflow), subject=wanted.subject))
    first, last = ({"part": name, "amount": shown[name], "reason": None} for name in ("if_all_frontier", "total_cost"))
    return [first, *shown["parts"], last]


figures("days", ("day", *SUMMARY), days, compares=True)
figures(
    *("workflows", ("workflow", *SUMMARY, "unproven", "overridden_by", "overridden_because"), workflows),
    compares=True,
    of_projects=True,
)
figures("waterfall", ("part", "amount", "reason"), levers, compares=True)
for table, by, key in (
    ("versions", "version", ("workflow", "version")),
    ("steps", "step", ("workflow", "step")),
    ("tiers", "tier", ("tier",)),
    ("models", "model", ("model",)),
    ("lanes", "lane", ("lane",)),
):
    figures(table, (*key, *OPERATION), groups(by))
