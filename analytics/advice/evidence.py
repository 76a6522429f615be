"""The figures that findings are found in, gathered for one workflow: what the cost summary, cases, publications, designs and
shadows say of it. Use inside a `snapshot`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db.models import Min
from django.utils import timezone

from analytics.contributions import Row
from analytics.costs import Summary, summarise
from analytics.extent import Extent
from analytics.models import TOKENS, ExecutionCell
from analytics.reading import Reading
from designs.models import Design
from evaluations.models import gate_of
from executions.models import Execution
from gateway.types import Purpose
from shadows.measurements import measurements
from shadows.models import Subject
from wire.money import to_usd
from workflows.models import Publication, Version, Workflow

from .rules import Agreement, Figures, Redesign

ELSEWHERE = (Execution.Resolver.FRONTIER, Execution.Resolver.HUMAN)


class Designed(NamedTuple):
    """What the design itself said of the fit, before anything was executed."""

    design: UUID
    verdict: str
    reasons: list[str]


# What a call is told apart by, here and in `steps`: asked once.
OF_CALLS = ("version", "step", "lane", "provider", "model_planned", "purpose", "batch", "reported", "trial", "doubted")


def calls(reading: Reading) -> list[Row]:
    return reading.calls(OF_CALLS, ("calls", "unpriced", "cost", *TOKENS))


def gather(window: Extent, reading: Reading, called: Sequence[Row]) -> Figures:
    """Of the workflow of an extent that has a first day; `reading` is of it, and `called` what `calls` says of that."""
    workflow, summary = window.workflow, summarise(window)
    live, gate = workflow.live, gate_of(workflow)
    first_days = _first_days(workflow, window)
    executions = reading.executions((), tuple(ExecutionCell.FIGURES))
    return Figures(
        workflow=workflow.name,
        observed=observed(window, first_days[0] if first_days else None),
        window=summary.balance,
        to_date=summary.to_date,
        finished=summary.rates.finished,
        escalated=summary.rates.escalated,
        elsewhere=window.completed().filter(resolved_by__in=ELSEWHERE).count(),
        escalation_cost=_escalation_cost(called),
        rejected=sum(row["rejected"] for row in executions),
        judged=_judged(window),
        changes=sum(window.covers(day) for day in first_days[1:]),
        versions=len(first_days),
        days_live=max((_end(window) - first_days[0]).days, 0) if first_days else 0,
        redesign=_redesign(window, summary),
        cases=workflow.cases.confirmed().count(),
        min_cases=gate.min_cases,
        margin=Decimal(gate.margin),
        evidence=live.evidence if live else None,
        agreements=_agreements(window),
    )


def designed(window: Extent) -> Designed | None:
    """Of the last design that came to an answer whose texts are still there, by a model of the same kind."""
    mine = {"workflow": window.workflow, "simulated": window.simulated}
    designs = Design.objects.filter(**mine, kind=Design.Kind.DESIGN, answer__isnull=False)
    for pk, answer in designs.order_by("-pk").values_list("pk", "answer")[:1]:
        if said := (answer or {}).get("fit"):
            return Designed(pk, said["verdict"], list(said["reasons"]))
    return None


def observed(window: Extent, live_since: date | None) -> int:
    """Days of the window, today included, on which it was live: before that nothing could be executed."""
    return max((_end(window) - max(window.since, live_since)).days, 0) if live_since else 0


def live_since(version: Version) -> date:
    """When this version, which is live, was published first."""
    return _day(version.publications.aggregate(first=Min("published_at"))["first"])


def _end(window: Extent) -> date:
    """The day after the last one that has begun."""
    tomorrow = _day(timezone.now()) + timedelta(days=1)
    return min(window.until or tomorrow, tomorrow)


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _first_days(workflow: Workflow, window: Extent) -> list[date]:
    """On which versions went live for the first time, until the end of the window."""
    published = Publication.objects.filter(version__workflow=workflow).order_by().values("version")
    firsts = published.annotate(first=Min("published_at")).filter(window.before_end("first"))
    return sorted(_day(moment) for moment in firsts.values_list("first", flat=True))


def _escalation_cost(rows: Sequence[Row]) -> Decimal:
    asked = (row for row in rows if row["purpose"] == Purpose.ESCALATION)
    return to_usd(sum(row["cost"] for row in asked if not (row["trial"] or row["reported"] or row["doubted"])))


def _judged(window: Extent) -> int:
    finished = window.executions().filter(window.within("finished_at"), status="completed")
    return finished.filter(judged_right__isnull=False).count()


def _redesign(window: Extent, summary: Summary) -> Redesign | None:
    """The last one that was paid for in these days: one of ours, or a version for which people say what designing it cost.
    `before` is of the days before it began, so that it is not held against itself."""
    workflow = window.workflow
    made = Design.objects.filter(workflow=workflow, kind=Design.Kind.REDESIGN, simulated=window.simulated)
    made = made.filter(draft__isnull=False)
    days = [_day(moment) for moment in made.filter(window.within("created_at")).values_list("created_at", flat=True)]
    first = workflow.versions.order_by("pk").values_list("pk", flat=True).first()
    stated = Version.objects.filter(workflow=workflow, design_cost__gt=0).exclude(pk=first)
    dated = stated.values_list("designed_at", "created_at")
    days += [day for moments in dated if window.covers(day := _day(moments[0] or moments[1]))]
    if not days:
        return None
    before = summarise(replace(window, since=None, until=max(days)), summary.method)
    return Redesign(max(days), before.to_date.savings)


def _agreements(window: Extent) -> tuple[Agreement, ...]:
    """Of each subject that was compared; the two are never put together."""
    found = []
    for subject in Subject:
        days = {"since": window.since, "until": window.until}
        several = measurements(window.workflow.pk, subject, simulated=window.simulated, **days)
        said = [one.same for one in several if one.same is not None]
        if said:
            found.append(Agreement(subject.value, sum(said), len(said)))
    return tuple(found)
