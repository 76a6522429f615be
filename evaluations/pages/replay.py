"""The pages of replays: the list, and one of them with what would change, the executions that change first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib import admin
from django.core.paginator import Page
from django.db import models
from django.db.models import Case as FirstOf
from django.db.models import Value, When
from django.http import HttpRequest

from executions.models import Execution, Status
from executions.pages.texts import deleted
from projects.admin import usd
from projects.lists import Bounded
from projects.models import Role

from .. import running
from ..models import Replay, ReplayedExecution
from . import told
from .results import ON_A_PAGE, short
from .series import MOVING, SeriesAdmin, aloud, took

Row = Mapping[str, object]
FILTERS = {
    "": ("All", {}),
    "changed": ("What changes", {"same": False}),
    "people": ("What a person had answered", {"human": True}),
    "untried": ("What could not be tried", {"same": None}),
}


@dataclass(frozen=True)
class Side:
    """One of the two executions. `text`: its output, or why there is none."""

    text: str
    status: str
    flags: list[str]
    cost: str
    execution: object


@dataclass(frozen=True)
class Shown:
    """A past execution beside the one that repeats it. `steps`: those that change."""

    result: ReplayedExecution
    input: str
    said: str
    steps: list[str]
    sides: list[Side]


class ReplayAdmin(SeriesAdmin):
    page = "admin/evaluations/replay/page.html"
    list_display = ["begun", "of", "changed", "flags", "cost", "stands"]
    list_select_related = ["project", "version__workflow"]
    search_help_text = "A replay's id."
    intro = "Past executions on a version, to see what would change. Nothing has to be right: cases say what is."
    empty = "There is no replay yet. Post one to /workflows/NAME/replays."
    left = "What was compared stays, and there are no figures."

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request).select_related("project", "workflow", "version__workflow")
        return rows.defer(*(f"version__{name}" for name in ("definition", "design_context", "warnings")))

    @admin.display(description="version")
    def of(self, replay: Replay) -> str:
        return f"{replay.version} on {'flagged' if replay.flagged else 'completed'} executions"

    @admin.display(description="results that change")
    def changed(self, replay: Replay) -> str:
        return told.share(replay.figures["results"]["changed"]) if replay.figures else "–"

    @admin.display(description="flags, fewer and more")
    def flags(self, replay: Replay) -> str:
        found = (replay.figures or {}).get("flags")
        return f"{found['fewer']} fewer, {found['more']} more" if found else "–"

    @admin.display(description="cost")
    def cost(self, replay: Replay) -> str:
        return usd(running.spent(replay), simulated=replay.simulated)

    def shown(self, request: HttpRequest, replay: Replay) -> dict[str, object]:
        only = request.GET.get("only", "")
        only = only if only in FILTERS else ""
        rows, page = _page(replay, only, request.GET.get("page", "1"))
        figures, said, progress = replay.figures, headline(replay), running.progress(replay)
        return {
            "workflow": replay.workflow,
            "version": replay.version,
            "headline": said,
            "aloud": said or aloud(progress),
            "progress": progress,
            "took": took(replay),
            "cost": self.cost(replay),
            "budget": usd(replay.budget) if replay.budget is not None else "none",
            "lines": list(_lines(figures)) if figures else [],
            "steps": [_step(name, found) for name, found in figures["steps"].items()] if figures else [],
            "untried": figures["not_tried"] if figures else None,
            "rows": rows,
            "page": page,
            "only": only,
            "filters": {word: label for word, (label, _) in FILTERS.items()},
            "changes": replay.status in MOVING and self.may(request, Role.DESIGNER, replay),
        }


def headline(replay: Replay) -> str:
    """What came of it, in a sentence; empty while nothing did."""
    if not replay.figures:
        return ""
    changed, people = replay.figures["results"]["changed"], replay.figures["people"]
    said = "No execution could be compared that no person had answered"
    if changed["n"]:
        said = f"The result changes in {changed['count']} of {changed['n']} executions ({told.interval(changed)})"
    if people["agreement"]["n"]:
        said += f"; it agrees with people in {people['agreement']['count']} of {people['agreement']['n']}"
    return f"{said}."


def _lines(figures: Row) -> Iterable[told.Line]:
    flags, cost, results, people = (figures[name] for name in ("flags", "cost", "results", "people"))
    each = cost["per_execution"]
    yield told.Line("Flagged", "of all", told.share(flags["before"]), told.share(flags["after"]))
    yield told.Line("Flagged on this side only", "executions", str(flags["fewer"]), str(flags["more"]))
    yield told.Line("Answered on this side only", "executions", str(results["unanswered"]), str(results["answered"]))
    if people["executions"]:
        asked = f"{people['asked_again']} asked again"
        yield told.Line("Answered by a person", "executions", str(people["executions"]), asked)
    yield told.Line("Cost per execution", "of its own calls", told.money(each["before"]), told.money(each["after"]))


def _step(name: str, found: Row) -> dict[str, object]:
    each = found["cost"]["per_execution"]
    sides = [(found["models"][side], told.money(each[side]), found["flagged"][side]) for side in ("before", "after")]
    only = [f"{found[f'only_{side}']} only {side}" for side in ("before", "after") if found[f"only_{side}"]]
    return {"step": name, "changed": told.share(found["changed"]), "only": ", ".join(only), "sides": sides}


def _page(replay: Replay, only: str, number: str) -> tuple[list[Shown], Page]:
    """Those that are judged: what changes stands before what could not be tried, and that before what stays the same."""
    rows = replay.results.filter(finished_at__isnull=False, **FILTERS[only][1]).select_related("past", "execution")
    large = ("metadata", "tier_map")
    rows = rows.defer(*(f"{side}__{name}" for side in ("past", "execution") for name in large))
    rank = FirstOf(
        When(same=False, then=Value(0)),
        When(same=None, then=Value(1)),
        default=Value(2),
        output_field=models.IntegerField(),
    )
    found = Bounded(rows.order_by(rank, "pk"), ON_A_PAGE).get_page(number)
    return [_shown(replay, row) for row in found.object_list], found


def _shown(replay: Replay, row: ReplayedExecution) -> Shown:
    gone = deleted(row.past)
    sides = [(row.before, row.past), (row.after, row.execution)]
    return Shown(
        result=row,
        input=gone or short(row.past.input),
        said=row.said,
        steps=[step for step, found in row.steps.items() if found["same"] is False],
        sides=[_side(found, execution, replay.simulated) for found, execution in sides],
    )


def _side(found: Row | None, execution: Execution | None, simulated: bool) -> Side:
    if found is None or execution is None:
        return Side("", "", [], "–", execution and execution.pk)
    answered = found["status"] == Status.COMPLETED
    return Side(
        text=deleted(execution) or (short(execution.output) if answered else ""),
        status=found["status"],
        flags=[f"{one['reason']} ({one['detector']})" for one in found["flags"]],
        cost=usd(found["cost"], simulated=simulated),
        execution=execution.pk,
    )


admin.site.register(Replay, ReplayAdmin)
