"""REST for executions and flags. Parses, calls one domain verb, renders."""

import json
from typing import Annotated
from uuid import UUID

from pydantic import Field
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.models import Call
from projects.idempotency import ONCE, once, once_examined
from projects.models import Project, Scope
from wire.answers import Listed, Problem
from wire.bodies import Body, Nothing
from wire.filters import BOOLEAN, TEXT, TIME, one_of
from wire.paging import page
from wire.problems import Conflict, Invalid, NotFound, TooLarge
from wire.views import View
from workflows.api import version_of, workflow_of
from workflows.models import Publication, Version, Workflow

from . import control, lanes, queue, resolution, shown
from .estimates import estimate
from .feedback import ABSENT
from .models import UNDECIDED, Execution, Flag, Status
from .preference import seconds_preferred, wait_for
from .representation import represent_call, represent_estimate, represent_executions, represent_flag
from .resolution import Decision

MAX_INPUT = 1024 * 1024
SMALL = 16 * 1024  # characters of JSON: metadata is a label, not a payload
JUDGED = {"accepted": True, "rejected": False, "none": None}
Lane = Annotated[str | None, Field(json_schema_extra={"enum": [*lanes.LANES, None]})]


class NewExecution(Body):
    input: object
    version: Annotated[str, Field(max_length=64)] | None = None
    lane: Lane = None
    metadata: dict[str, object] = {}

    @property
    def all_inputs(self) -> list[object]:
        return [self.input]


class NewResolution(Body):
    resolution: Annotated[str, Field(json_schema_extra={"enum": list(resolution.DECISIONS)})]
    output: object = ABSENT
    step_output: object = ABSENT
    note: Annotated[str, Field(max_length=10_000)] = ""
    make_case: bool = False


class NewRetry(Body):
    version: Annotated[str, Field(max_length=64)] | None = None


class NewBatch(Body):
    inputs: Annotated[list[object], Field(min_length=1, max_length=1000)]
    version: Annotated[str, Field(max_length=64)] | None = None
    lane: Lane = None
    metadata: dict[str, object] = {}

    @property
    def all_inputs(self) -> list[object]:
        return self.inputs


class WorkflowExecutions(View):
    scopes = {"POST": Scope.EXECUTE}
    bodies = {"POST": NewExecution}
    heeds = {"POST": (*ONCE, "Prefer")}
    answers = {"POST": {200: shown.Execution, 202: shown.Execution, 409: Problem}}

    def post(self, request: Request, name: str) -> Response:
        """Accepts an execution of the published version.

        202; or 200 where it ended, or stands still for a person, within `Prefer: wait=N`.
        """
        body: NewExecution = self.body
        _refuse_what_is_not_there(body)
        seconds = seconds_preferred(request.headers.get("Prefer"))
        workflow = workflow_of(request.auth.project, name)
        version, publication = chosen(request, workflow, body.version)
        given = {"actor": str(request.user), "metadata": dict(body.metadata), "lane": body.lane}
        made = once(request, lambda: str(queue.submit(version, publication, body.input, **given).pk))
        ended = seconds is not None and wait_for(UUID(made), seconds)
        execution = execution_of(request.auth.project, UUID(made))
        applied = {"Preference-Applied": f"wait={seconds}"} if ended else {}
        return Response(represent_executions([execution])[0], status=200 if ended else 202, headers=applied)


class WorkflowBatch(View):
    scopes = {"POST": Scope.EXECUTE}
    bodies = {"POST": NewBatch}
    heeds = {"POST": ONCE}
    answers = {"POST": {202: shown.Accepted, 409: Problem}}

    def post(self, request: Request, name: str) -> Response:
        """Accepts up to 1,000 executions, all or none."""
        body: NewBatch = self.body
        _refuse_what_is_not_there(body)
        workflow = workflow_of(request.auth.project, name)
        version, publication = chosen(request, workflow, body.version)
        given = {"actor": str(request.user), "metadata": dict(body.metadata), "lane": body.lane}

        def make() -> str:
            accepted = queue.submit_batch(version, publication, body.inputs, **given)
            return " ".join(str(one.pk) for one in accepted)

        made = once(request, make).split()
        rows = (
            Execution.objects.filter(project=request.auth.project).select_related("workflow", "version").in_bulk(made)
        )
        return Response({"results": represent_executions([rows[UUID(one)] for one in made])}, status=202)


