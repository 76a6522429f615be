"""The pages of shadows: the list, and one of them beside the execution that it repeats. They happened: nothing can be changed."""

from collections.abc import Sequence

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from executions.pages.texts import deleted, kept
from projects.admin import OwnFilter, usd
from projects.lists import Bounded, OneOf
from projects.pages import ById, ReadableAdmin

from ..models import Shadow, Subject

SAME = {True: "same", False: "differs", None: "–"}


class Statuses(OneOf):
    title = parameter_name = "status"
    words = tuple(Shadow.Status.values)


class Subjects(OneOf):
    title = parameter_name = "subject"
    words = tuple(Subject.values)


class ShadowAdmin(ById, ReadableAdmin):
    of_project = "project"
    page = "admin/shadows/shadow/page.html"
    list_display = ["drawn", "version", "subject", "status", "result", "money"]
    list_filter = [Statuses, Subjects, ("project", OwnFilter), ("workflow", OwnFilter)]
    list_per_page = 50
    search_fields: Sequence[str] = ["id"]  # see ById
    looked_for = ("pk", "past", "execution")
    search_help_text = "A shadow's id, or that of its execution or of the one it repeats."
    ordering = ["-pk"]
    paginator = Bounded
    show_facets = admin.ShowFacets.NEVER  # each would count every row
    sortable_by: Sequence[str] = []  # each would sort every row
    intro = "Completed executions, run once more on the baseline's model: what all-frontier would have cost, and said."
    empty = "There is no shadow yet. A plan is stated on the page of a workflow."

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request).select_related("project", "workflow", "version__workflow")
        return rows.defer(*(f"version__{name}" for name in ("definition", "design_context", "warnings")))

    @admin.display(description="drawn")
    def drawn(self, shadow: Shadow) -> str:
        return f"{shadow.created_at:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="result")
    def result(self, shadow: Shadow) -> str:
        return SAME[shadow.same]

    @admin.display(description="cost")
    def money(self, shadow: Shadow) -> str:
        return usd(shadow.cost, simulated=shadow.simulated)

    def shown(self, request: HttpRequest, shadow: Shadow) -> dict[str, object]:
        past = shadow.past
        return {
            "workflow": shadow.workflow,
            "result": SAME[shadow.same],
            "cost": self.money(shadow),
            "input": kept(past, past.input),
            "before": kept(past, past.output),
            "after": kept(past, shadow.output) if shadow.status == Shadow.Status.COMPLETED else "",
            "gone": deleted(past),
            "steps": [(step, SAME[found["same"]], found["said"]) for step, found in shadow.steps.items()],
        }


admin.site.register(Shadow, ShadowAdmin)
