"""REST for feedback on an answer. Parses, calls one domain verb, renders."""

from typing import Annotated
from uuid import UUID

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from projects.idempotency import ONCE, once_examined
from projects.models import Scope
from wire.answers import Problem
from wire.bodies import Body
from wire.views import View

from . import feedback, shown
from .api import execution_of
from .feedback import ABSENT, Opinion
from .representation import represent_executions


class NewFeedback(Body):
    accepted: bool
    output: object = ABSENT
    note: Annotated[str, Field(max_length=10_000)] = ""


class ExecutionFeedback(View):
    scopes = {"POST": (Scope.EXECUTE, Scope.REVIEW)}
    bodies = {"POST": NewFeedback}
    heeds = {"POST": ONCE}
    answers = {"POST": {200: shown.Execution, 409: Problem}}

    def post(self, request: Request, execution_id: UUID) -> Response:
        """Says whether the answer of a completed execution was right.

        Whoever executed it may say so, or a reviewer; the newest feedback holds, and all of it is kept.
        """
        body: NewFeedback = self.body
        execution = execution_of(request.auth.project, execution_id)
        opinion = Opinion(body.accepted, str(request.user), body.output, body.note)

        def make(examined: Opinion) -> str:
            feedback.give(execution, examined)
            return str(execution.pk)

        once_examined(request, lambda: feedback.examined(execution, opinion), make)
        return Response(represent_executions([execution_of(request.auth.project, execution_id)])[0])
