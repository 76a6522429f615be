"""The page of a workflow's versions: what each escalates, costs and takes, and what changed from one to another."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import ClassVar

from django.db.models import Min
from django.urls import reverse

from analytics.reading import Only
from analytics.versions import VersionFigures, version_figures
from wire.filters import TEXT, Filter
from wire.problems import Malformed
from workflows.models import Publication, Version

from ...charts import versions as charts
from ...charts.chart import Cell, Chart, counted, money
from ...numbers import NOTHING, day, rate
from ..asking import COMMON, OF_EXECUTIONS, Asked
from ..filtering import versions_of
from ..page import Page
from .told import (
    agreed_cell,
    beside,
    cost_cell,
    escalated_cell,
    executions,
    latency_cells,
    more,
    said,
    shadows,
)

AT_ONCE = 20
LONGEST_WHY = 160  # characters of a rationale
WHY = ("rationale", "reason", "why")  # where a design context may say it
COLUMNS = (
    *("Version", "Escalated (95%)", "Executing, per completed", "Agreement (95%)", "Accepted", "Finished", "Completed"),
    *("Asked again", "Half within", "19 of 20 within"),
)
ORIGINS = ("Version", "State", "Designed", "Why", "Evidence", "Designing", "Declared", "Evaluating")
EVIDENCE = {"none": "unproven", "passed": "passed", "overridden": "overridden"}
SIMULATED = ("simulated", "scripted models answered: a story, and no evidence")
Published = Mapping[int, Sequence[Publication]]


def _older(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise Malformed(f"{name} is how many of the newest versions are passed over, such as {AT_ONCE}.")
    return int(text)


class Versions(Page):
    name, heading, template = "versions", "Versions", "versions.html"
    filters: ClassVar[Mapping[str, Filter]] = {
        **{name: COMMON[name] for name in ("since", "until", "simulated")},
        "lane": OF_EXECUTIONS["lane"],
        **{"a": TEXT, "b": TEXT, "older": Filter(_older, {"type": "integer"})},
    }

    def shown(self, about: Asked) -> dict[str, object]:
        first = about.given.get("older", 0)
        stored = about.workflow.versions.defer("definition", "warnings").order_by("-pk")
        page = list(stored[first : first + AT_ONCE + 1])
        before, after = _chosen(about)
        wanted = {one.pk: one for one in (*page[:AT_ONCE], before, after) if one}
        found = {one.version.pk: one for one in version_figures(about.extent, list(wanted.values()), _only(about))}
        listed = [found[one.pk] for one in page[:AT_ONCE]]
        pair = [found[one.pk] if one else None for one in (before, after)]
        return {
            "headline": said(*pair),
            "more": more(*pair),
            "labels": [SIMULATED] if about.extent.simulated else [],
            "rows": [_row(one, about) for one in listed],
            "origins": _origins(about, listed),
            "columns": COLUMNS,
            "executed": any(one.executed for one in listed),
            "origin_columns": ORIGINS,
            "charts": _charts(list(reversed(listed)), about),
            "pair": pair if all(pair) else None,
            "beside": beside(*pair, about) if all(pair) else [],
            "diff": _diff(before, after),
            "numbers": versions_of(about, before, after),
            "kept": {name: text for name, text in about.kept.items() if name not in ("a", "b")},
            "newer": about.to(self.name, older=max(first - AT_ONCE, 0) or None) if first else "",
            "older": about.to(self.name, older=first + AT_ONCE) if len(page) > AT_ONCE else "",
        }


def _only(about: Asked) -> Only:
    return {"lane": about.given["lane"]} if "lane" in about.given else {}


def _chosen(about: Asked) -> tuple[Version | None, Version | None]:
    """The two that are asked for, by default the last two that went live, or else that were stored. Raises `NotFound`."""
    publications = Publication.objects.filter(version__workflow=about.workflow).values_list("version")
    went_live = publications.annotate(first=Min("published_at")).order_by("-first", "-version")[:2]
    mine = about.workflow.versions.defer("definition", "warnings")
    live = mine.in_bulk([pk for pk, _ in went_live])
    last = [live[pk] for pk, _ in went_live]
    last += [one for one in mine.order_by("-pk")[:3] if one not in last]
    after = _named(about, "b") or next((one for one in last if one.number != about.given.get("a")), None)
    before = _named(about, "a") or next((one for one in last if one != after), None)
    if before and before == after:
        raise Malformed("Choose two versions that differ.")
    return before, after


def _named(about: Asked, name: str) -> Version | None:
    number = about.given.get(name)
    return None if number is None else about.version_of(number)


def _charts(found: Sequence[VersionFigures], about: Asked) -> list[Chart]:
    """The oldest first, as time runs. A single one has nothing beside it: the table says the same."""
    if sum(one.executed is not None for one in found) < 2:
        return []

    def executed(which: str) -> charts.Leads:
        return lambda one: executions(about, one, which)

    made = [
        charts.costs(found, lambda one: cost_cell(one, about).href),
        charts.escalations(found, executed("escalated")),
        charts.latencies(found, executed("completed")),
        charts.agreements(found, lambda one: shadows(about)),
    ]
    return [one for one in made if one]


def _row(one: VersionFigures, about: Asked) -> list[Cell]:
    executed = one.executed
    finished = executed.finished if executed else 0
    return [
        Cell(one.version.number, "", _page_of(one.version)),
        escalated_cell(one, about),
        cost_cell(one, about),
        agreed_cell(one, shadows(about)),
        counted(executed.accepted if executed else 0),
        counted(finished, executions(about, one, "finished") if finished else ""),
        counted(one.completed, executions(about, one, "completed") if one.completed else ""),
        Cell(rate(one.retry_rate), is_number=True),
        *latency_cells(one),
    ]


def _origins(about: Asked, found: Sequence[VersionFigures]) -> list[list[Cell]]:
    published: dict[int, list[Publication]] = defaultdict(list)
    rows = Publication.objects.filter(version__in=[one.version for one in found]).order_by("pk")
    for publication in rows.defer("tier_map", "calls"):
        published[publication.version_id].append(publication)
    return [_origin(one, published[one.version.pk], about.workflow.live_id) for one in found]


def _origin(one: VersionFigures, published: Sequence[Publication], live: int | None) -> list[Cell]:
    version, took = one.version, one.took
    designer = version.designed_by or version.created_by
    return [
        Cell(version.number, "", _page_of(version)),
        Cell(_state(published, live)),
        Cell(f"by {designer} on {day(version.designed_at or version.created_at)}"),
        Cell(_why(version)),
        _evidence(published),
        money(took.design),
        money(took.declared),
        money(took.evaluation),
    ]


def _state(published: Sequence[Publication], live: int | None) -> str:
    if not published:
        return "draft"
    if published[-1].pk == live:
        return f"live since {day(published[-1].published_at)}"
    return f"was live from {day(published[0].published_at)}"


def _evidence(published: Sequence[Publication]) -> Cell:
    """Of its last publication; the verdict behind it."""
    if not published:
        return Cell(NOTHING)
    last = published[-1]
    href = reverse("admin:evaluations_evaluation_change", args=[last.evaluation]) if last.evaluation else ""
    return Cell(EVIDENCE[last.evidence], last.reason, href)


def _why(version: Version) -> str:
    """What its changelog says, or its design context."""
    context = version.design_context if isinstance(version.design_context, dict) else {}
    told = version.changelog or next((context[name] for name in WHY if isinstance(context.get(name), str)), "")
    text = " ".join(told.split())
    return (text if len(text) <= LONGEST_WHY else f"{text[:LONGEST_WHY].rstrip()} …") or NOTHING


def _page_of(version: Version) -> str:
    return reverse("admin:workflows_version_change", args=[version.pk])


def _diff(before: Version | None, after: Version | None) -> str:
    if before is None or after is None or before == after:
        return ""
    return f"{reverse('admin:workflows_version_diff', args=[after.pk])}?from={before.number}"
