"""REST for the cost summary of a workflow and of a project. Parses, calls one domain verb, renders."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from projects.models import Project, Scope
from shadows.models import Subject
from wire.answers import Problem
from wire.filters import BOOLEAN, DAY, check_days, one_of
from wire.problems import Invalid
from wire.views import View
from workflows.api import workflow_of
from workflows.models import Workflow

from . import shown
from .baselines import Method, method_of
from .cells import Cells
from .costs import is_simulated, summarise
from .extent import Extent
from .groups import GROUPINGS, grouped
from .learning.figures import learned
from .learning.representation import represent_learning
from .representation import represent_group, represent_summary

FILTERS = {
    "since": DAY,
    "until": DAY,
    "baseline": one_of(Method.values),
    "subject": one_of(Subject.values),
    "group_by": one_of(GROUPINGS),
    "simulated": BOOLEAN,
}
ANSWERS = {"GET": {200: shown.Summary, 422: Problem}}


class WorkflowCosts(View):
    scopes = {"GET": Scope.READ}
    filters = FILTERS
    answers = ANSWERS

    def get(self, request: Request, name: str) -> Response:
        """What a workflow cost, and what it saved."""
        return _costs(request, self.given, workflow_of(request.auth.project, name))


class ProjectCosts(View):
    scopes = {"GET": Scope.READ}
    filters = FILTERS
    answers = ANSWERS

    def get(self, request: Request) -> Response:
        """What the whole project cost, and what it saved."""
        return _costs(request, self.given, None)


class WorkflowLearning(View):
    scopes = {"GET": Scope.READ}
    filters = {"since": DAY, "until": DAY, "simulated": BOOLEAN}
    answers = {"GET": {200: shown.Learning, 422: Problem}}

    def get(self, request: Request, name: str) -> Response:
        """Whether a workflow learns: what its versions escalate, what a redesign costs, what came back, how long a fix took."""
        project = request.auth.project
        return Response(represent_learning(learned(extent_of(project, workflow_of(project, name), self.given))))


def _costs(request: Request, given: dict[str, Any], workflow: Workflow | None) -> Response:
    extent = extent_of(request.auth.project, workflow, given)
    group_by = given.get("group_by")
    body = represent_summary(summarise(extent, *compared_with(extent, given)))
    if group_by:
        body["groups"] = [represent_group(group) for group in grouped(extent, group_by)]
    return Response(body)


def compared_with(extent: Extent, given: dict[str, Any]) -> tuple[Method, type[Cells], Subject | None]:
    """By which method, and, of the method measured, with what; the rest of `summarise`'s arguments. Raises `Invalid`."""
    method = Method(given["baseline"]) if "baseline" in given else method_of(extent.workflow)
    subject = Subject(given["subject"]) if "subject" in given else None
    if subject and method != Method.MEASURED:
        raise Invalid(f"A subject is of the baseline measured; this one is {method.value}.")
    return method, Cells, subject


def extent_of(project: Project, workflow: Workflow | None, given: dict[str, Any]) -> Extent:
    since, until = given.get("since"), given.get("until")
    check_days(since, until)
    simulated = given["simulated"] if "simulated" in given else is_simulated(project, workflow)
    return Extent(project, workflow, simulated, since, until)
