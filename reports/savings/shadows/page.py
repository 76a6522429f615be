"""The page of a workflow's shadows: how often the frontier comes to the same result, and what one execution would cost there."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from analytics.agreement import Agreement, Part, agreement, disagreements
from analytics.snapshot import snapshot
from shadows.models import Shadow

from ...charts.agreeing import by_step, costs, over_time, rated
from ...charts.chart import Cell, counted, money
from ...numbers import NOTHING, day
from ..asking import COMMON, TURNED, Asked
from ..page import Page
from ..turning import FILTER, Turned, turned
from .agreed import OF, WHAT, labels, missing, sentence
from .plan import told

AT_ONCE = 20  # disagreements
PARTS = 60  # strata
STRATA = ("Version", "Flag", "Completed", "Shadows", "Same result", "Mean cost there", "Without shadows")
STATUSES = {
    "failed": ("Failed", "They came to no answer. What they cost is paid, and stands in no mean."),
    "skipped": (
        "Skipped",
        "They were never run, mostly because the month's budget had no room. They are not run later.",
    ),
}


@dataclass(frozen=True)
class Other:
    """Shadows of another kind, which are told on a page of their own."""

    said: str
    href: str


class Shadows(Page):
    name, heading, template = "shadows", "Shadows", "shadows.html"
    filters = {name: COMMON[name] for name in ("since", "until", "subject", "simulated")} | {TURNED: FILTER}

    def shown(self, about: Asked) -> dict[str, object]:
        with snapshot():
            found = agreement(about.extent, about.subject)
            differ = found.measured.compared - found.measured.same
            part = turned(about, self.name, disagreements(found), differ, AT_ONCE) if differ else None
            plan = told(about)
        shown = found.parts[:PARTS] if found.measured.n else []
        borrows = any(one.lends for one in found.parts) and not found.missing
        return {
            "headline": sentence(found),
            "labels": labels(found),
            "what": WHAT[found.measured.subject],
            "missing": missing(found),
            "others": list(_others(about, found)),
            "plan": plan,
            "charts": [] if found.missing else _charts(about, found),
            "columns": STRATA if borrows else STRATA[:-1],
            "parts_of": [_part(about, one, found)[: None if borrows else -1] for one in shown],
            "older": max(len(found.parts) - PARTS, 0),
            "drawn": list(_drawn(about, found)),
            "any_drawn": bool(found.drawn),
            "turned": part,
            "differences": _differences(part),
        }


def _charts(about: Asked, found: Agreement) -> list:
    leads = {one.version: _executions(about, one.version) for one in found.versions}
    return [by_step(found), over_time(found), costs(found, leads)]


def _executions(about: Asked, version: str) -> str:
    return about.to("executions", which="completed", version=version)


def _others(about: Asked, found: Agreement) -> Iterator[Other]:
    for (subject, simulated), count in sorted(found.others.items()):
        kind = "simulated" if simulated else "real"
        shadows = "shadow" if count == 1 else "shadows"
        href = about.to("shadows", subject=subject, simulated="true" if simulated else "false", baseline=None)
        yield Other(f"{count:,} {kind} {shadows} of {OF[subject]}", href)


def _part(about: Asked, one: Part, found: Agreement) -> list[Cell]:
    says = not found.missing
    agreed = f"{one.share.same} of {one.share.compared}" if one.share.compared else NOTHING
    return [
        Cell(one.version, href=_executions(about, one.version)),
        Cell("flagged" if one.flagged else "not flagged"),
        counted(one.completed),
        counted(one.shadows),
        Cell(agreed, rated(one.share) if one.share.says and says else "", is_number=True),
        money(one.mean if says else None),
        Cell(f"counts at the mean of {one.lends}" if one.lends else ""),
    ]


def _drawn(about: Asked, found: Agreement) -> Iterator[list[Cell]]:
    """What became of all that were drawn; a number leads to those shadows where their list tells them apart."""
    measured, drawn = found.measured, found.drawn
    of = {"workflow__id__exact": about.workflow.pk, "subject": measured.subject.value}

    def row(label: str, count: int, what: str, only: dict[str, str] | None = None) -> list[Cell]:
        is_listed = count and only is not None
        href = f"{reverse('admin:shadows_shadow_changelist')}?{urlencode({**of, **only})}" if is_listed else ""
        return [Cell(label), counted(count, href), Cell(what)]

    yield row("Drawn", sum(drawn.values()), "By the hash of their ids: nobody chooses.", {})
    yield row("Counted", measured.n, "They came to an answer that has a price, on the model of the baseline.")
    yield row("Not compared", measured.n - measured.compared, "Counted, and without a grader that could compare them.")
    if found.left_out:
        what = "On another model or prompt, without a price, or of an execution whose answer was rejected."
        yield row("Left out", found.left_out, what)
    for status, (label, what) in STATUSES.items():
        yield row(label, drawn.get(status, 0), what, {"status": status})
    to_come = drawn.get(Shadow.Status.DRAWN, 0) + drawn.get(Shadow.Status.RUNNING, 0)
    yield row("To come", to_come, "Drawn, and not run to the end yet.")


def _differences(part: Turned | None) -> list[list[Cell]]:
    return [_difference(shadow) for shadow in (part.rows if part else ())]


def _difference(shadow: Shadow) -> list[Cell]:
    return [
        Cell(day(shadow.day), href=reverse("admin:shadows_shadow_change", args=[shadow.pk])),
        Cell(shadow.version.number),
        Cell("flagged" if shadow.flagged else ""),
        Cell(_what(shadow)),
        Cell(", ".join(step for step, said in shadow.steps.items() if said["same"] is False) or NOTHING),
        Cell("its execution", href=reverse("admin:executions_execution_change", args=[shadow.past_id])),
    ]


def _what(shadow: Shadow) -> str:
    """The sentence of the comparison. It quotes answers, so it goes with them."""
    if shadow.past.purged_at:
        return "The texts were deleted."
    return shadow.said or "The results differ."
