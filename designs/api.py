"""REST for designs and redesigns. Parses, calls one domain verb, renders."""

from typing import Annotated
from uuid import UUID

from django.db.models import QuerySet
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from executions.models import Flag
from projects.idempotency import ONCE, once, once_examined
from projects.models import Project, Scope
from wire.answers import Listed, Problem
from wire.bodies import Body, Nothing, Usd
from wire.filters import TEXT, one_of
from wire.money import to_pico
from wire.paging import page
from wire.problems import Fault, Invalid, NotFound
from wire.views import View
from workflows.api import workflow_of
from workflows.models import Workflow
from workflows.names import Name

from . import brief, costing, designing, redesigning, running, shown
from .brief import Brief
from .examples import MOST as MOST_EXAMPLES
from .group_models import Group
from .models import Design
from .representation import represent_design, represent_estimate, represent_round, represent_rows

Target = Annotated[
    str, Field(max_length=250, description="provider:model; the project's frontier where it is left out.")
]
Rounds = Annotated[int, Field(ge=1, le=designing.MAX_ROUNDS)]
LARGE = ("definition", "design_context", "warnings")  # of a version
Named = Annotated[UUID, Field(strict=False)]
Line = Annotated[str, Field(min_length=1, max_length=brief.MAX_LINE)]
Lines = Annotated[list[Line], Field(max_length=brief.MAX_LINES)]


class PolicyText(Body):
    name: Annotated[str, Field(min_length=1, max_length=brief.MAX_NAME)]
    text: Annotated[str, Field(min_length=1)]  # so long as `brief` says of all together


class Answered(Body):
    question: Line
    answer: Line


class NewDesign(Body):
    name: Name
    task: Annotated[
        str, Field(min_length=1, max_length=brief.MAX_TASK, description="What is to be done, in plain words.")
    ]
    requirements: Lines = []
    policies: Annotated[list[PolicyText], Field(max_length=brief.MAX_POLICIES)] = []
    constraints: Lines = []
    document: Annotated[str, Field(description="Markdown, such as the text of a SKILL.md.")] = ""
    files: Annotated[
        dict[str, str],
        Field(max_length=brief.MAX_FILES, description="Path → text, of what stands beside it."),
    ] = {}
    examples: Annotated[
        list[dict[str, object]],
        Field(
            max_length=MOST_EXAMPLES,
            description="Past ones: input, and the output that was right where it is known.",
        ),
    ] = []
    executions_per_month: Annotated[int, Field(ge=1, le=brief.MOST_EXECUTIONS)] | None = None
    model: Target = ""
    max_rounds: Rounds = 4
    budget: Usd | None = None

    def asked(self, project: Project) -> designing.Asked:
        said = self.model_dump(include=set(Brief.model_fields) & set(type(self).model_fields))
        return designing.Asked(
            project=project,
            name=self.name,
            brief=brief.read(said),
            examples=self.examples,
            target=self.model,
            max_rounds=self.max_rounds,
            budget=designing.BUDGET if self.budget is None else to_pico(self.budget),
        )


class NewAnswers(Body):
    answers: Annotated[list[Answered], Field(min_length=1, max_length=brief.MAX_ANSWERS)]


class NewRedesign(Body):
    groups: Annotated[
        list[Named], Field(max_length=100, description="Without groups and flags: the ten heaviest.")
    ] = []
    flags: Annotated[list[Named], Field(max_length=100, description="Flags that stand in none of these groups.")] = []
    note: Annotated[str, Field(max_length=brief.MAX_NOTE)] = ""
    model: Target = ""
    max_rounds: Rounds = 3
    budget: Usd | None = None

    def asked(self, workflow: Workflow) -> redesigning.Asked:
        return redesigning.Asked(
            workflow=workflow,
            groups=_all("groups", self.groups, Group.objects.filter(workflow=workflow)),
            flags=_all("flags", self.flags, Flag.objects.filter(workflow=workflow.pk).select_related("execution")),
            note=self.note,
            target=self.model,
            max_rounds=self.max_rounds,
            budget=redesigning.BUDGET if self.budget is None else to_pico(self.budget),
        )


class NewDesignBudget(Body):
    budget: Usd


class DesignList(View):
    scopes = {"GET": Scope.READ, "POST": Scope.DESIGN}
    filters = {"workflow": TEXT, "kind": one_of(Design.Kind.values), "status": one_of(Design.Status.values)}
    paged = True
    bodies = {"POST": NewDesign}
    heeds = {"POST": ONCE}
    answers = {"GET": {200: Listed[shown.DesignRow]}, "POST": {201: shown.Design, 409: Problem}}

    def get(self, request: Request) -> Response:
        """The designs and redesigns of the project, newest first."""
        columns = {"workflow": "workflow__name"}
        rows = _listed(request.auth.project).filter(
            **{columns.get(name, name): one for name, one in self.given.items()}
        )
        return page(request, rows, represent_rows)

    def post(self, request: Request) -> Response:
        """Has the frontier design a workflow: its definition, and its cases, as a draft. It costs: ask for the estimate before."""
        body: NewDesign = self.body
        project, by = request.auth.project, str(request.user)
        made = once_examined(
            request,
            lambda: designing.examine(body.asked(project), by),
            lambda ready: str(designing.begin(ready).pk),
        )
        return Response(represent_design(design_of(project, UUID(made))), status=201)


class DesignEstimate(View):
    scopes = {"POST": Scope.DESIGN}
    bodies = {"POST": NewDesign}
    answers = {"POST": {200: shown.DesignEstimate, 409: Problem}}

    def post(self, request: Request) -> Response:
        """What a design would cost. Nothing is begun."""
        ready = designing.examine(self.body.asked(request.auth.project), str(request.user))
        asked = designing.request(ready.design, [])
        return Response(represent_estimate(ready.design, costing.expected(ready.design, asked)))


