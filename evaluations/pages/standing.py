"""How many cases a workflow has, and how many the gate waits for."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, QuerySet
from django.http import HttpRequest

from projects.models import Role
from projects.roles import projects_of
from workflows.models import Workflow

from ..models import MIN_CASES, Case, Gate, gate_of

SHOWN = 20  # workflows at once


@dataclass(frozen=True)
class Standing:
    """`counts`: confirmed ones by kind. `designs`: whether the account may add some."""

    workflow: Workflow
    min_cases: int
    counts: dict[str, int]
    proposed: int
    designs: bool

    @property
    def confirmed(self) -> int:
        return sum(self.counts.values())

    @property
    def missing(self) -> int:
        return max(0, self.min_cases - self.confirmed)


def standings(request: HttpRequest) -> list[Standing]:
    """Of the workflow that the list is of, else of the first that the account may see; those in use."""
    workflows = list(_seen(request).select_related("project").order_by("project__name", "name")[:SHOWN])
    found = _counted(workflows)
    least = dict(Gate.objects.filter(workflow__in=workflows).values_list("workflow", "min_cases"))
    everywhere = request.user.is_superuser
    designs = set() if everywhere else projects_of(request.user, Role.DESIGNER)
    return [
        Standing(
            one,
            least.get(one.pk, MIN_CASES),
            {kind: found[one.pk, Case.State.CONFIRMED, kind] for kind in Case.Kind.values},
            sum(found[one.pk, Case.State.PROPOSED, kind] for kind in Case.Kind.values),
            not one.archived_at and (everywhere or one.project_id in designs),
        )
        for one in workflows
    ]


def chosen(request: HttpRequest) -> int | None:
    """The workflow that the list is of; None: all."""
    named = request.GET.get("workflow__id__exact", "")
    return int(named) if named.isascii() and named.isdecimal() and len(named) < 18 else None


def in_words(workflow: Workflow) -> str:
    """`12 of 20 are confirmed; with 20 the gate asks for a verdict`."""
    confirmed, least = workflow.cases.confirmed().count(), gate_of(workflow).min_cases
    if confirmed < least:
        return f"{confirmed} of {least} are confirmed; with {least} the gate asks for a verdict"
    return f"{confirmed} are confirmed, and the gate asks for a verdict"


def _seen(request: HttpRequest) -> QuerySet[Workflow]:
    rows = Workflow.objects.all()
    if not request.user.is_superuser:
        rows = rows.filter(project__in=projects_of(request.user))
    only = chosen(request)
    return rows.filter(archived_at=None) if only is None else rows.filter(pk=only)


def _counted(workflows: Sequence[Workflow]) -> Counter:
    rows = Case.objects.filter(workflow__in=workflows).exclude(state=Case.State.RETIRED)
    counts = rows.values_list("workflow", "state", "kind").annotate(count=Count("pk"))
    return Counter({(workflow, state, kind): count for workflow, state, kind, count in counts})
