"""REST for shadows. Parses, calls one domain verb, renders."""

from typing import Literal
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from projects.models import Project, Scope
from wire.answers import Listed, Problem
from wire.bodies import SMALLEST, Body, Share, Usd
from wire.filters import BOOLEAN, one_of
from wire.money import to_pico
from wire.paging import page
from wire.problems import Invalid, NotFound
from wire.views import View
from workflows.api import workflow_of

from . import figures, shown, stating
from .models import Shadow, Subject
from .representation import represent_plan, represent_shadow, represent_shadows

LARGE = ("version__definition", "version__design_context", "version__warnings")


class NewShadowPlan(Body):
    enabled: bool = True
    subject: Literal["workflow", "task"] = "workflow"
    share: Share
    monthly_budget: Usd

    def columns(self) -> dict[str, object]:
        """Of a plan. Raises `Invalid`."""
        if self.monthly_budget < SMALLEST:
            raise Invalid.at("/monthly_budget", "A month costs something: state a budget above 0, or enabled false.")
        return {**self.model_dump(), "monthly_budget": to_pico(self.monthly_budget)}


class ShadowPlan(View):
    scopes = {"GET": Scope.READ, "PUT": Scope.DESIGN}
    bodies = {"PUT": NewShadowPlan}
    answers = {"GET": {200: shown.ShadowPlan}, "PUT": {200: shown.ShadowPlan, 409: Problem}}

    def get(self, request: Request, name: str) -> Response:
        """Which share of a workflow's executions is shadowed, and for how much."""
        workflow = workflow_of(request.auth.project, name)
        return Response(represent_plan(workflow, stating.plan_of(workflow)))

    def put(self, request: Request, name: str) -> Response:
        """States the plan anew. It costs, up to its budget in each month."""
        body: NewShadowPlan = self.body
        workflow = workflow_of(request.auth.project, name)
        return Response(represent_plan(workflow, stating.state(workflow, body.columns(), str(request.user))))


class WorkflowShadows(View):
    scopes = {"GET": Scope.READ}
    filters = {"status": one_of(Shadow.Status.values), "subject": one_of(Subject.values), "same": BOOLEAN}
    paged = True
    answers = {"GET": {200: Listed[shown.Shadow]}}

    def get(self, request: Request, name: str) -> Response:
        """The shadows of a workflow, newest first."""
        rows = _rows(request.auth.project).filter(workflow=workflow_of(request.auth.project, name), **self.given)
        return page(request, rows.defer(*LARGE, "output", "steps"), represent_shadows)


class WorkflowShadowSummary(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: shown.ShadowSummary}}

    def get(self, request: Request, name: str) -> Response:
        """What the shadows of a workflow show in sum, of each subject apart."""
        workflow = workflow_of(request.auth.project, name)
        return Response({"workflow": workflow.name, "subjects": figures.of(workflow)})


class ShadowDetail(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: shown.Shadow}}

    def get(self, request: Request, shadow_id: UUID) -> Response:
        """One shadow, with its steps and, while the texts are there, both outputs."""
        return Response(represent_shadow(shadow_of(request.auth.project, shadow_id)))


def shadow_of(project: Project, shadow_id: UUID) -> Shadow:
    found = _rows(project).select_related("past").filter(pk=shadow_id).first()
    if found is None:
        raise NotFound("There is no such shadow in this project.")
    return found


def _rows(project: Project) -> QuerySet[Shadow]:
    return Shadow.objects.filter(project=project).select_related("workflow", "version")
