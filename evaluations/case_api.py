"""REST for the cases of a workflow. Parses, calls one domain verb, renders."""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, WithJsonSchema
from rest_framework.request import Request
from rest_framework.response import Response

from projects.idempotency import ONCE, once, once_examined
from projects.models import Project, Scope
from wire.answers import Listed, Problem
from wire.bodies import Body, Nothing
from wire.filters import TEXT, one_of
from wire.paging import page
from wire.problems import NotFound
from wire.views import View
from workflows.api import workflow_of

from . import case_shown, cases
from .case_shown import represent_case
from .cases import ABSENT, weight_of
from .models import Case, gate_of

_WEIGHT = {
    "description": "More than 0, with at most three places.",
    "anyOf": [{"type": "string", "pattern": r"^\d{1,5}(\.\d{1,3})?$"}, {"type": "number", "exclusiveMinimum": 0}],
}
Weight = Annotated[Decimal, BeforeValidator(weight_of), WithJsonSchema(_WEIGHT)]
Steps = dict[str, object]


class NewCase(Body):
    kind: Literal["covered", "boundary", "uncovered"]
    input: object
    expected: object = ABSENT
    expects_flag: bool | None = None
    steps: Steps = {}
    answers: Steps = {}
    weight: Weight = Decimal(1)
    tags: Annotated[list[str], Field(max_length=cases.MAX_TAGS)] = []
    note: Annotated[str, Field(max_length=cases.MAX_NOTE)] = ""
    proposed: bool = False

    def said(self) -> cases.NewCase:
        return cases.NewCase(**{name: getattr(self, name) for name in NewCase.model_fields})


class NewCases(Body):
    cases: Annotated[list[NewCase], Field(min_length=1, max_length=cases.AT_ONCE)]


class CaseList(View):
    scopes = {"GET": Scope.READ, "POST": Scope.DESIGN}
    filters = {
        "state": one_of(Case.State.values),
        "kind": one_of(Case.Kind.values),
        "source": one_of(Case.Source.values),
        "tag": TEXT,
    }
    paged = True
    bodies = {"POST": NewCase}
    heeds = {"POST": ONCE}
    answers = {"GET": {200: Listed[case_shown.Case]}, "POST": {201: case_shown.Case, 409: Problem}}

    def get(self, request: Request, name: str) -> Response:
        """The cases of a workflow, newest first."""
        rows = workflow_of(request.auth.project, name).cases.select_related("workflow")
        for column in self.given.keys() - {"tag"}:
            rows = rows.filter(**{column: self.given[column]})
        if "tag" in self.given:
            rows = rows.tagged(self.given["tag"])
        return page(request, rows, lambda found: [represent_case(row) for row in found])

    def post(self, request: Request, name: str) -> Response:
        """Adds a case: an input, and what should come of it."""
        workflow, by, said = workflow_of(request.auth.project, name), str(request.user), self.body.said()
        made = once_examined(
            request,
            lambda: cases.examined(workflow, [said], by, Case.Source.HAND),
            lambda found: str(cases.keep(workflow, found)[0].pk),
        )
        return Response(represent_case(case_of(request.auth.project, name, UUID(made))), status=201)


class CaseImport(View):
    scopes = {"POST": Scope.DESIGN}
    bodies = {"POST": NewCases}
    heeds = {"POST": ONCE}
    answers = {"POST": {201: case_shown.ImportedCases, 409: Problem}}

    def post(self, request: Request, name: str) -> Response:
        """Adds up to 1,000 cases, all or none."""
        workflow, by, said = workflow_of(request.auth.project, name), str(request.user), self.body.cases
        where = cases.places(len(said))
        made = once_examined(
            request,
            lambda: cases.examined(workflow, [one.said() for one in said], by, Case.Source.IMPORT, where),
            lambda found: " ".join(str(case.pk) for case in cases.keep(workflow, found, where)),
        ).split()
        return Response({"added": len(made), "ids": made}, status=201)


class CaseSetView(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: case_shown.CaseSet}}

    def get(self, request: Request, name: str) -> Response:
        """The set of confirmed cases: its hash, how many there are, and how many are enough."""
        workflow = workflow_of(request.auth.project, name)
        return Response({**cases.standing(workflow), "min_cases": gate_of(workflow).min_cases})


class CaseDetail(View):
    scopes = {"GET": Scope.READ, "DELETE": Scope.DESIGN}
    answers = {"GET": {200: case_shown.Case}, "DELETE": {200: case_shown.Case, 409: Problem}}

    def get(self, request: Request, name: str, case_id: UUID) -> Response:
        """One case."""
        return Response(represent_case(case_of(request.auth.project, name, case_id)))

    def delete(self, request: Request, name: str, case_id: UUID) -> Response:
        """Retires a case: it counts no more, and what was a result of it still is."""
        case = case_of(request.auth.project, name, case_id)
        return Response(represent_case(cases.retire(case, str(request.user))))


class CaseConfirmation(View):
    scopes = {"POST": (Scope.DESIGN, Scope.REVIEW)}
    bodies = {"POST": Nothing}
    heeds = {"POST": ONCE}
    answers = {"POST": {200: case_shown.Case, 409: Problem}}

    def post(self, request: Request, name: str, case_id: UUID) -> Response:
        """Confirms a proposed case: from now on it counts."""
        case = case_of(request.auth.project, name, case_id)
        once(request, lambda: str(cases.confirm(case, str(request.user)).pk))
        return Response(represent_case(case_of(request.auth.project, name, case_id)))


class CaseReplacement(View):
    scopes = {"POST": Scope.DESIGN}
    bodies = {"POST": NewCase}
    heeds = {"POST": ONCE}
    answers = {"POST": {201: case_shown.Case, 409: Problem}}

    def post(self, request: Request, name: str, case_id: UUID) -> Response:
        """Retires a case and adds the one that stands for it, in one."""
        case, by, said = case_of(request.auth.project, name, case_id), str(request.user), self.body.said()
        made = once_examined(
            request,
            lambda: cases.examined(case.workflow, [said], by, Case.Source.HAND),
            lambda found: str(cases.replace(case, found[0], by).pk),
        )
        return Response(represent_case(case_of(request.auth.project, name, UUID(made))), status=201)


def case_of(project: Project, name: str, case_id: UUID) -> Case:
    rows = Case.objects.filter(workflow__project=project, workflow__name=name, pk=case_id)
    case = rows.select_related("workflow__project", "workflow__live__version").first()
    if case is None:
        raise NotFound("There is no such case of this workflow.")
    return case
