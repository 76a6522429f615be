"""REST for evaluations and gates. Parses, calls one domain verb, renders."""

from typing import Annotated, Literal
from uuid import UUID

from django.db.models import QuerySet
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from projects.idempotency import ONCE, once, once_examined
from projects.models import Project, Scope
from wire.answers import Listed, Problem
from wire.bodies import Body, Nothing, Share, Usd
from wire.filters import BOOLEAN, one_of
from wire.money import to_pico
from wire.paging import page
from wire.problems import Conflict, NotFound
from wire.views import View
from workflows.api import version_of, workflow_of
from workflows.models import Version, Workflow
from workflows.names import Number

from . import asking, gate_rules, opinions, running, shown
from .asking import Asked
from .models import Case, Evaluation, Result, gate_of
from .representation import represent_estimate, represent_evaluation, represent_gate, represent_results

Target = Annotated[str, Field(max_length=250)]


class NewEvaluation(Body):
    version: Number | None = None
    models: Annotated[dict[str, Target], Field(max_length=50, description="Step → provider:model.")] = {}
    tiers: Annotated[dict[str, Target], Field(max_length=3, description="Tier → provider:model.")] = {}
    against: Literal["nothing", "frontier", "incumbent"] | None = None
    kinds: Annotated[list[Literal["covered", "boundary", "uncovered"]], Field(max_length=3)] = []
    tags: Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=20)] = []
    repeats: Annotated[int, Field(ge=1, le=10)] = 1
    at_once: Annotated[int, Field(ge=1, le=100)] = 16
    budget: Usd | None = None

    def asked(self, workflow: Workflow) -> Asked:
        return Asked(
            version=newest_or(workflow, self.version),
            models=self.models,
            tiers=self.tiers,
            against=self.against,
            kinds=self.kinds,
            tags=self.tags,
            repeats=self.repeats,
            at_once=self.at_once,
            budget=None if self.budget is None else to_pico(self.budget),
        )


class NewEvaluationBudget(Body):
    budget: Usd | None


class NewOpinion(Body):
    right: bool


class NewGate(Body):
    min_cases: Annotated[int, Field(ge=1, le=10_000)] | None = None
    margin: Share | None = None
    min_recall: Share | None = None
    graders: list[object] | None = None
    step_graders: dict[str, list[object]] | None = None


class WorkflowEvaluations(View):
    scopes = {"GET": Scope.READ, "POST": Scope.DESIGN}
    filters = {"status": one_of(Evaluation.Status.values)}
    paged = True
    bodies = {"POST": NewEvaluation}
    heeds = {"POST": ONCE}
    answers = {"GET": {200: Listed[shown.Evaluation]}, "POST": {201: shown.Evaluation, 409: Problem}}

    def get(self, request: Request, name: str) -> Response:
        """The evaluations of a workflow, newest first."""
        rows = _rows(request.auth.project).filter(workflow=workflow_of(request.auth.project, name), **self.given)
        return page(request, rows, lambda found: [represent_evaluation(row) for row in found])

    def post(self, request: Request, name: str) -> Response:
        """Begins an evaluation: a version, or its steps on other models, over the confirmed cases, compared with what it is to
        replace. It costs: ask for the estimate before."""
        body: NewEvaluation = self.body
        workflow = workflow_of(request.auth.project, name)
        by = str(request.user)
        made = once_examined(
            request,
            lambda: asking.examine(body.asked(workflow), by),
            lambda ready: str(asking.begin(ready).pk),
        )
        return Response(represent_evaluation(evaluation_of(request.auth.project, UUID(made))), status=201)


class EvaluationEstimate(View):
    scopes = {"POST": Scope.DESIGN}
    bodies = {"POST": NewEvaluation}
    answers = {"POST": {200: shown.EvaluationEstimate, 409: Problem}}

    def post(self, request: Request, name: str) -> Response:
        """What an evaluation would cost. Nothing is begun."""
        ready = asking.examine(self.body.asked(workflow_of(request.auth.project, name)), str(request.user))
        return Response(represent_estimate(asking.estimate(ready), ready))


class EvaluationDetail(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: shown.Evaluation}}

    def get(self, request: Request, evaluation_id: UUID) -> Response:
        """One evaluation: how far it is, and what came of it."""
        return Response(represent_evaluation(evaluation_of(request.auth.project, evaluation_id)))


