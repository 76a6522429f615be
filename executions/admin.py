"""Executions and flags in the admin. What happened can only be read; a flag can be resolved."""

from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from projects.admin import OwnFilter, ReadOnlyAdmin, pretty
from projects.models import Role
from wire.problems import Problem
from workflows.models import Version

from . import resolution
from .feedback import ABSENT
from .feedback_admin import read_json
from .models import Execution, Flag, StepResult, Worker
from .pages.execution import ExecutionAdmin
from .pages.texts import deleted, kept
from .pages.trial import TriedVersionAdmin
from .resolution import Decision


def decision_on(flag: Flag) -> SafeString | str:
    """Where a person decides; or what was decided, and by whom."""
    if flag.state != Flag.State.OPEN:
        return f"{flag.get_resolution_display()} by {flag.resolved_by}"
    waits = "waits: " if flag.waiting else ""
    return format_html('{}<a href="{}">Resolve</a>', waits, reverse("admin:executions_flag_resolve", args=[flag.pk]))


admin.site.register(Execution, ExecutionAdmin)
admin.site.unregister(Version)
admin.site.register(Version, TriedVersionAdmin)


def _asked_of(flag: Flag) -> dict:
    """What the flagged step was asked, and what an answer to it has to follow."""
    step = next(step for step in flag.execution.version.definition["steps"] if step["id"] == flag.step)
    return {key: step[key] for key in ("instructions", "output_schema", "checks") if key in step}


OF_SPOT_CHECKS = {
    Flag.Resolution.DISMISSED: "The answer is right",
    Flag.Resolution.ANSWERED: "It is wrong: the right one stands below",
}


class ResolutionForm(forms.Form):
    """Offers what this flag can be resolved with, and nothing that would be refused."""

    resolution = forms.ChoiceField(help_text="What is to become of this flag.")
    step_output = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 6}),
        required=False,
        help_text="The flagged step's output, as JSON. The execution goes on behind it.",
    )
    output = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 6}),
        required=False,
        help_text="Or the whole answer, as JSON. The steps that are left are not run.",
    )
    note = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}), required=False, help_text="Why; kept with the flag."
    )

    def __init__(self, flag: Flag, *args: object) -> None:
        super().__init__(*args)
        attempts = StepResult.objects.at(flag.execution_id, flag.step, flag.iteration)
        kept = attempts.filter(attempt=flag.attempt, has_output=True).exists()
        review = flag.reason == Flag.Reason.REVIEW
        spot_check = flag.reason == Flag.Reason.SPOT_CHECK
        possible = {
            Flag.Resolution.ANSWERED: flag.waiting or spot_check,
            Flag.Resolution.DISMISSED: not review and (kept or not flag.waiting),
            Flag.Resolution.RETRY: flag.waiting and not review,
        }
        said = OF_SPOT_CHECKS if spot_check else {}
        self.fields["resolution"].choices = [
            (one.value, said.get(one, one.label)) for one, is_so in possible.items() if is_so
        ]
        if not (flag.waiting and flag.step):
            del self.fields["step_output"]
        if review or not (flag.waiting or spot_check):
            del self.fields["output"]
        elif spot_check:
            self.fields["output"].help_text = "Where it is wrong: the answer that would have been right, as JSON."

    def clean_output(self) -> object:
        return read_json(text) if (text := self.cleaned_data["output"]) else ABSENT

    def clean_step_output(self) -> object:
        return read_json(text) if (text := self.cleaned_data["step_output"]) else ABSENT


# What stands still first, then what asks for review, then what is done with.
RANK = models.Case(
    models.When(state=Flag.State.OPEN, waiting=True, then=0), models.When(state=Flag.State.OPEN, then=1), default=2
)


@admin.register(Flag)
class FlagAdmin(ReadOnlyAdmin):
    of_project = "execution__project"
    list_display = ["reason", "decide", "short", "where", "project", "answered_by"]
    fields = [
        *(
            "decide",
            "execution",
            "step",
            "iteration",
            "attempt",
            "role",
            "reason",
            "detector",
            "edge_case",
            "why",
            "answered_by",
        ),
        *("said", "created_at", "resolved_at"),
    ]
    readonly_fields = ["decide", "why", "said"]
    list_filter = ["state", "waiting", "reason", "detector", ("execution__workflow", OwnFilter)]
    list_select_related = ["execution__workflow", "execution__project"]
    ordering = [RANK.asc(), "-id"]

    @admin.display(description="step")
    def where(self, flag: Flag) -> str:
        return f"{flag.execution.workflow.name}: {flag.step or 'the whole'}"

    @admin.display(description="explanation")
    def short(self, flag: Flag) -> str:
        return Truncator(self.why(flag)).chars(160)

    @admin.display(description="explanation")
    def why(self, flag: Flag) -> str:
        return flag.explanation or deleted(flag.execution)

    @admin.display(description="note")
    def said(self, flag: Flag) -> str:
        return flag.note or deleted(flag.execution)

    @admin.display(description="decision")
    def decide(self, flag: Flag) -> SafeString | str:
        return decision_on(flag)

    @admin.display
    def project(self, flag: Flag) -> str:
        return flag.execution.project.name

    def get_urls(self) -> list:
        resolve = path(
            "<uuid:flag_id>/resolve/", self.admin_site.admin_view(self.resolve), name="executions_flag_resolve"
        )
        return [resolve, *super().get_urls()]

    def resolve(self, request: HttpRequest, flag_id: UUID) -> HttpResponse:
        """The page on which a person decides: what came, what was found, what can be answered."""
        flag = self.get_queryset(request).filter(pk=flag_id).select_related("execution__version__workflow").first()
        if flag is None or not self.may(request, Role.REVIEWER, flag):
            raise Http404
        form = ResolutionForm(flag, request.POST or None)
        if request.method == "POST" and form.is_valid() and self._resolved(request, flag, form):
            return redirect("admin:executions_flag_changelist")
        steps = flag.execution.steps.order_by("pk")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Resolve: {flag}",
            "opts": self.model._meta,
            "flag": flag,
            "input": kept(flag.execution, flag.execution.input),
            "output": kept(flag.execution, flag.execution.output),
            "deleted": deleted(flag.execution),
            "steps": [(row, kept(flag.execution, row.output)) for row in steps],
            "step_asked": pretty(_asked_of(flag)) if flag.step else "",
            "output_asked": pretty(flag.execution.version.definition.get("output_schema")),
            "decided": decision_on(flag),
            "form": form,
        }
        return render(request, "admin/executions/flag/resolve.html", context)

    def _resolved(self, request: HttpRequest, flag: Flag, form: ResolutionForm) -> bool:
        """Whether it went through; else the form says what was wrong."""
        try:
            resolution.resolve(flag, Decision(actor=f"user:{request.user.get_username()}", **form.cleaned_data))
        except Problem as problem:
            for said in [f"{fault.pointer}: {fault.detail}" for fault in problem.faults] or [problem.detail]:
                form.add_error(None, said)
            return False
        messages.success(request, f"Resolved: {flag}.")
        return True


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ["name", "started_at", "seen_at", "ended_at"]