class BatchEstimate(View):
    scopes = {"POST": Scope.EXECUTE}
    bodies = {"POST": NewBatch}
    answers = {"POST": {200: shown.Estimate, 409: Problem}}

    def post(self, request: Request, name: str) -> Response:
        """What a batch would cost, and how many calls it would make; nothing is accepted by asking."""
        body: NewBatch = self.body
        _refuse_what_is_not_there(body)
        version, publication = chosen(request, workflow_of(request.auth.project, name), body.version)
        return Response(represent_estimate(estimate(version, publication, body.inputs, body.lane)))


class ExecutionList(View):
    scopes = {"GET": Scope.READ}
    filters = {
        "workflow": TEXT,
        "version": TEXT,
        "status": one_of(Status.values),
        "since": TIME,
        "until": TIME,
        "purpose": one_of(Execution.Purpose.values),
        "feedback": one_of(JUDGED),
    }
    paged = True
    answers = {"GET": {200: Listed[shown.Execution]}}

    def get(self, request: Request) -> Response:
        """The executions of the project, newest first."""
        rows = Execution.objects.filter(project=request.auth.project).select_related("workflow", "version")
        columns = {
            "workflow": "workflow__name",
            "version": "version__number",
            "status": "status",
            "purpose": "purpose",
            "feedback": "judged_right",
            "since": "created_at__gte",
            "until": "created_at__lt",
        }
        for name, value in self.given.items():
            rows = rows.filter(**{columns[name]: JUDGED[value] if name == "feedback" else value})
        return page(request, rows, represent_executions)


class ExecutionDetail(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: shown.Execution}}

    def get(self, request: Request, execution_id: UUID) -> Response:
        """One execution, with its steps and flags."""
        return Response(represent_executions([execution_of(request.auth.project, execution_id)])[0])


class ExecutionSteps(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: Listed[shown.Step]}}

    def get(self, request: Request, execution_id: UUID) -> Response:
        """The steps of an execution, every attempt, oldest first."""
        [execution] = represent_executions([execution_of(request.auth.project, execution_id)])
        return Response({"results": execution["steps"], "next": None})


class ExecutionCalls(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: Listed[shown.ModelCall]}}

    def get(self, request: Request, execution_id: UUID) -> Response:
        """The rows of the ledger of an execution, oldest first."""
        execution = execution_of(request.auth.project, execution_id)
        calls = Call.objects.filter(execution=execution.pk).order_by("intended_at", "pk")
        return Response({"results": [represent_call(call) for call in calls], "next": None})


class Cancellation(View):
    scopes = {"POST": Scope.EXECUTE}
    bodies = {"POST": Nothing}
    heeds = {"POST": ONCE}
    answers = {"POST": {200: shown.Execution, 409: Problem}}

    def post(self, request: Request, execution_id: UUID) -> Response:
        """Ends an execution. A call in flight is finished, paid, recorded, and not used."""
        execution = execution_of(request.auth.project, execution_id)
        once(request, lambda: control.cancel(execution, str(request.user)))
        return Response(represent_executions([execution_of(request.auth.project, execution_id)])[0])


class Retries(View):
    scopes = {"POST": Scope.EXECUTE}
    bodies = {"POST": NewRetry}
    heeds = {"POST": ONCE}
    answers = {"POST": {201: shown.Execution, 202: shown.Execution, 409: Problem}}

    def post(self, request: Request, execution_id: UUID) -> Response:
        """Sets a failed execution going again, or one that waits for its provider; or runs a finished one anew.

        202: it goes on behind its last checkpoint. 201, with `version`: a new one of the same input, from the start.
        """
        body: NewRetry = self.body
        execution = execution_of(request.auth.project, execution_id)
        actor = str(request.user)
        if body.version is None:
            made = once(request, lambda: control.retry(execution, actor))
            return Response(represent_executions([execution_of(request.auth.project, UUID(made))])[0], status=202)
        version, publication = chosen(request, execution.workflow, body.version)
        made = once(request, lambda: control.rerun(execution, version, publication, actor))
        return Response(represent_executions([execution_of(request.auth.project, UUID(made))])[0], status=201)


