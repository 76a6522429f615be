"""Executions and flags in the admin. What happened can only be read; a flag is resolved on the page of the queue."""

from collections.abc import Callable

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from projects.admin import OwnFilter, ReadOnlyAdmin
from projects.models import Role
from workflows.models import Version

from .models import Execution, Flag, Worker
from .pages.execution import ExecutionAdmin
from .pages.texts import deleted
from .pages.trial import TriedVersionAdmin
from .queue_page import QueuePage


def decision_on(flag: Flag) -> SafeString | str:
    """Where a person decides; or what was decided, and by whom."""
    if flag.state != Flag.State.OPEN:
        return f"{flag.get_resolution_display()} by {flag.resolved_by}"
    waits = "waits: " if flag.waiting else ""
    return format_html('{}<a href="{}">Resolve</a>', waits, reverse("admin:queue_flag", args=[flag.pk]))


admin.site.register(Execution, ExecutionAdmin)
admin.site.unregister(Version)
admin.site.register(Version, TriedVersionAdmin)


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
    change_list_template = "admin/executions/flag/change_list.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        decides = self.may(request, Role.REVIEWER)
        return super().changelist_view(request, {**(extra_context or {}), "decides": decides})

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


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ["name", "started_at", "seen_at", "ended_at"]


def _with_the_queue(urls: Callable[[], list]) -> Callable[[], list]:
    """The queue is a page of the site and of no model: Django has no other place for one but a site of one's own."""
    return lambda: [*QueuePage(admin.site).urls, *urls()]


admin.site.get_urls = _with_the_queue(admin.site.get_urls)
