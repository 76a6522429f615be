"""REST for what operators watch of a workflow and of a project. Parses, calls one domain verb, renders."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from executions.lanes import LANES
from projects.models import Scope
from wire.answers import Problem
from wire.filters import BOOLEAN, DAY, TEXT, one_of
from wire.views import View
from workflows.api import version_of, workflow_of
from workflows.models import Workflow

from ..api import extent_of
from ..groups import GROUPINGS
from . import shown
from .figures import operations
from .representation import represent_operations

FILTERS = {
    **{"since": DAY, "until": DAY, "group_by": one_of(GROUPINGS), "simulated": BOOLEAN},
    "lane": one_of(LANES),
}
ANSWERS = {"GET": {200: shown.Operations, 422: Problem}}


class WorkflowOperations(View):
    scopes = {"GET": Scope.READ}
    filters = {**FILTERS, "version": TEXT}
    answers = ANSWERS

    def get(self, request: Request, name: str) -> Response:
        """Cost per completed task, latency, retries, escalations, caches and batches of a workflow."""
        return _operations(request, self.given, workflow_of(request.auth.project, name))


class ProjectOperations(View):
    scopes = {"GET": Scope.READ}
    filters = FILTERS
    answers = ANSWERS

    def get(self, request: Request) -> Response:
        """The same of the whole project."""
        return _operations(request, self.given, None)


def _operations(request: Request, given: dict[str, Any], workflow: Workflow | None) -> Response:
    extent, by = extent_of(request.auth.project, workflow, given), given.get("group_by")
    return Response(represent_operations(extent, by, operations(extent, by, _only(workflow, given))))


def _only(workflow: Workflow | None, given: dict[str, Any]) -> dict[str, object]:
    """What has to be so of a call or an execution. Raises `NotFound` for a version that there is not."""
    only = {"lane": given["lane"]} if "lane" in given else {}
    return (
        only | {"version": version_of(workflow.project, workflow.name, given["version"]).pk}
        if "version" in given
        else only
    )
