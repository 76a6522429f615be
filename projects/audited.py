"""What a page of the admin changes is written down: the one place of it, which every page of ours begins with."""

from collections.abc import Iterable

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from . import audit, changes
from .audit import Verb
from .lists import are_ids


def actor(request: HttpRequest) -> str:
    """Who does it, as histories name a person."""
    return f"user:{request.user.get_username()}"


class Audited(admin.ModelAdmin):
    """Whatever is added, changed, deleted or done to a selection here is written down in the audit, in the same transaction.

    `told`: the fields whose values the audit keeps, also of the rows on the same page; of any other field only that it was
    changed. `audits_itself`: what the page calls writes it down.
    """

    told: tuple[str, ...] = ()
    audits_itself = False

    def project_of(self, row: models.Model | None) -> int | None:
        return None

    def construct_change_message(
        self, request: HttpRequest, form: forms.BaseForm, formsets: list | None, add: bool = False
    ) -> list:
        """For Django's own history; what the audit tells is seen here too, where the form is at hand."""
        inlines = list(changes.of_inlines(formsets or [], self.told))
        request.audited = changes.of_form(form, self.told), inlines
        return super().construct_change_message(request, form, formsets, add)

    def log_addition(self, request: HttpRequest, obj: models.Model, message: object) -> object:
        self._audit(request, obj, Verb.CREATED)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: models.Model, message: object) -> object:
        self._audit(request, obj, Verb.CHANGED)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[models.Model]) -> object:
        for row in queryset:
            self.record(request, row, Verb.DELETED)
        return super().log_deletions(request, queryset)

    def record(self, request: HttpRequest, row: models.Model, verb: Verb, **detail: object) -> None:
        audit.record(self.project_of(row), actor(request), verb, row, **detail)

    def _audit(self, request: HttpRequest, row: models.Model, verb: Verb) -> None:
        """The row itself, where something of it was changed, and each of the rows below it."""
        if self.audits_itself:
            return
        changed, inlines = request.audited
        if changed or verb == Verb.CREATED:
            self.record(request, row, verb, changes=changed)
        for done, below, its in inlines:
            audit.record(self.project_of(row), actor(request), done, below, changes=its)

    def response_action(self, request: HttpRequest, queryset: models.QuerySet) -> HttpResponse | None:
        """Django does neither: it deletes without a transaction, and breaks on an id that is none."""
        chosen = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
        if not are_ids(self.model, chosen):
            said = f"What was chosen is no {self.opts.verbose_name} of this list: choose again."
            self.message_user(request, said, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        with transaction.atomic():
            return super().response_action(request, queryset)
