"""The advice for a workflow: its fit, what speaks for and against it, and the step that is worth moving next."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, timedelta

from django.db.models import Exists, OuterRef
from django.utils import timezone

from analytics.extent import Extent
from analytics.models import CallCell, ExecutionCell, Pending
from analytics.reading import Reading
from analytics.snapshot import snapshot
from projects.models import Project
from workflows.models import Workflow

from . import rules, steps
from .evidence import Designed, calls, designed, gather
from .next_step import Move, best, in_order

WINDOW = timedelta(days=30)


@dataclass(frozen=True)
class Advice:
    extent: Extent
    fit: rules.Fit
    reasons: list[str]
    designed: Designed | None
    findings: list[rules.Finding]
    next_step: Move | None
    steps: list[Move]


def advise(extent: Extent) -> Advice:
    """As of one moment. Rates are of the extent, or, where it has no first day, of its last 30; payback is from the beginning."""
    if extent.since is None:
        today = timezone.now().astimezone(UTC).date()
        extent = replace(extent, since=(extent.until or today + timedelta(days=1)) - WINDOW)
    with snapshot():
        reading = Reading(extent)
        called = calls(reading)
        figures = gather(extent, reading, called)
        found = rules.findings(figures)
        fit, reasons = rules.fit(figures, found)
        ordered = in_order(steps.moves(extent, called))
        return Advice(extent, fit, reasons, designed(extent), found, best(ordered), ordered)


def untouched(project: Project, workflows: Iterable[Workflow], simulated: bool) -> set[int]:
    """Ids of those of which nothing of this kind was ever executed or called: all that can be said of them, at one query."""
    mine = {"project": project.pk, "workflow": OuterRef("pk")}
    cells = [model.objects.filter(**mine, simulated=simulated) for model in (ExecutionCell, CallCell)]
    found = Workflow.objects.filter(pk__in=[workflow.pk for workflow in workflows])
    for rows in (*cells, Pending.objects.filter(**mine)):
        found = found.exclude(Exists(rows))
    return set(found.values_list("pk", flat=True))
