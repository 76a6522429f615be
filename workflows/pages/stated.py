"""The page of what people state about a workflow, of which there is one row at most."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from projects.audited import actor
from projects.models import Role
from projects.pages import ReadableAdmin, sentences
from projects.roles import projects_of
from wire.problems import Problem

from ..models import Workflow


class StatedAdmin(ReadableAdmin):
    """Whether anything was stated or not, a workflow has it: its page is found by the workflow, and designers state it there."""

    of_project = "workflow__project"
    asks: type[forms.ModelForm]
    title: str  # with a place for the workflow's name
    thanks: str

    def of(self, workflow: Workflow) -> Any:
        """The row, or an unsaved one with the defaults."""
        raise NotImplementedError

    def state(self, workflow: Workflow, said: Mapping[str, object], by: str) -> object:
        """Raises `Problem`."""
        raise NotImplementedError

    def told(self, row: Any) -> dict[str, object]:
        """What the page shows."""
        raise NotImplementedError

    @admin.display
    def project(self, row: Any) -> str:
        return row.workflow.project.name

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        rows = Workflow.objects.select_related("project")
        if not request.user.is_superuser:
            rows = rows.filter(project__in=projects_of(request.user, self.seen_by))
        try:
            workflow = rows.filter(pk=object_id).first()
        except (ValueError, OverflowError):
            return None
        return self.of(workflow) if workflow else None

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).select_related("workflow__project")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        row = self.found(request, object_id)
        designs, wrong = self.may(request, Role.DESIGNER, row), []
        if request.method == "POST" and not designs:
            raise PermissionDenied
        workflow, form = row.workflow, self.asks(request.POST or None, instance=self.of(row.workflow))
        if request.method == "POST" and form.is_valid():
            try:
                self.state(workflow, form.cleaned_data, actor(request))
                messages.success(request, self.thanks)
                return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", workflow.pk)
            except Problem as problem:
                wrong = sentences(problem)
        shown = {"form": form if designs else None, "wrong": wrong, **self.told(row)}
        return self.rendered(request, self.page, row, self.title.format(workflow.name), **shown)
