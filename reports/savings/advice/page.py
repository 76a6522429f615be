"""The pages of fit advice: whether a workflow is worth having and what to do next, and the same of all workflows of a project."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, timedelta

from django.urls import reverse
from django.utils import timezone

from analytics.advice.advising import WINDOW, advise, untouched
from analytics.advice.next_step import Move
from analytics.advice.rules import Fit
from analytics.extent import Extent
from analytics.snapshot import snapshot
from wire.problems import Malformed

from ...charts.chart import Cell, money
from ...numbers import NOTHING, day, usd
from ..asking import COMMON, TURNED, Asked
from ..filtering import scope
from ..page import Page
from ..turning import FILTER, turned
from .advised import FITS, STEPS, evidence, first, fit, next_step, nothing_to_move, sides, steps

OF_DAYS = {name: COMMON[name] for name in ("since", "until", "simulated")}
AT_ONCE = 10  # workflows: each is looked at by itself


class OfWorkflow(Page):
    name, heading, template = "advice", "Advice", "advice.html"
    filters = OF_DAYS

    def shown(self, about: Asked) -> dict[str, object]:
        _check(about)
        with snapshot():
            advice = advise(about.extent)
            idle = bool(untouched(about.project, [about.workflow], about.extent.simulated))
        about = _within(about, advice.extent)
        return {
            "scope": scope(about, self.filters),
            "headline": fit(advice),
            "reasons": advice.reasons,
            "labels": [] if idle else _labels(about),
            "since": day(advice.extent.since),
            "until": "" if advice.extent.until is None else day(advice.extent.until - timedelta(days=1)),
            "first": None if idle else first(advice, about),
            "next": next_step(advice, about),
            "nothing": nothing_to_move(advice, idle=idle),
            "begin": _begin(about) if idle or about.workflow.live is None else None,
            "sides": list(sides(advice, about)),
            "columns": STEPS,
            "steps": steps(advice, about),
            "designed": advice.designed,
            "designed_fit": advice.designed and _designed(advice.designed.verdict),
        }


class OfProject(Page):
    name, heading, template = "advice", "Advice", "project-advice.html"
    filters = OF_DAYS | {TURNED: FILTER}

    def shown(self, about: Asked) -> dict[str, object]:
        _check(about)
        with snapshot():
            workflows = about.project.workflows.filter(archived_at=None).order_by("name")
            count = workflows.count()
            part = turned(
                about, self.name, workflows.select_related("live__version__workflow", "project"), count, AT_ONCE
            )
            idle = untouched(about.project, part.rows, about.extent.simulated)
            rows = [(_idle if one.pk in idle else _row)(about.of(one)) for one in part.rows]
        return {
            "headline": _headline(rows, count),
            "labels": _labels(about),
            "turned": part,
            "rows": rows,
            "count": count,
        }


@dataclass(frozen=True)
class Row:
    """Of one workflow: its fit in a word, the first reason, the next step, and what that saves a month, on what evidence."""

    name: Cell
    fit: str
    mark: str
    reason: str
    next: Cell
    saves: Cell
    evidence: str
    is_of: Fit
    move: Move | None = None


def _headline(rows: Sequence[Row], count: int) -> str:
    """Of those that the page shows."""
    if not rows:
        return "There is no workflow to advise on."
    fits = Counter(row.is_of for row in rows)
    moves = [row.move for row in rows if row.move and row.move.saving_per_month]
    best = max(moves, key=lambda move: move.saving_per_month, default=None)
    most = (
        f" Most would be saved by the next step of {best.workflow}: {usd(best.saving_per_month)} a month."
        if best
        else ""
    )
    return f"{_counted(fits, len(rows), 'workflows here' if len(rows) < count else 'workflows')}{most}"


def _counted(fits: Counter[Fit], count: int, what: str) -> str:
    if count == 1:
        [one] = fits
        return f"The workflow {COUNTED[one][0]}."
    if len(fits) == 1:
        [one] = fits
        if one == Fit.UNKNOWN:
            return f"None of {count} {what} can be judged yet."
        return f"All {count} {what} {COUNTED[one][1]}."
    told = [f"{fits[one]} {COUNTED[one][fits[one] > 1]}" for one in Fit if fits[one]]
    return f"Of {count} {what}, {', '.join(told)}."


# One, and several.
COUNTED = {
    Fit.GREAT: ("fits", "fit"),
    Fit.HYBRID: ("is a hybrid", "are hybrids"),
    Fit.KEEP_ON_FRONTIER: ("is better kept on the frontier", "are better kept on the frontier"),
    Fit.UNKNOWN: ("cannot be judged yet", "cannot be judged yet"),
}


def _row(about: Asked) -> Row:
    advice = advise(about.extent)
    found = next_step(advice, _within(about, advice.extent))
    word, _ = FITS[advice.fit]
    return Row(
        name=Cell(about.workflow.name, href=about.to("advice")),
        fit=word,
        mark=MARKS[advice.fit],
        reason=advice.reasons[0],
        next=Cell(found.do, href=found.href) if found else Cell(NOTHING),
        saves=money(advice.next_step.saving_per_month if advice.next_step else None),
        evidence=evidence(advice.next_step)[0] if advice.next_step else "",
        is_of=advice.fit,
        move=advice.next_step,
    )


def _within(about: Asked, extent: Extent) -> Asked:
    """Of the days that the advice is of: its figures lead to the rows of these."""
    days = {"since": extent.since, "until": extent.until}
    kept = about.kept | {name: one.isoformat() for name, one in days.items() if one}
    return replace(about, extent=extent, kept=kept)


def _idle(about: Asked) -> Row:
    name, said = Cell(about.workflow.name, href=about.to("advice")), "Nothing of it was executed yet."
    fit, do = Fit.UNKNOWN, "Execute it" if about.workflow.live else "Publish a version"
    return Row(name, FITS[fit][0], MARKS[fit], said, Cell(do), money(None), "", fit)


MARKS = {Fit.GREAT: "for", Fit.HYBRID: "for", Fit.KEEP_ON_FRONTIER: "against", Fit.UNKNOWN: "open"}


def _labels(about: Asked) -> list[tuple[str, str]]:
    return [("simulated", "scripted models answered: a story, and no evidence")] if about.extent.simulated else []


def _begin(about: Asked) -> tuple[str, str]:
    """Where to begin, and what that is called."""
    live, workflow = about.workflow.live, about.workflow
    if live is None:
        return reverse("admin:workflows_workflow_change", args=[workflow.pk]), "See its versions"
    return reverse("admin:workflows_version_try", args=[live.version_id]), "Try it out"


def _designed(verdict: str) -> str:
    return FITS[Fit(verdict)][0] if verdict in list(Fit) else verdict.replace("_", " ")


def _check(about: Asked) -> None:
    """Raises `Malformed` for days of which no advice can be given."""
    since, until = about.extent.since, about.extent.until
    tomorrow = timezone.now().astimezone(UTC).date() + timedelta(days=1)
    if since and since >= (until or tomorrow):
        raise Malformed("since is a day that has begun.")
    if until and until.toordinal() <= WINDOW.days:
        raise Malformed("until is a day of the calendar that has 30 before it.")
