"""REST for what a decision of a person takes in a workflow."""

from typing import Annotated

from django.utils import timezone
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from projects.models import Scope
from wire.bodies import Body, Minutes, Moment, Usd
from wire.money import pico_text, to_pico
from wire.times import rfc3339
from wire.views import View

from . import effort, shown
from .api import workflow_of
from .models import HumanEffort, Workflow


class NewHumanEffort(Body):
    minutes_per_review: Minutes
    cost_per_hour: Usd | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None


class HumanEffortView(View):
    scopes = {"GET": Scope.READ, "PUT": Scope.DESIGN}
    bodies = {"PUT": NewHumanEffort}
    answers = {"GET": {200: shown.HumanEffort}, "PUT": {200: shown.HumanEffort}}

    def get(self, request: Request, name: str) -> Response:
        """What a decision of a person takes, as it was stated."""
        workflow = workflow_of(request.auth.project, name)
        return Response(represent_effort(workflow, effort.in_force(workflow, timezone.now())))

    def put(self, request: Request, name: str) -> Response:
        """States what a decision of a person takes, from a moment on."""
        body: NewHumanEffort = self.body
        workflow = workflow_of(request.auth.project, name)
        cost = None if body.cost_per_hour is None else to_pico(body.cost_per_hour)
        stated = effort.state(workflow, body.minutes_per_review, cost, body.from_, str(request.user))
        return Response(represent_effort(workflow, stated))


def represent_effort(workflow: Workflow, stated: HumanEffort | None) -> dict:
    return {
        "workflow": workflow.name,
        "minutes_per_review": f"{stated.minutes_per_review:.2f}" if stated else None,
        "cost_per_hour": pico_text(stated.cost_per_hour) if stated else None,
        "from": rfc3339(stated.valid_from) if stated else None,
    }