class FlagList(View):
    scopes = {"GET": Scope.READ}
    filters = {
        "state": one_of(Flag.State.values),
        "waiting": BOOLEAN,
        "reason": one_of(Flag.Reason.values),
        "workflow": TEXT,
    }
    paged = True
    answers = {"GET": {200: Listed[shown.Flag]}}

    def get(self, request: Request) -> Response:
        """The flags of the project, newest first; those of evaluations where `state=recorded` asks for them."""
        given = self.given
        rows = Flag.objects.filter(execution__project=request.auth.project)
        rows = rows if "state" in given else rows.exclude(state=Flag.State.RECORDED)
        rows = rows.select_related("execution__workflow", "execution__version")
        if "waiting" in given:
            waits = {"waiting": True, "state__in": UNDECIDED}
            rows = rows.filter(**waits) if given["waiting"] else rows.exclude(**waits)
        for name, column in (("state", "state"), ("reason", "reason"), ("workflow", "execution__workflow__name")):
            if name in given:
                rows = rows.filter(**{column: given[name]})
        return page(request, rows, lambda found: [represent_flag(flag) for flag in found])


class FlagDetail(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: shown.Flag}}

    def get(self, request: Request, flag_id: UUID) -> Response:
        """One flag."""
        return Response(represent_flag(flag_of(request.auth.project, flag_id)))


class FlagResolution(View):
    scopes = {"POST": Scope.REVIEW, "DELETE": Scope.REVIEW}
    bodies = {"POST": NewResolution}
    heeds = {"POST": ONCE}
    answers = {"POST": {200: shown.Flag, 409: Problem}, "DELETE": {200: shown.Flag, 409: Problem}}

    def post(self, request: Request, flag_id: UUID) -> Response:
        """A person's decision."""
        body: NewResolution = self.body
        flag = flag_of(request.auth.project, flag_id)
        given = (body.output, body.step_output, body.note, body.make_case)
        decision = Decision(body.resolution, str(request.user), *given)

        def make(_: None) -> str:
            resolution.decide(flag, decision)
            return str(flag.pk)

        once_examined(request, lambda: resolution.examine(flag, decision), make)
        return Response(represent_flag(flag_of(request.auth.project, flag_id)))

    def delete(self, request: Request, flag_id: UUID) -> Response:
        """Takes a decision back, while nothing was built on it."""
        flag = flag_of(request.auth.project, flag_id)
        return Response(represent_flag(resolution.reopen(flag, str(request.user))))


def execution_of(project: Project, execution_id: UUID) -> Execution:
    found = Execution.objects.filter(project=project, pk=execution_id).select_related("workflow", "version").first()
    if found is None:
        raise NotFound("There is no such execution in this project.")
    return found


def flag_of(project: Project, flag_id: UUID) -> Flag:
    found = Flag.objects.filter(execution__project=project, pk=flag_id)
    flag = found.select_related("execution__workflow", "execution__version").first()
    if flag is None:
        raise NotFound("There is no such flag in this project.")
    return flag


def _refuse_what_is_not_there(body: NewExecution | NewBatch) -> None:
    """Nothing is accepted and quietly served as something else."""
    if body.lane in lanes.LATER:
        raise Invalid.at(
            "/lane", f"The lane {body.lane!r} is not available yet; there are {' and '.join(lanes.LANES)}."
        )
    if body.lane is not None and body.lane not in lanes.LANES:
        raise Invalid.at("/lane", f"Unknown lane {body.lane[:40]!r}; there are {' and '.join(lanes.LANES)}.")
    for input in body.all_inputs:
        refuse_too_large("An input", input)
    refuse_long(body.metadata)


def refuse_too_large(what: str, value: object) -> None:
    if len(json.dumps(value)) > MAX_INPUT:
        raise TooLarge(f"{what} has at most {MAX_INPUT} bytes of JSON.")


def refuse_long(metadata: dict) -> None:
    if len(str(metadata)) > SMALL:
        raise Invalid.at("/metadata", f"Metadata has at most {SMALL} characters.")


def chosen(request: Request, workflow: Workflow, number: str | None) -> tuple[Version, Publication | None]:
    """The live publication; a version's latest one, by number; or a draft, which makes a trial, for whoever may design."""
    if number is None:
        if workflow.live is None:
            raise Conflict(f"{workflow.name} has no published version; publish one, or try a draft by its version.")
        return workflow.live.version, workflow.live
    version = version_of(request.auth.project, workflow.name, number)
    publication = version.publications.order_by("-pk").first()
    if publication is None and not request.auth.allows(Scope.DESIGN):
        raise PermissionDenied("A draft needs a key with the scope 'design'.")
    return version, publication
