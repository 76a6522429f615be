"""REST for tier searches. Parses, calls one domain verb, renders."""

from typing import Annotated
from uuid import UUID

from django.db.models import QuerySet
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from projects.idempotency import ONCE, once, once_examined
from projects.models import Project, Scope
from wire.answers import Listed, Problem
from wire.bodies import Body, Nothing, Usd
from wire.filters import one_of
from wire.money import to_pico
from wire.paging import page
from wire.problems import NotFound
from wire.views import View
from workflows.api import workflow_of
from workflows.models import Workflow
from workflows.names import Number

from . import tier_search, tier_search_shown
from .api import Target, newest_or
from .models import TierSearch
from .tier_search import Wanted
from .tier_search_representation import represent_search, represent_search_estimate

Models = Annotated[list[Target], Field(min_length=1, max_length=20)]


class NewTierSearch(Body):
    version: Number | None = None
    candidates: Annotated[
        dict[str, Models], Field(max_length=50, description="Model step → tiers, or models as provider:model.")
    ] = {}
    at_once: Annotated[int, Field(ge=1, le=100)] = 16
    budget: Usd | None = None

    def wanted(self, workflow: Workflow) -> Wanted:
        return Wanted(
            version=newest_or(workflow, self.version),
            candidates=self.candidates,
            budget=None if self.budget is None else to_pico(self.budget),
            at_once=self.at_once,
        )


class NewTierSearchBudget(Body):
    budget: Usd | None


class WorkflowTierSearches(View):
    scopes = {"GET": Scope.READ, "POST": Scope.DESIGN}
    filters = {"status": one_of(TierSearch.Status.values)}
    paged = True
    bodies = {"POST": NewTierSearch}
    heeds = {"POST": ONCE}
    answers = {
        "GET": {200: Listed[tier_search_shown.TierSearch]},
        "POST": {201: tier_search_shown.TierSearch, 409: Problem},
    }

    def get(self, request: Request, name: str) -> Response:
        """The tier searches of a workflow, newest first."""
        rows = _rows(request.auth.project).filter(workflow=workflow_of(request.auth.project, name), **self.given)
        return page(request, rows, lambda found: [represent_search(row) for row in found])

    def post(self, request: Request, name: str) -> Response:
        """Begins the search for the cheapest model of each step that passes against the frontier. It costs: ask for the
        estimate before."""
        body: NewTierSearch = self.body
        workflow = workflow_of(request.auth.project, name)
        by = str(request.user)
        made = once_examined(
            request,
            lambda: tier_search.examine(body.wanted(workflow), by),
            lambda ready: str(tier_search.begin(ready).pk),
        )
        return Response(represent_search(search_of(request.auth.project, UUID(made))), status=201)


class TierSearchEstimate(View):
    scopes = {"POST": Scope.DESIGN}
    bodies = {"POST": NewTierSearch}
    answers = {"POST": {200: tier_search_shown.TierSearchEstimate, 409: Problem}}

    def post(self, request: Request, name: str) -> Response:
        """What a tier search would cost. Nothing is begun."""
        workflow = workflow_of(request.auth.project, name)
        search = tier_search.examine(self.body.wanted(workflow), str(request.user))
        return Response(represent_search_estimate(tier_search.estimate(search), search))


class TierSearchDetail(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: tier_search_shown.TierSearch}}

    def get(self, request: Request, search_id: UUID) -> Response:
        """One tier search: how far it is, the table of its evidence, what was chosen, and the draft of it."""
        return Response(represent_search(search_of(request.auth.project, search_id)))


class TierSearchCancellation(View):
    scopes = {"POST": Scope.DESIGN}
    bodies = {"POST": Nothing}
    heeds = {"POST": ONCE}
    answers = {"POST": {200: tier_search_shown.TierSearch, 409: Problem}}

    def post(self, request: Request, search_id: UUID) -> Response:
        """Ends a tier search with the evaluation that is on its way. There is no draft."""
        search = search_of(request.auth.project, search_id)

        def end() -> str:
            tier_search.cancel(search, str(request.user))
            return str(search.pk)

        once(request, end)
        return Response(represent_search(search_of(request.auth.project, search_id)))


class TierSearchBudget(View):
    scopes = {"PUT": Scope.DESIGN}
    bodies = {"PUT": NewTierSearchBudget}
    answers = {"PUT": {200: tier_search_shown.TierSearch, 409: Problem}}

    def put(self, request: Request, search_id: UUID) -> Response:
        """States what a tier search may cost. Null: whatever it costs. One that waits for it goes on."""
        search = search_of(request.auth.project, search_id)
        budget = None if self.body.budget is None else to_pico(self.body.budget)
        tier_search.raise_budget(search, budget, str(request.user))
        return Response(represent_search(search_of(request.auth.project, search_id)))


def search_of(project: Project, search_id: UUID) -> TierSearch:
    found = _rows(project).filter(pk=search_id).first()
    if found is None:
        raise NotFound("There is no such tier search in this project.")
    return found


def _rows(project: Project) -> QuerySet[TierSearch]:
    return TierSearch.objects.filter(project=project).select_related("workflow", "version__workflow__project", "draft")
