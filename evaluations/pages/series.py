"""What the pages of evaluations and of replays have in common: how their lists are read, what one may cost, how it is ended."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone

from projects.admin import OwnFilter, usd
from projects.audited import actor
from projects.lists import Bounded, OneOf
from projects.live import LiveAdmin, lasts, ticking
from projects.models import Role
from projects.pages import ById, sentences
from wire.money import pico_text, to_pico
from wire.problems import Problem

from .. import running
from ..series import Series

MOVING = (Series.Status.RUNNING, Series.Status.WAITING)


class Statuses(OneOf):
    title = parameter_name = "status"
    words = tuple(Series.Status.values)


class BudgetForm(forms.Form):
    budget = forms.DecimalField(
        label="It may cost, in USD",
        required=False,
        min_value=Decimal(0),
        max_digits=18,
        decimal_places=12,
        help_text="Empty: whatever it costs. What is on its way is counted.",
    )


class SeriesAdmin(ById, LiveAdmin):
    """`left`: what a cancelled one leaves, in a sentence."""

    of_project = "project"
    list_filter = [Statuses, ("project", OwnFilter), ("workflow", OwnFilter)]
    list_per_page = 50
    search_fields: Sequence[str] = ["id"]  # see ById
    ordering = ["-pk"]
    paginator = Bounded
    show_facets = admin.ShowFacets.NEVER  # each would count every row
    sortable_by: Sequence[str] = []  # each would sort every row
    left: str

    def get_urls(self) -> list:
        of_row = [
            path(f"<path:object_id>/{word}/", self.admin_site.admin_view(view), name=self._named(word))
            for word, view in (("cancel", self.cancel), ("budget", self.budget))
        ]
        return [*of_row, *super().get_urls()]

    def moves(self, series: Series) -> bool:
        return series.status in MOVING

    def marks(self, series: Series) -> Sequence[object]:
        return [(series.status, series.budget, running.progress(series), running.spent(series))]

    @admin.display(description="begun")
    def begun(self, series: Series) -> str:
        return f"{series.created_at:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="status")
    def stands(self, series: Series) -> str:
        if series.status == Series.Status.COMPLETED:
            return series.status
        return f"{series.status}: {running.progress(series)['done']} of {series.total}"

    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        series = self.found(request, object_id, Role.DESIGNER)

        def do() -> str:
            running.cancel(series, actor(request))
            return "It is cancelled."

        said = [f"{self.left} What is on its way is cancelled, and paid as far as it came."]
        title = f"Cancel this {running.kind_of(series).name}"
        named = {"title": title, "button": "Cancel it", "said": said, "refused": _refused(series)}
        return self.confirmed(request, series, do, back=self._address(series), **named)

    def budget(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """States what it may cost; one that waits for it goes on."""
        series = self.found(request, object_id, Role.DESIGNER)
        now = pico_text(series.budget) or ""
        form, wrong = BudgetForm(request.POST or None, initial={"budget": now}), []
        if request.method == "POST" and form.is_valid():
            try:
                asked = form.cleaned_data["budget"]
                running.raise_budget(series, None if asked is None else to_pico(asked), actor(request))
                return redirect(self._address(series))
            except Problem as problem:
                wrong = sentences(problem)
        shown = {"form": form, "wrong": wrong, "refused": _refused(series), "spent": usd(running.spent(series))}
        title = f"What this {running.kind_of(series).name} may cost"
        back = self._address(series)
        return self.rendered(request, "admin/evaluations/budget.html", series, title, back=back, **shown)

    def _address(self, series: Series) -> str:
        return reverse(f"admin:{self._named('change')}", args=[series.pk])


def aloud(progress: Mapping[str, int]) -> str:
    """For those who hear it: in tenths, so that not every execution is told."""
    return (
        f"{100 * progress['done'] // max(1, progress['total']) // 10 * 10}% of {progress['total']} executions are over."
    )


def took(series: Series) -> str:
    """From its beginning to the end, or until now."""
    if series.finished_at is None:
        return ticking((timezone.now() - series.created_at).total_seconds())
    return lasts((series.finished_at - series.created_at).total_seconds())


def _refused(series: Series) -> list[str]:
    return [] if series.status in MOVING else [f"It has ended: it is {series.status}."]
