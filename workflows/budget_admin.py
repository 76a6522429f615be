"""Budgets in the admin: what may be spent, how much of it is, and how many executions wait because of it."""

from collections.abc import Collection

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects.admin import DiscreetAdmin, OwnFilter, usd
from projects.audited import actor
from projects.models import Role
from wire.money import to_usd, usd_text

from . import budgets
from .models import Budget, Workflow

# An execution stands above a workflow: it is asked for through the relation, and not by its class.
PARKED = {"executions__status": "waiting", "executions__waiting_for": "budget"}


class BudgetForm(forms.ModelForm):
    def clean(self) -> dict[str, object]:
        given = super().clean()
        workflow = given.get("workflow")
        if workflow and given.get("project") and workflow.project_id != given["project"].pk:
            raise forms.ValidationError({"workflow": "This workflow belongs to another project."})
        return given


class Standings(ChangeList):
    """Looks once for all rows of the page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        look_at(self.result_list)


def look_at(rows: Collection[Budget]) -> None:
    """Leaves on each what of it is spent and reserved, real and simulated, and how many executions in its extent wait for a
    budget: three questions for any number of them."""
    used = budgets.used_of_all(rows, timezone.now())
    projects = {budget.project_id for budget in rows}
    found = Workflow.objects.filter(project__in=projects, **PARKED)
    waiting = list(found.values_list("project", "pk").annotate(count=Count("executions")))
    for budget in rows:
        budget.standing = {simulated: used[budget.pk, simulated] for simulated in (False, True)}
        budget.waiting = sum(
            count
            for project, workflow, count in waiting
            if project == budget.project_id and budget.workflow_id in (None, workflow)
        )


class BudgetAdmin(DiscreetAdmin):
    """Raising the cap, or deleting the budget, lets what it had parked go on at once."""

    of_project = "project"
    changed_by = Role.DESIGNER
    told = ("project", "workflow", "period", "cap")
    form = BudgetForm
    list_display = ["of", "project", "period", "limit", "real", "simulated", "parked", "stated_by", "stated_at"]
    list_filter = [("project", OwnFilter), "period"]
    list_select_related = ["project", "workflow"]
    fields = ["project", "workflow", "period", "cap", "real", "simulated", "parked"]
    readonly_fields = ["real", "simulated", "parked"]
    intro = (
        "What a call may cost at most is reserved in every budget that it falls under. What does not fit waits, keeps what it has "
        "done, and goes on when the cap is raised, a period begins, or the budget is deleted."
    )
    empty = (
        "No budget: nothing but the cost cap of each execution holds back what is spent. Add one for the project, or for one of "
        "its workflows."
    )

    def get_changelist(self, request: HttpRequest, **named: object) -> type[ChangeList]:
        return Standings

    def get_readonly_fields(self, request: HttpRequest, budget: Budget | None = None) -> list[str]:
        """What was spent was counted for this project, workflow and period."""
        return [*self.readonly_fields, "project", "workflow", "period"] if budget else self.readonly_fields

    def save_model(self, request: HttpRequest, budget: Budget, form: forms.ModelForm, change: bool) -> None:
        budget.stated_by = actor(request)
        super().save_model(request, budget, form, change)

    @admin.display(description="of", ordering="workflow__name")
    def of(self, budget: Budget) -> str:
        return budget.workflow.name if budget.workflow else "the whole project"

    @admin.display(description="cap", ordering="cap")
    def limit(self, budget: Budget) -> str:
        return usd(budget.cap)

    @admin.display(description="spent in this period")
    def real(self, budget: Budget) -> SafeString | str:
        return self._used(budget, simulated=False)

    @admin.display(description="simulated: spent")
    def simulated(self, budget: Budget) -> SafeString | str:
        return self._used(budget, simulated=True)

    @admin.display(description="waiting for a budget")
    def parked(self, budget: Budget) -> SafeString | str:
        """They may wait for another budget of the same extent: which one it is, an execution's history says."""
        if budget.pk is None:
            return "–"
        if not (count := self._looked_at(budget).waiting):
            return "none"
        owner = ("workflow", budget.workflow_id) if budget.workflow_id else ("project", budget.project_id)
        query = f"?stands=budget&{owner[0]}__id__exact={owner[1]}"
        where = reverse("admin:executions_execution_changelist") + query
        return format_html('<a href="{}">{} execution{}</a>', where, count, "" if count == 1 else "s")

    def _used(self, budget: Budget, simulated: bool) -> SafeString | str:
        if budget.pk is None:
            return "–"
        spent, reserved = self._looked_at(budget).standing[simulated]
        percent = 100 if not budget.cap else min(100, 100 * (spent + reserved) // budget.cap)
        held = f", and {usd_text(to_usd(reserved))} reserved for calls in flight" if reserved else ""
        said = f"{percent}%: {usd_text(to_usd(spent))} USD{held}"
        bar = '<meter class="used" min="0" max="100" value="{}" aria-hidden="true"></meter> {}'
        return format_html(bar, percent, said)

    def _looked_at(self, budget: Budget) -> Budget:
        if not hasattr(budget, "standing"):
            look_at([budget])
        return budget
