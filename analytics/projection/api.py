"""REST for the projection of a workflow, and for what-if. Parses, calls one domain verb, renders."""

from collections.abc import Iterator
from typing import Annotated

from django.utils import timezone
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.prices import Price
from projects.models import Project, Scope
from wire.answers import Problem
from wire.bodies import Body, Day, Usd
from wire.filters import BOOLEAN, DAY, check_days
from wire.problems import Fault, Invalid, Malformed
from wire.views import View
from workflows.api import workflow_of
from workflows.models import Workflow

from ..api import FILTERS
from ..baselines import Method
from ..costs import is_simulated
from ..extent import Extent
from . import shown, what_if
from .projecting import project
from .representation import represent_projection, represent_what_if
from .repricing import Question, Stated

Target = Annotated[str, Field(max_length=251, description="provider:model")]


class TriedBatch(Body):
    input: Usd
    output: Usd
    cache_read: Usd | None = None
    cache_write: Usd | None = None
    cache_write_1h: Usd | None = None

    def price(self) -> Price:
        read, short, long = self.cache_read, self.cache_write, self.cache_write_1h
        return Price(self.input, self.output, read, short, long, source="what-if")


class TriedPrice(TriedBatch):
    """USD per million tokens, instead of what the price table says."""

    model: Target
    batch: TriedBatch | None = None

    def stated(self) -> Stated:
        return Stated(self.price(), self.batch and self.batch.price())


class NewWhatIf(Body):
    """What is left out stays as it was."""

    volume_per_month: Annotated[int | None, Field(ge=1, le=1_000_000_000)] = None
    models: Annotated[
        dict[str, Target], Field(max_length=100, description="Tier, or `steps.ID`, → the model that would be asked.")
    ] = {}
    prices: Annotated[list[TriedPrice], Field(max_length=100)] = []
    caching: bool | None = None
    batch: bool | None = None
    since: Day | None = None
    until: Day | None = None
    baseline: Annotated[str | None, Field(json_schema_extra=FILTERS["baseline"].schema)] = None
    simulated: bool | None = None

    def faults(self) -> Iterator[Fault]:
        if self.since and self.until and self.until <= self.since:
            yield Fault("/until", "This is a day after since; it is not counted itself.")
        named = [one.model for one in self.prices]
        for number, model in enumerate(named):
            if model in named[:number]:
                yield Fault(f"/prices/{number}/model", "A price of this model is stated before.")

    def method(self) -> Method | None:
        if self.baseline is None:
            return None
        try:
            return Method(FILTERS["baseline"].read("baseline", self.baseline))
        except (Malformed, Invalid) as problem:
            raise Invalid.at("/baseline", problem.detail) from problem

    def question(self) -> Question:
        prices = {one.model: one.stated() for one in self.prices}
        return Question(self.models, prices, self.caching, self.batch)


class WorkflowProjection(View):
    scopes = {"GET": Scope.READ}
    filters = {"since": DAY, "until": DAY, "baseline": FILTERS["baseline"], "simulated": BOOLEAN}
    answers = {"GET": {200: shown.Projection, 422: Problem}}

    def get(self, request: Request, name: str) -> Response:
        """Whether a workflow pays for itself, when, and what it comes to at the pace of the last days."""
        owner, given = request.auth.project, self.given
        workflow = workflow_of(owner, name)
        since, until, method = given.get("since"), given.get("until"), given.get("baseline")
        check_days(since, until)
        about = Extent(owner, workflow, _kind(owner, workflow, given.get("simulated")), since, until)
        found = project(about, Method(method) if method else None, timezone.now().date())
        return Response(represent_projection(found))


class WorkflowWhatIf(View):
    scopes = {"POST": Scope.READ}
    bodies = {"POST": NewWhatIf}
    answers = {"POST": {200: shown.WhatIf}}

    def post(self, request: Request, name: str) -> Response:
        """What recorded executions would have cost on other models, at other prices, cached, or in a batch. It costs nothing.

        A sample of those that completed is priced anew, call by call; no model is asked, and nothing is kept.
        """
        body: NewWhatIf = self.body
        owner = request.auth.project
        workflow = workflow_of(owner, name)
        if faults := list(body.faults()):
            raise Invalid.of(faults)
        about = Extent(owner, workflow, _kind(owner, workflow, body.simulated), body.since, body.until)
        found = what_if.ask(about, body.method(), body.question(), body.volume_per_month, timezone.now())
        return Response(represent_what_if(found))


def _kind(project: Project, workflow: Workflow, asked: bool | None) -> bool:
    return is_simulated(project, workflow) if asked is None else asked
