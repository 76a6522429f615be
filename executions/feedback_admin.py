"""The page on which a person says whether the answer of an execution was right. `ExecutionAdmin` has it among its own."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path

from projects.admin import DiscreetAdmin, pretty
from projects.audited import actor
from projects.models import Role
from projects.pages import sentences
from wire import strict_json
from wire.problems import Problem

from . import feedback
from .feedback import ABSENT, Opinion
from .models import Execution, Status


def read_json(text: str) -> object:
    """What a person typed. Raises `ValidationError`."""
    try:
        return strict_json.loads(text)
    except Problem as problem:
        raise forms.ValidationError(problem.detail) from problem


class FeedbackForm(forms.Form):
    accepted = forms.TypedChoiceField(
        label="The answer is",
        choices=[("yes", "right"), ("no", "wrong")],
        coerce=lambda word: word == "yes",
        widget=forms.RadioSelect,
    )
    output = forms.CharField(
        label="What would have been right",
        widget=forms.Textarea(attrs={"rows": 6}),
        required=False,
        help_text="Where it is wrong, and you know it: as JSON, in the form of an answer of this workflow.",
    )
    note = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}), max_length=10_000, required=False, help_text="Why; kept with it."
    )

    def clean_output(self) -> object:
        return read_json(text) if (text := self.cleaned_data["output"]) else ABSENT


class FeedbackPage(DiscreetAdmin):
    """Of the admin of executions: the page, and the way to it."""

    def get_urls(self) -> list:
        page = self.admin_site.admin_view(self.feedback)
        return [path("<path:object_id>/feedback/", page, name="executions_execution_feedback"), *super().get_urls()]

    def feedback(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What came, what was answered, and whether that was right."""
        execution = self.get_object(request, object_id)
        if execution is None or not self.may(request, Role.REVIEWER, execution):
            raise Http404
        form = FeedbackForm(request.POST or None)
        if request.method == "POST" and form.is_valid() and self._gave(request, execution, form):
            return redirect("admin:executions_execution_change", execution.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Was it right?",
            "opts": self.model._meta,
            "execution": execution,
            "input": pretty(execution.input),
            "output": pretty(execution.output),
            "asked": pretty(execution.version.definition.get("output_schema")),
            "form": form if execution.status == Status.COMPLETED else None,
        }
        return render(request, "admin/executions/execution/feedback.html", context)

    def _gave(self, request: HttpRequest, execution: Execution, form: FeedbackForm) -> bool:
        """Whether it went through; else the form says what was wrong."""
        opinion = Opinion(actor=actor(request), **form.cleaned_data)
        try:
            feedback.give(execution, feedback.examined(execution, opinion))
        except Problem as problem:
            for said in sentences(problem):
                form.add_error(None, said)
            return False
        messages.success(request, f"The answer was {'accepted' if opinion.accepted else 'rejected'}.")
        return True
