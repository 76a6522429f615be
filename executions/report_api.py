"""REST for what an agent tells of an execution that it ran itself. Parses, calls one domain verb, renders."""

from typing import Annotated
from uuid import UUID

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.gateway import LARGEST_PROMPT
from gateway.reported import Told
from projects.idempotency import ONCE, once_examined
from projects.models import Scope
from wire.answers import Problem
from wire.bodies import Body, Moment
from wire.views import View
from workflows.api import workflow_of

from . import reports, shown
from .api import chosen, execution_of, refuse_long, refuse_too_large
from .feedback import ABSENT
from .reports import ToldExecution, ToldFlag
from .representation import represent_executions

Tokens = Annotated[int, Field(ge=0, le=LARGEST_PROMPT)]
Words = Annotated[str, Field(max_length=10_000)]
A_DAY = 24 * 60 * 60 * 1000  # milliseconds


class ReportedCall(Body):
    model: Annotated[str, Field(min_length=1, max_length=250)]
    input: Tokens
    output: Tokens
    cache_read: Tokens = 0
    cache_write: Tokens = 0
    latency_ms: Annotated[int, Field(ge=0, le=A_DAY)] = 0
    at: Moment


class ReportedFlag(Body):
    reason: Annotated[str, Field(json_schema_extra={"enum": reports.REASONS})]
    explanation: Words
    step: Annotated[str, Field(max_length=100)] | None = None


class NewReport(Body):
    input: object
    output: object = ABSENT
    status: Annotated[str, Field(json_schema_extra={"enum": list(reports.STATUSES)})]
    executor: Annotated[str, Field(min_length=1, max_length=200)]
    followed: bool
    unexpected: Annotated[list[Words], Field(max_length=100)] = []
    update_suggested: Words | None = None
    model_calls: Annotated[list[ReportedCall], Field(max_length=1000)] = []
    flags: Annotated[list[ReportedFlag], Field(max_length=100)] = []
    version: Annotated[str, Field(max_length=64)] | None = None
    metadata: dict[str, object] = {}

    def told(self) -> ToldExecution:
        """Raises `TooLarge`."""
        for name in ("input", "output"):
            value = getattr(self, name)
            if value is not ABSENT:
                refuse_too_large(f"The {name}", value)
        refuse_long(self.metadata)
        return ToldExecution(
            input=self.input,
            output=self.output,
            status=self.status,
            executor=self.executor,
            followed=self.followed,
            unexpected=self.unexpected,
            update=self.update_suggested,
            calls=[Told(**dict(call)) for call in self.model_calls],
            flags=[ToldFlag(flag.reason, flag.explanation, flag.step or "") for flag in self.flags],
            metadata=dict(self.metadata),
        )


class WorkflowReport(View):
    scopes = {"POST": Scope.EXECUTE}
    bodies = {"POST": NewReport}
    heeds = {"POST": ONCE}
    answers = {"POST": {201: shown.Execution, 409: Problem}}

    def post(self, request: Request, name: str) -> Response:
        """Keeps what an agent tells of an execution that it ran itself, following the workflow.

        Its calls are priced by our table, and counted apart from ours.
        """
        body: NewReport = self.body
        workflow = workflow_of(request.auth.project, name)
        version, publication = chosen(request, workflow, body.version)
        told, by = body.told(), str(request.user)
        made = once_examined(request, lambda: reports.examined(version, publication, told, by), reports.write)
        execution = execution_of(request.auth.project, UUID(made))
        return Response(represent_executions([execution])[0], status=201)
