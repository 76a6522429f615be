"""REST for replays. Parses, calls one domain verb, renders."""

from typing import Annotated
from uuid import UUID

from django.db.models import QuerySet
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from projects.idempotency import ONCE, once, once_examined
from projects.models import Project, Scope
from wire.answers import Listed, Problem
from wire.bodies import Body, Day, Nothing, Usd
from wire.filters import BOOLEAN, one_of
from wire.money import to_pico
from wire.paging import page
from wire.problems import NotFound
from wire.views import View
from workflows.api import workflow_of
from workflows.models import Workflow
from workflows.names import Number

from . import replay_shown, replaying, running
from .api import newest_or
from .models import Replay
from .replay_representation import represent_replay, represent_replay_estimate, represent_replay_results
from .replaying import Wanted

LARGE = ("definition", "design_context", "warnings")  # of a version, whose number is all that is shown


class NewReplay(Body):
    version: Number | None = None
    sample: Annotated[int, Field(ge=1, le=replaying.MOST)] = replaying.USUAL
    flagged: bool = False
    since: Day | None = None
    until: Day | None = None
    at_once: Annotated[int, Field(ge=1, le=100)] = 16
    budget: Usd | None = None

    def wanted(self, workflow: Workflow) -> Wanted:
        return Wanted(
            version=newest_or(workflow, self.version),
            sample=self.sample,
            flagged=self.flagged,
            since=self.since,
            until=self.until,
            at_once=self.at_once,
            budget=None if self.budget is None else to_pico(self.budget),
        )


class NewReplayBudget(Body):
    budget: Usd | None


class WorkflowReplays(View):
    scopes = {"GET": Scope.READ, "POST": Scope.DESIGN}
    filters = {"status": one_of(Replay.Status.values)}
    paged = True
    bodies = {"POST": NewReplay}
    heeds = {"POST": ONCE}
    answers = {"GET": {200: Listed[replay_shown.Replay]}, "POST": {201: replay_shown.Replay, 409: Problem}}

    def get(self, request: Request, name: str) -> Response:
        """The replays of a workflow, newest first."""
        rows = _rows(request.auth.project).filter(workflow=workflow_of(request.auth.project, name), **self.given)
        return page(request, rows, lambda found: [represent_replay(row) for row in found])

    def post(self, request: Request, name: str) -> Response:
        """Begins a replay: past executions on a version, to see what would change. It costs: ask for the estimate before."""
        body: NewReplay = self.body
        workflow = workflow_of(request.auth.project, name)
        by = str(request.user)
        made = once_examined(
            request,
            lambda: replaying.examine(body.wanted(workflow), by),
            lambda ready: str(replaying.begin(ready).pk),
        )
        return Response(represent_replay(replay_of(request.auth.project, UUID(made))), status=201)


class ReplayEstimate(View):
    scopes = {"POST": Scope.DESIGN}
    bodies = {"POST": NewReplay}
    answers = {"POST": {200: replay_shown.ReplayEstimate, 409: Problem}}

    def post(self, request: Request, name: str) -> Response:
        """What a replay would cost. Nothing is begun."""
        ready = replaying.examine(self.body.wanted(workflow_of(request.auth.project, name)), str(request.user))
        return Response(represent_replay_estimate(replaying.estimate(ready), ready))


class ReplayDetail(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: replay_shown.Replay}}

    def get(self, request: Request, replay_id: UUID) -> Response:
        """One replay: how far it is, and what would change."""
        return Response(represent_replay(replay_of(request.auth.project, replay_id)))


class ReplayResults(View):
    scopes = {"GET": Scope.READ}
    filters = {"same": BOOLEAN, "human": BOOLEAN}
    paged = True
    answers = {"GET": {200: Listed[replay_shown.ReplayResult]}}

    def get(self, request: Request, replay_id: UUID) -> Response:
        """The past executions of a replay, each beside the one that repeats it; `same=false` are those that change."""
        replay = replay_of(request.auth.project, replay_id)
        rows = replay.results.filter(**self.given).select_related("past__version", "execution__version")
        rows = rows.defer(*(f"{side}__version__{large}" for side in ("past", "execution") for large in LARGE))
        return page(request, rows, represent_replay_results)


class ReplayCancellation(View):
    scopes = {"POST": Scope.DESIGN}
    bodies = {"POST": Nothing}
    heeds = {"POST": ONCE}
    answers = {"POST": {200: replay_shown.Replay, 409: Problem}}

    def post(self, request: Request, replay_id: UUID) -> Response:
        """Ends a replay. What was compared stays, and there are no figures."""
        replay = replay_of(request.auth.project, replay_id)

        def end() -> str:
            running.cancel(replay, str(request.user))
            return str(replay.pk)

        once(request, end)
        return Response(represent_replay(replay_of(request.auth.project, replay_id)))


class ReplayBudget(View):
    scopes = {"PUT": Scope.DESIGN}
    bodies = {"PUT": NewReplayBudget}
    answers = {"PUT": {200: replay_shown.Replay, 409: Problem}}

    def put(self, request: Request, replay_id: UUID) -> Response:
        """States what a replay may cost. Null: whatever it costs. One that waits for it goes on."""
        replay = replay_of(request.auth.project, replay_id)
        budget = None if self.body.budget is None else to_pico(self.body.budget)
        running.raise_budget(replay, budget, str(request.user))
        return Response(represent_replay(replay_of(request.auth.project, replay_id)))


def replay_of(project: Project, replay_id: UUID) -> Replay:
    found = _rows(project).filter(pk=replay_id).first()
    if found is None:
        raise NotFound("There is no such replay in this project.")
    return found


def _rows(project: Project) -> QuerySet[Replay]:
    return Replay.objects.filter(project=project).select_related("workflow", "version__workflow__project")
