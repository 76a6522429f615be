"""What evaluations add to the pages of a workflow: its cases are added, taken from a file and written to one there."""

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse

from projects import audit
from projects.audit import Verb
from projects.audited import actor
from projects.models import Role
from wire.problems import Fault, Problem
from wire.rest import MAX_BODY
from workflows.models import Workflow

from .. import case_files, cases
from ..models import Case, set_hash
from . import case_form
from .case_form import CaseForm
from .escalation import EscalationPage
from .standing import in_words

FORMATS = [("jsonl", "JSON Lines: one case a line, as the API takes them"), ("csv", "CSV: a table for a spreadsheet")]
TOO_LARGE = "A file that is sent here has at most 2 MB; manage.py import_cases takes larger ones. Nothing was imported."


class ImportForm(forms.Form):
    file = forms.FileField(
        label="The file, which ends in .jsonl or .csv", widget=forms.FileInput(attrs={"accept": ".jsonl,.ndjson,.csv"})
    )
    proposed = forms.BooleanField(
        label="Propose them only", required=False, help_text="They count once somebody has confirmed them."
    )


class ExportForm(forms.Form):
    format = forms.ChoiceField(label="As", choices=FORMATS, initial="jsonl", widget=forms.RadioSelect)
    proposed = forms.BooleanField(label="The proposed ones too, marked as such", required=False)


class TriedWorkflowAdmin(EscalationPage):
    """The page of a workflow, and those of its cases: of them `workflows` knows nothing."""

    def get_urls(self) -> list:
        views = {"add-case": self.add_case, "import-cases": self.import_cases, "export-cases": self.export_cases}
        of_row = [
            path(f"<path:object_id>/{word}/", self.admin_site.admin_view(view), name=_name(word))
            for word, view in views.items()
        ]
        return [*of_row, *super().get_urls()]

    def add_case(self, request: HttpRequest, object_id: str) -> HttpResponse:
        workflow = self.found(request, object_id, Role.DESIGNER)
        form = CaseForm(request.POST or None, initial=case_form.of_workflow(workflow))
        if request.method == "POST" and form.is_valid():
            try:
                case = cases.add(workflow, form.said(), actor(request))
                messages.success(request, f"It counts now: {in_words(workflow)}.")
                return redirect("admin:evaluations_case_change", case.pk)
            except Problem as problem:
                form.refused(problem)
        shown = {"form": form, "followed": case_form.followed(workflow), "button": "Add it", **_back(workflow)}
        shown["said"] = ["An input, and what should come of it. You stand for it: it counts at once."]
        title = f"Add a case of {workflow.name}"
        return self.rendered(request, "admin/evaluations/case/form.html", workflow, title, **shown)

    def import_cases(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """All cases of a file, or none: what is wrong is said by its lines."""
        workflow = self.found(request, object_id, Role.DESIGNER)
        sent, wrong = request.method == "POST", []
        form = ImportForm(*([request.POST, request.FILES] if sent else []))
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:  # what arrived of it is not the whole file
            wrong = [Fault("", TOO_LARGE)]
        elif sent and form.is_valid():
            try:
                added = _taken(workflow, form.cleaned_data, actor(request))
                messages.success(request, f"Added {added}: {in_words(workflow)}.")
                return redirect(f"{reverse('admin:evaluations_case_changelist')}?workflow__id__exact={workflow.pk}")
            except Problem as problem:
                wrong = problem.faults or [Fault("", problem.detail)]
        shown = {
            "form": form,
            "wrong": wrong[: case_files.MAX_FAULTS],
            "columns": case_files.COLUMNS,
            **_back(workflow),
        }
        title = f"Import cases of {workflow.name}"
        return self.rendered(request, "admin/evaluations/case/import.html", workflow, title, **shown)

    def export_cases(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The confirmed cases as a file; what goes out is written down. Whoever may see each may have them all."""
        workflow = self.found(request, object_id)
        form = ExportForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            return _exported(workflow, form.cleaned_data, actor(request))
        count = {"confirmed": workflow.cases.confirmed().count(), "proposed": workflow.cases.proposed().count()}
        title = f"Export the cases of {workflow.name}"
        shown = {"form": form, **count, **_back(workflow)}
        return self.rendered(request, "admin/evaluations/case/export.html", workflow, title, **shown)


def _name(word: str) -> str:
    return f"workflows_workflow_{word.replace('-', '_')}"


def _back(workflow: Workflow) -> dict[str, object]:
    address = reverse("admin:workflows_workflow_change", args=[workflow.pk])
    listed = f"{reverse('admin:evaluations_case_changelist')}?workflow__id__exact={workflow.pk}"
    refused = [f"{workflow.name} is archived: take that back first."] if workflow.archived_at else []
    return {"back": listed, "trail": [(address, workflow.name), (listed, "cases")], "refused": refused}


def _taken(workflow: Workflow, said: dict, by: str) -> int:
    file = said["file"]
    return len(case_files.take(workflow, file.name, file.read(), by, proposed=said["proposed"]))


def _exported(workflow: Workflow, said: dict, by: str) -> HttpResponse:
    states = [Case.State.CONFIRMED, *([Case.State.PROPOSED] if said["proposed"] else [])]
    rows, name = workflow.cases.filter(state__in=states).order_by("pk"), f"{workflow.name}-cases.{said['format']}"
    with transaction.atomic():
        hashes = list(rows.values_list("content_hash", flat=True))
        told = {"cases": len(hashes), "hash": set_hash(hashes)}
        audit.record(workflow.project_id, by, Verb.EXPORTED, workflow, **told)
    kind = "text/csv" if said["format"] == "csv" else "application/x-ndjson"
    lines = case_files.lines(name, rows.iterator(chunk_size=100))
    sent = StreamingHttpResponse((line.encode() for line in lines), content_type=f"{kind}; charset=utf-8")
    sent["Content-Disposition"] = f'attachment; filename="{name}"'
    return sent


admin.site.unregister(Workflow)
admin.site.register(Workflow, TriedWorkflowAdmin)
