"""REST for budgets: what a project and its workflows may spend, and what they have spent in the present period."""

from typing import Annotated, Literal

from django.utils import timezone
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from projects.models import Scope
from wire.answers import Listed, Problem
from wire.bodies import Body, Usd
from wire.money import to_pico, to_usd, usd_text
from wire.paging import page
from wire.problems import NotFound
from wire.times import rfc3339
from wire.views import View

from . import budgets, shown
from .api import workflow_of
from .models import Budget


class NewBudget(Body):
    workflow: Annotated[str, Field(max_length=100)] | None = None
    period: Literal["day", "month", "total"]
    cap: Usd


class BudgetList(View):
    scopes = {"GET": Scope.READ, "PUT": Scope.ADMIN}
    paged = True
    bodies = {"PUT": NewBudget}
    answers = {
        "GET": {200: Listed[shown.Budget]},
        "PUT": {200: shown.Budget, 201: shown.Budget, 404: Problem},
    }

    def get(self, request: Request) -> Response:
        """What the project and its workflows may spend, and have spent."""
        rows = Budget.objects.filter(project=request.auth.project).select_related("workflow")
        return page(request, rows, lambda found: [represent_budget(row) for row in found])

    def put(self, request: Request) -> Response:
        """States the budget of this workflow (or of the project) and period, or states it anew."""
        body: NewBudget = self.body
        project = request.auth.project
        workflow = workflow_of(project, body.workflow) if body.workflow is not None else None
        by = str(request.user)
        budget, made = budgets.state(project, workflow, body.period, to_pico(body.cap), by)
        return Response(represent_budget(budget), status=201 if made else 200)


class BudgetDetail(View):
    scopes = {"GET": Scope.READ, "DELETE": Scope.ADMIN}
    answers = {"GET": {200: shown.Budget}, "DELETE": {204: None}}

    def get(self, request: Request, budget_id: int) -> Response:
        """One budget."""
        return Response(represent_budget(self._budget(request, budget_id)))

    def delete(self, request: Request, budget_id: int) -> Response:
        """Takes a budget away. What it had parked goes on."""
        budgets.take_away(self._budget(request, budget_id), str(request.user))
        return Response(status=204)

    def _budget(self, request: Request, budget_id: int) -> Budget:
        row = Budget.objects.filter(project=request.auth.project, pk=budget_id).select_related("workflow").first()
        if row is None:
            raise NotFound("There is no such budget in this project.")
        return row


def represent_budget(budget: Budget) -> dict:
    """Real and simulated money apart, as everywhere."""
    now = timezone.now()
    both = {"real": budgets.used(budget, False, now), "simulated": budgets.used(budget, True, now)}
    ends = budget.ends(now)
    return {
        "id": str(budget.pk),
        "workflow": budget.workflow.name if budget.workflow else None,
        "period": budget.period,
        "cap": usd_text(to_usd(budget.cap)),
        "since": budget.begins(now).isoformat() if ends else None,
        "until": ends.date().isoformat() if ends else None,
        "spent": {kind: usd_text(to_usd(spent)) for kind, (spent, _) in both.items()},
        "reserved": {kind: usd_text(to_usd(reserved)) for kind, (_, reserved) in both.items()},
        "stated_by": budget.stated_by,
        "stated_at": rfc3339(budget.stated_at),
    }
