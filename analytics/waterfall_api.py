"""REST for the waterfall of a workflow and of a project: from what all-frontier would have cost to what was paid."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from projects.models import Scope
from wire.answers import Problem
from wire.views import View
from workflows.api import workflow_of
from workflows.models import Workflow

from . import shown
from .api import FILTERS, compared_with, extent_of
from .representation import represent_waterfall
from .waterfall import waterfall

OF_A_WATERFALL = {name: one for name, one in FILTERS.items() if name != "group_by"}
ANSWERS = {"GET": {200: shown.Waterfall, 422: Problem}}


class WorkflowWaterfall(View):
    scopes = {"GET": Scope.READ}
    filters = OF_A_WATERFALL
    answers = ANSWERS

    def get(self, request: Request, name: str) -> Response:
        """What took a workflow's cost down from all-frontier, and what ate of it."""
        return _waterfall(request, self.given, workflow_of(request.auth.project, name))


class ProjectWaterfall(View):
    scopes = {"GET": Scope.READ}
    filters = OF_A_WATERFALL
    answers = ANSWERS

    def get(self, request: Request) -> Response:
        """What took the whole project's cost down from all-frontier, and what ate of it."""
        return _waterfall(request, self.given, None)


def _waterfall(request: Request, given: dict[str, Any], workflow: Workflow | None) -> Response:
    extent = extent_of(request.auth.project, workflow, given)
    method, source, subject = compared_with(extent, given)
    return Response(represent_waterfall(waterfall(extent, method, source, subject)))
