"""The page of a workflow on which its tables are chosen and downloaded."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponseBase
from django.urls import path, reverse

from analytics.admin import CountedWorkflowAdmin
from analytics.costs import is_simulated
from projects.audited import actor
from wire.problems import Problem
from workflows.models import Workflow

from ..downloads import sent
from ..exporting import export
from ..tables import table_of, tables, wanted

DAY = forms.DateInput(attrs={"type": "date"})


class ExportForm(forms.Form):
    table = forms.ChoiceField()
    format = forms.ChoiceField(
        label="As",
        choices=[("csv", "CSV: for a spreadsheet"), ("json", "JSON: for a program")],
        initial="csv",
        widget=forms.RadioSelect,
    )
    since = forms.DateField(label="From", required=False, widget=DAY, help_text="In UTC; empty: from the beginning.")
    until = forms.DateField(
        label="Until (not counted)", required=False, widget=DAY, help_text="In UTC; empty: until now."
    )
    money = forms.ChoiceField(
        choices=[("real", "real"), ("simulated", "simulated: scripted and recorded models")], widget=forms.RadioSelect
    )

    def __init__(self, workflow: Workflow, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)
        self.fields["table"].choices = [(table.name, table.name) for table in tables(workflow)]


class ExportedWorkflowAdmin(CountedWorkflowAdmin):
    """The page of a workflow, and that of its exports. Whoever may see each row may have them all."""

    page = "admin/reports/workflow.html"

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.exports)
        return [path("<path:object_id>/exports/", view, name="workflows_workflow_exports"), *super().get_urls()]

    def exports(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        workflow, wrong = self.found(request, object_id), []
        kind = "simulated" if is_simulated(workflow.project, workflow) else "real"
        asked = {name: request.GET[name] for name in ExportForm.base_fields if name in request.GET}
        initial = {"money": kind, "format": "csv", **asked}
        form = ExportForm(workflow, request.POST or None, initial=initial)
        if request.method == "POST" and form.is_valid():
            try:
                return sent(_made(workflow, form.cleaned_data, actor(request)))
            except Problem as problem:
                wrong = [problem.detail]
        back = reverse("admin:workflows_workflow_change", args=[workflow.pk])
        shown = {"form": form, "wrong": wrong, "back": back}
        return self.rendered(request, "admin/reports/exports.html", workflow, f"Export {workflow.name}", **shown)


def _made(workflow: Workflow, said: dict[str, Any], by: str) -> Any:
    table = table_of(said["table"], workflow)
    given = {"since": said["since"], "until": said["until"], "simulated": said["money"] == "simulated"}
    return export(table, wanted(workflow.project, workflow, table, given), said["format"], by)
