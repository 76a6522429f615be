"""REST for fit advice, of a workflow and of all of a project's. Parses, calls one domain verb, renders."""

from datetime import UTC, timedelta
from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.costs import is_simulated
from analytics.extent import Extent
from projects.models import Project, Scope
from wire.answers import Listed, Problem
from wire.filters import BOOLEAN, DAY
from wire.paging import page_of
from wire.problems import Malformed
from wire.views import View
from workflows.api import workflow_of
from workflows.models import Workflow

from . import shown
from .advising import WINDOW, advise
from .representation import represent_advice

FILTERS = {"since": DAY, "until": DAY, "simulated": BOOLEAN}


class WorkflowAdvice(View):
    scopes = {"GET": Scope.READ}
    filters = FILTERS
    answers = {"GET": {200: shown.Advice, 422: Problem}}

    def get(self, request: Request, name: str) -> Response:
        """Whether a workflow is worth having, and which of its steps is worth moving next."""
        project = request.auth.project
        return Response(_advice(project, workflow_of(project, name), _checked(self.given)))


class ProjectAdvice(View):
    scopes = {"GET": Scope.READ}
    filters = FILTERS
    paged = True
    answers = {"GET": {200: Listed[shown.Advice], 422: Problem}}

    def get(self, request: Request) -> Response:
        """The same of each workflow that is not archived, by name."""
        project, given = request.auth.project, _checked(self.given)
        rows = project.workflows.filter(archived_at=None).select_related("live__version__workflow", "project")
        return page_of(request, list(rows.order_by("name")), _name, lambda one: _advice(project, one, given))


def _name(workflow: Workflow) -> str:
    return workflow.name


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    since, until = given.get("since"), given.get("until")
    tomorrow = timezone.now().astimezone(UTC).date() + timedelta(days=1)
    if since and since >= (until or tomorrow):
        raise Malformed("since is a day that has begun, and until one after it, which is not counted itself.")
    if until and until.toordinal() <= WINDOW.days:
        raise Malformed("until is a day of the calendar that has 30 before it.")
    return given


def _advice(project: Project, workflow: Workflow, given: dict[str, Any]) -> dict:
    simulated = given["simulated"] if "simulated" in given else is_simulated(project, workflow)
    return represent_advice(advise(Extent(project, workflow, simulated, given.get("since"), given.get("until"))))
