"""Digests in the admin: whose summary, how often, to whom."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models, transaction
from django.http import HttpRequest

from notifications.models import Endpoint, Kind
from projects.admin import DiscreetAdmin, OwnFilter
from projects.audited import actor
from projects.models import Role
from projects.roles import projects_of
from wire.problems import Problem

from .. import recipients
from ..digest_api import TOO_MANY
from ..models import MOST, Digest
from ..sending import try_out


class DigestForm(forms.ModelForm):
    account: Any = None  # whose page it is: see `DigestAdmin.get_form`
    emails = forms.CharField(
        label="To these addresses",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 60}),
        help_text="Of e-mail, one a line. For each there is an endpoint, which says what became of it.",
    )
    endpoint = forms.ModelChoiceField(
        Endpoint.objects.none(),
        label="And to this webhook",
        required=False,
        help_text="One that is told of summary.due.",
    )

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)
        self.fields["endpoint"].queryset = _offered(self.account)
        if not self.instance._state.adding:
            self.initial["emails"] = "\n".join(self.instance.emails())
            self.initial["endpoint"] = self.instance.webhook()

    def clean(self) -> dict[str, object]:
        given = super().clean()
        project = given.get("project") or (self.instance.project if self.instance.project_id else None)
        workflow = given.get("workflow")
        if project and workflow and workflow.project_id != project.pk:
            self.add_error("workflow", "This workflow belongs to another project.")
        if project and self.instance._state.adding and project.digests.count() >= MOST:
            self.add_error(None, TOO_MANY)
        if project:
            self._check(project, given)
        return given

    def _check(self, project: Any, given: dict[str, Any]) -> None:
        given["emails"] = given.get("emails", "").split()
        webhook = given.get("endpoint")
        try:
            recipients.check(project, given["emails"], webhook and webhook.pk)
        except Problem as problem:
            for fault in problem.faults:
                self.add_error("endpoint" if fault.pointer == "/endpoint" else "emails", fault.detail)


class DigestAdmin(DiscreetAdmin):
    of_project = "project"
    seen_by = Role.OWNER
    audits_itself = True  # see `Digest`
    form = DigestForm
    list_display = ["__str__", "project", "enabled", "due_at", "last_sent_for"]
    list_filter = ["enabled", "every", ("project", OwnFilter)]
    list_select_related = ["project", "workflow"]
    fieldsets = [
        (None, {"fields": ["project", "workflow", "every", "hour", "enabled"]}),
        ("To whom", {"fields": ["emails", "endpoint"]}),
        ("When", {"fields": ["due_at", "last_sent_for", "created_by", "created_at"]}),
    ]
    readonly_fields = ["due_at", "last_sent_for", "created_by", "created_at"]
    actions = ["send_test"]
    intro = "The costs and savings of each day, week or month that is over, by e-mail or webhook."

    def get_form(self, request: HttpRequest, obj: Digest | None = None, **named: object) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, **named)
        return type("DigestForm", (form,), {"account": request.user})

    def get_readonly_fields(self, request: HttpRequest, obj: Digest | None = None) -> list[str]:
        return [*self.readonly_fields, "project", "workflow"] if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, digest: Digest, form: forms.ModelForm, change: bool) -> None:
        by, given = actor(request), form.cleaned_data
        with transaction.atomic():
            to = recipients.made(digest.project, given["emails"], given.get("endpoint"), by)
            if change:
                digest.change(by, to)
                return
            digest.created_by = by
            digest.begin(to)
            if not digest.enabled:
                digest.change(by)

    @admin.action(description="Send a test", permissions=["change"])
    def send_test(self, request: HttpRequest, digests: models.QuerySet[Digest]) -> None:
        for digest in digests.select_related("project", "workflow"):
            try:
                sent = try_out(digest, actor(request))
                messages.success(request, f"{digest}: {len(sent)} on the way.")
            except Problem as problem:
                messages.warning(request, f"{digest}: {problem.detail}")


def _offered(account: Any) -> models.QuerySet[Endpoint]:
    webhooks = Endpoint.objects.living().filter(kind=Kind.WEBHOOK)
    if account is None:
        return webhooks.none()
    return webhooks if account.is_superuser else webhooks.filter(project__in=projects_of(account, Role.OWNER))