class EvaluationResults(View):
    scopes = {"GET": Scope.READ}
    filters = {"arm": one_of(Result.Arm.values), "right": BOOLEAN, "kind": one_of(Case.Kind.values)}
    paged = True
    answers = {"GET": {200: Listed[shown.EvaluationResult]}}

    def get(self, request: Request, evaluation_id: UUID) -> Response:
        """The results of an evaluation, case by case; `right=false` are its failures."""
        evaluation = evaluation_of(request.auth.project, evaluation_id)
        columns = {"arm": "arm", "right": "right", "kind": "case__kind"}
        rows = evaluation.results.filter(**{columns[name]: value for name, value in self.given.items()})
        return page(request, rows.select_related("case", "execution"), represent_results)


class ResultOpinion(View):
    scopes = {"POST": Scope.REVIEW}
    bodies = {"POST": NewOpinion}
    heeds = {"POST": ONCE}
    answers = {"POST": {200: shown.EvaluationResult, 409: Problem}}

    def post(self, request: Request, evaluation_id: UUID, result_id: int) -> Response:
        """Says whether the answer of a result is right: what a judge's grades are compared with. The newest opinion holds."""
        evaluation = evaluation_of(request.auth.project, evaluation_id)

        def say() -> str:
            opinions.say(_result_of(evaluation, result_id), self.body.right, str(request.user))
            return str(result_id)

        once(request, say)
        return Response(represent_results([_result_of(evaluation, result_id)])[0])


class EvaluationCancellation(View):
    scopes = {"POST": Scope.DESIGN}
    bodies = {"POST": Nothing}
    heeds = {"POST": ONCE}
    answers = {"POST": {200: shown.Evaluation, 409: Problem}}

    def post(self, request: Request, evaluation_id: UUID) -> Response:
        """Ends an evaluation. What was judged stays, and there is no verdict."""
        evaluation = evaluation_of(request.auth.project, evaluation_id)

        def end() -> str:
            running.cancel(evaluation, str(request.user))
            return str(evaluation.pk)

        once(request, end)
        return Response(represent_evaluation(evaluation_of(request.auth.project, evaluation_id)))


class EvaluationBudget(View):
    scopes = {"PUT": Scope.DESIGN}
    bodies = {"PUT": NewEvaluationBudget}
    answers = {"PUT": {200: shown.Evaluation, 409: Problem}}

    def put(self, request: Request, evaluation_id: UUID) -> Response:
        """States what an evaluation may cost. Null: whatever it costs. One that waits for it goes on."""
        evaluation = evaluation_of(request.auth.project, evaluation_id)
        budget = None if self.body.budget is None else to_pico(self.body.budget)
        running.raise_budget(evaluation, budget, str(request.user))
        return Response(represent_evaluation(evaluation_of(request.auth.project, evaluation_id)))


class GateView(View):
    scopes = {"GET": Scope.READ, "PUT": Scope.DESIGN}
    bodies = {"PUT": NewGate}
    answers = {"GET": {200: shown.Gate}, "PUT": {200: shown.Gate}}

    def get(self, request: Request, name: str) -> Response:
        """What is asked of a version of this workflow before it is published."""
        return Response(represent_gate(gate_of(workflow_of(request.auth.project, name))))

    def put(self, request: Request, name: str) -> Response:
        """States it anew; what is not named stays. Verdicts by other rules do not open the gate any more."""
        body: NewGate = self.body
        workflow = workflow_of(request.auth.project, name)
        said = {key: value for key, value in body.model_dump().items() if value is not None}
        return Response(represent_gate(gate_rules.state(workflow, said, str(request.user))))


def evaluation_of(project: Project, evaluation_id: UUID) -> Evaluation:
    found = _rows(project).filter(pk=evaluation_id).first()
    if found is None:
        raise NotFound("There is no such evaluation in this project.")
    return found


def _result_of(evaluation: Evaluation, result_id: int) -> Result:
    found = evaluation.results.filter(pk=result_id).select_related("case", "execution").first()
    if found is None:
        raise NotFound("There is no such result in this evaluation.")
    return found


def _rows(project: Project) -> QuerySet[Evaluation]:
    return Evaluation.objects.filter(project=project).select_related(
        "workflow__live", "workflow__project", "version__workflow__project", "incumbent__version__workflow"
    )


def newest_or(workflow: Workflow, number: str | None) -> Version:
    """The newest, where none is named: that is what somebody has just designed."""
    if number is not None:
        return version_of(workflow.project, workflow.name, number)
    newest = workflow.versions.select_related("workflow__project").order_by("-pk").first()
    if newest is None:
        raise Conflict(f"{workflow.name} has no version yet.")
    return newest
