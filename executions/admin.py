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

from gateway.models import Call
from projects.admin import ReadOnlyAdmin, ReadOnlyInline, pretty
from wire import strict_json
from wire.problems import Problem

from . import resolution
from .models import Event, Execution, Flag, StepResult, Worker
from .representation import cost_of
from .resolution import ABSENT, Decision


class StepInline(ReadOnlyInline):
    model = StepResult
    fields = ["step", "attempt", "kind", "status", "tier", "model", "answered_by", "confidence", "answer", "rationale"]
    readonly_fields = ["answer"]
    ordering = ["pk"]

    @admin.display(description="output")
    def answer(self, row: StepResult) -> SafeString | str:
        return pretty(row.output) if row.has_output else "–"


class FlagInline(ReadOnlyInline):
    model = Flag
    fields = ["step", "reason", "detector", "explanation", "waiting", "answered_by", "state"]
    show_change_link = True


class EventInline(ReadOnlyInline):
    model = Event
    fields = ["at", "kind", "before", "after", "actor", "detail"]
    ordering = ["pk"]


@admin.register(Execution)
class ExecutionAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "workflow",
        "version",
        "status",
        "resolved_by",
        "purpose",
        "simulated",
        "created_at",
        "finished_at",
    ]
    list_filter = ["status", "resolved_by", "purpose", "simulated", "project", "workflow"]
    list_select_related = ["workflow", "version__workflow"]
    search_fields = ["=id"]
    search_help_text = "An execution's id."
    ordering = ["-id"]
    inlines = [FlagInline, StepInline, EventInline]
    fields = [
        *("workflow", "version", "publication", "status", "waiting_for", "resume_at", "resolved_by", "purpose", "lane"),
        *("simulated", "cost", "model_calls", "what_came", "answer", "problem", "tier_map", "metadata"),
        *("created_at", "started_at", "finished_at"),
    ]
    readonly_fields = fields

    @admin.display
    def cost(self, execution: Execution) -> str:
        total = cost_of(Call.objects.filter(execution=execution.pk))
        return "unpriced" if total is None else f"{total} USD{' (simulated)' if execution.simulated else ''}"

    @admin.display
    def model_calls(self, execution: Execution) -> SafeString:
        calls = Call.objects.filter(execution=execution.pk).count()
        return format_html(
            '<a href="{}?q={}">{} in the ledger</a>', reverse("admin:gateway_call_changelist"), execution.pk, calls
        )

    @admin.display(description="input")
    def what_came(self, execution: Execution) -> SafeString:
        return pretty(execution.input)

    @admin.display(description="output")
    def answer(self, execution: Execution) -> SafeString:
        return pretty(execution.output)

    @admin.display(description="error")
    def problem(self, execution: Execution) -> SafeString:
        return pretty(execution.error)


def _json(text: str) -> object:
    try:
        return strict_json.loads(text)
    except Problem as problem:
        raise forms.ValidationError(problem.detail) from problem


class ResolutionForm(forms.Form):
    resolution = forms.ChoiceField(choices=Flag.Resolution.choices, help_text="What is to become of this flag.")
    output = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 6}),
        required=False,
        help_text="The whole answer, as JSON. The steps that are left are not run.",
    )
    step_output = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 6}),
        required=False,
        help_text="Or the flagged step's output, as JSON. The execution goes on behind it.",
    )
    note = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}), required=False, help_text="Why; kept with the flag."
    )

    def clean_output(self) -> object:
        return _json(text) if (text := self.cleaned_data["output"]) else ABSENT

    def clean_step_output(self) -> object:
        return _json(text) if (text := self.cleaned_data["step_output"]) else ABSENT


# What stands still first, then what asks for review, then what is done with.
RANK = models.Case(
    models.When(state=Flag.State.OPEN, waiting=True, then=0), models.When(state=Flag.State.OPEN, then=1), default=2
)


@admin.register(Flag)
class FlagAdmin(ReadOnlyAdmin):
    list_display = ["reason", "decide", "short", "waiting", "answered_by", "where", "created_at"]
    list_filter = ["state", "waiting", "reason", "detector", "execution__workflow"]
    list_select_related = ["execution__workflow"]
    ordering = [RANK.asc(), "-id"]

    @admin.display(description="step")
    def where(self, flag: Flag) -> str:
        return f"{flag.execution.workflow.name}: {flag.step or 'the whole'}"

    @admin.display(description="explanation")
    def short(self, flag: Flag) -> str:
        return Truncator(flag.explanation).chars(160)

    @admin.display(description="decision")
    def decide(self, flag: Flag) -> SafeString | str:
        if flag.state != Flag.State.OPEN:
            return flag.get_state_display()
        return format_html('<a href="{}">Resolve</a>', reverse("admin:executions_flag_resolve", args=[flag.pk]))

    def get_urls(self) -> list:
        resolve = path(
            "<uuid:flag_id>/resolve/", self.admin_site.admin_view(self.resolve), name="executions_flag_resolve"
        )
        return [resolve, *super().get_urls()]

    def resolve(self, request: HttpRequest, flag_id: UUID) -> HttpResponse:
        """The page on which a person decides: what came, what was found, what can be answered."""
        flag = self.get_queryset(request).filter(pk=flag_id).select_related("execution__version__workflow").first()
        if flag is None or not request.user.has_perm("executions.change_flag"):
            raise Http404
        form = ResolutionForm(request.POST or None)
        if request.method == "POST" and form.is_valid() and self._resolved(request, flag, form):
            return redirect("admin:executions_flag_changelist")
        steps = flag.execution.steps.order_by("pk")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Resolve: {flag}",
            "opts": self.model._meta,
            "flag": flag,
            "input": pretty(flag.execution.input),
            "steps": [(row, pretty(row.output)) for row in steps],
            "form": form,
        }
        return render(request, "admin/executions/flag/resolve.html", context)

    def _resolved(self, request: HttpRequest, flag: Flag, form: ResolutionForm) -> bool:
        """Whether it went through; else the form says what was wrong."""
        try:
            resolution.resolve(flag, Decision(actor=f"user:{request.user.get_username()}", **form.cleaned_data))
        except Problem as problem:
            form.add_error(None, " ".join([problem.detail, *(f"{f.pointer}: {f.detail}" for f in problem.faults)]))
            return False
        messages.success(request, f"Resolved: {flag}.")
        return True


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ["name", "started_at", "seen_at", "ended_at"]