class DesignDetail(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: shown.Design}}

    def get(self, request: Request, design_id: UUID) -> Response:
        """One design: how far it is, and what came of it."""
        return Response(represent_design(design_of(request.auth.project, design_id)))


class DesignRounds(View):
    scopes = {"GET": Scope.READ}
    paged = True
    answers = {"GET": {200: Listed[shown.DesignRound]}}

    def get(self, request: Request, design_id: UUID) -> Response:
        """The rounds of a design, newest first: what the frontier answered, and what was wrong with it."""
        rows = design_of(request.auth.project, design_id).rounds
        return page(request, rows.all(), lambda found: [represent_round(row) for row in found])


class DesignAnswers(View):
    scopes = {"POST": Scope.DESIGN}
    bodies = {"POST": NewAnswers}
    heeds = {"POST": ONCE}
    answers = {"POST": {201: shown.Design, 409: Problem}}

    def post(self, request: Request, design_id: UUID) -> Response:
        """Answers questions of a design: another one follows, with the answers beside the rest of the brief."""
        project, by = request.auth.project, str(request.user)
        design = design_of(project, design_id)
        given = [one.model_dump() for one in self.body.answers]
        made = once_examined(
            request,
            lambda: designing.examine(designing.answered(design, given), by),
            lambda ready: str(designing.begin(ready).pk),
        )
        return Response(represent_design(design_of(project, UUID(made))), status=201)


class DesignCancellation(View):
    scopes = {"POST": Scope.DESIGN}
    bodies = {"POST": Nothing}
    heeds = {"POST": ONCE}
    answers = {"POST": {200: shown.Design, 409: Problem}}

    def post(self, request: Request, design_id: UUID) -> Response:
        """Ends a design. A call on its way is paid, and comes to nothing."""
        design = design_of(request.auth.project, design_id)

        def end() -> str:
            running.cancel(design, str(request.user))
            return str(design.pk)

        once(request, end)
        return Response(represent_design(design_of(request.auth.project, design_id)))


class DesignBudget(View):
    scopes = {"PUT": Scope.DESIGN}
    bodies = {"PUT": NewDesignBudget}
    answers = {"PUT": {200: shown.Design, 409: Problem}}

    def put(self, request: Request, design_id: UUID) -> Response:
        """States what a design may cost in all. One that waits for it goes on."""
        design = design_of(request.auth.project, design_id)
        running.raise_budget(design, to_pico(self.body.budget), str(request.user))
        return Response(represent_design(design_of(request.auth.project, design_id)))


class WorkflowRedesigns(View):
    scopes = {"GET": Scope.READ, "POST": Scope.DESIGN}
    filters = {"status": one_of(Design.Status.values)}
    paged = True
    bodies = {"POST": NewRedesign}
    heeds = {"POST": ONCE}
    answers = {"GET": {200: Listed[shown.DesignRow]}, "POST": {201: shown.Design, 409: Problem}}

    def get(self, request: Request, name: str) -> Response:
        """The redesigns of a workflow, newest first."""
        workflow = workflow_of(request.auth.project, name)
        rows = _listed(request.auth.project).filter(workflow=workflow, kind=Design.Kind.REDESIGN, **self.given)
        return page(request, rows, represent_rows)

    def post(self, request: Request, name: str) -> Response:
        """Has the frontier patch what is live so that it covers what these flags show: a draft that lists them, with its cases.
        Flags that are open are decided with it. It costs: ask for the estimate before."""
        body: NewRedesign = self.body
        workflow, by = workflow_of(request.auth.project, name), str(request.user)
        made = once_examined(
            request,
            lambda: redesigning.examine(body.asked(workflow), by),
            lambda ready: str(redesigning.begin(ready).pk),
        )
        return Response(represent_design(design_of(request.auth.project, UUID(made))), status=201)


class RedesignEstimate(View):
    scopes = {"POST": Scope.DESIGN}
    bodies = {"POST": NewRedesign}
    answers = {"POST": {200: shown.DesignEstimate, 409: Problem}}

    def post(self, request: Request, name: str) -> Response:
        """What a redesign would cost. Nothing is begun, and no flag is decided."""
        workflow = workflow_of(request.auth.project, name)
        ready = redesigning.examine(self.body.asked(workflow), str(request.user))
        asked = redesigning.request(ready.design, [])
        return Response(represent_estimate(ready.design, costing.expected(ready.design, asked)))


def design_of(project: Project, design_id: UUID) -> Design:
    found = _rows(project).filter(pk=design_id).first()
    if found is None:
        raise NotFound("There is no such design in this project.")
    return found


def _rows(project: Project) -> QuerySet[Design]:
    rows = Design.objects.filter(project=project).select_related("workflow__project", "base", "draft")
    return rows.defer("examples", *(f"{of}__{name}" for of in ("base", "draft") for name in LARGE))


def _listed(project: Project) -> QuerySet[Design]:
    return _rows(project).without_texts().counted()


def _all(where: str, ids: list[UUID], rows: QuerySet) -> list:
    """In their order. Raises `Invalid` for one that is not there."""
    found = {row.pk: row for row in rows.filter(pk__in=ids)}
    lack = [
        Fault(f"/{where}/{n}", f"There is no such {where[:-1]} of this workflow.")
        for n, pk in enumerate(ids)
        if pk not in found
    ]
    if lack:
        raise Invalid.of(lack)
    return [found[pk] for pk in dict.fromkeys(ids)]
