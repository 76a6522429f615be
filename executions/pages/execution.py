"""The page of an execution: how it stands, what came and went, each step with its attempts and calls, and what happened."""

from collections.abc import Container, Sequence

from django.contrib import admin
from django.db import models
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from gateway.models import Call
from projects.admin import OwnFilter, pretty, usd
from projects.audited import actor
from projects.lists import Bounded
from projects.live import LiveAdmin, ticking
from projects.models import Role
from projects.pages import ById
from projects.roles import projects_of

from .. import calling, control
from ..feedback_admin import FeedbackPage
from ..models import Execution, Flag, Status
from . import places, progress
from .progress import Progress
from .stands import AnsweredFilter, StandsFilter, TrialFilter, in_words
from .texts import deleted, kept

EVENTS, FLAGS = 200, 100  # of one execution on its page


class ExecutionAdmin(FeedbackPage, ById, LiveAdmin):
    of_project = "project"
    page = "admin/executions/execution/page.html"
    every = 1
    list_display = ["created_at", "stands", "version", "project", "resolved_by", "purpose"]
    list_filter = [StandsFilter, AnsweredFilter, TrialFilter, ("project", OwnFilter), ("workflow", OwnFilter)]
    list_select_related = ["project", "version__workflow"]
    search_fields = ["id"]  # see ById
    search_help_text = "An execution's id."
    paginator = Bounded
    show_facets = admin.ShowFacets.NEVER  # each would count every row
    sortable_by = []  # each would sort every row

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        """A list needs no texts, and a page of its own reads them where it shows them."""
        large = (
            "input",
            "output",
            "metadata",
            "tier_map",
            "version__definition",
            "version__design_context",
            "version__warnings",
        )
        return super().get_queryset(request).select_related("version__workflow", "project").defer(*large)

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """Newest first: both grow with time. Where one project, workflow or version is looked at, by the column that its index
        is in order of, and no other: by the id, PostgreSQL would pass over whatever is newer than all of its executions."""
        chosen = any(f"{one}__id__exact" in request.GET for one in ("project", "workflow", "version"))
        of_one = not request.user.is_superuser and len(projects_of(request.user, self.seen_by)) == 1
        return ["-created_at"] if chosen or of_one else ["-id"]

    def get_urls(self) -> list:
        of_row = [
            path(f"<path:object_id>/{word}/", self.admin_site.admin_view(view), name=f"executions_execution_{word}")
            for word, view in (("cancel", self.cancel), ("retry", self.retry))
        ]
        return [*of_row, *super().get_urls()]

    @admin.display(description="state", ordering="status")
    def stands(self, execution: Execution) -> str:
        waits = execution.status == Status.WAITING and execution.waiting_for
        return f"waiting for: {waits}" if waits else execution.status

    def moves(self, execution: Execution) -> bool:
        return not execution.has_ended

    def marks(self, execution: Execution) -> Sequence[object]:
        """Of everything but its steps, and of each of them."""
        flags, now, found = _moving(execution)
        columns = ("status", "waiting_for", "resume_at", "token", "queued_at", "superseded_by", "redacted", "purged_at")
        last = execution.events.order_by("-pk").values_list("pk", flat=True).first()
        where = (now.done, now.place, now.models, now.since) if now else ()
        stands = [getattr(execution, name) for name in columns]
        return [(stands, last, where, _totals(execution), [(flag.pk, flag.state) for flag in flags]), *found.marks]

    def shown(self, request: HttpRequest, execution: Execution) -> dict[str, object]:
        return self.shown_since(request, execution, ())

    def shown_since(self, request: HttpRequest, execution: Execution, known: Container[str]) -> dict[str, object]:
        flags, now, found = _moving(execution)
        events = list(execution.events.order_by("pk")[: EVENTS + 1])
        designs = self.may(request, Role.DESIGNER, execution)
        words = in_words(execution)
        return {
            "version": execution.version,
            "words": words,
            "aloud": f"{words} {now.aloud}" if now else words,
            "now": now,
            "moving": now is not None,
            "input": kept(execution, execution.input),
            "output": kept(execution, execution.output) if execution.output is not None else "",
            "metadata": kept(execution, execution.metadata) if execution.metadata else "",
            "error": execution.error,
            "deleted": deleted(execution),
            "totals": _totals(execution),
            "cap": usd(execution.project.execution_cap),
            "took": _took(execution),
            "flags": flags,
            "places": places.filled(execution, found, known),
            "all_steps": found.whole,
            "limits": (places.ATTEMPTS, places.CALLS, EVENTS),
            "events": events[:EVENTS],
            "all_events": len(events) <= EVENTS,
            "report": getattr(execution, "report", None) if execution.purpose == Execution.Purpose.REPORTED else None,
            "feedback": [
                (said, pretty(said.output) if said.has_output else "") for said in execution.feedback.order_by("pk")
            ],
            "can_judge": execution.status == Status.COMPLETED and self.may(request, Role.REVIEWER, execution),
            "can_cancel": designs and control.can_be_cancelled(execution),
            "can_retry": designs and control.can_be_retried(execution),
            "can_try": designs and not execution.purged_at,
        }

    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        execution = self.found(request, object_id, Role.DESIGNER)

        def do() -> str:
            control.cancel(execution, actor(request))
            return "It is cancelled."

        said = ["A call that is on its way is finished, paid, recorded and not used. It cannot be taken up again."]
        said.append("What it called is cancelled with it.")
        refused = [] if control.can_be_cancelled(execution) else [f"It has ended: it is {execution.status}."]
        back = reverse("admin:executions_execution_change", args=[execution.pk])
        named = {"title": "Cancel this execution", "button": "Cancel it", "said": said}
        return self.confirmed(request, execution, do, back=back, refused=refused, **named)

    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        execution = self.found(request, object_id, Role.DESIGNER)

        def do() -> str:
            control.retry(execution, actor(request))
            return "It is in the queue again."

        said = ["It goes on behind its last checkpoint: what was answered is not asked, or paid, again."]
        only = "Only what failed, or waits for a provider, a limit or this service, can be set going again"
        refused = [] if control.can_be_retried(execution) else [f"{only}; it is {execution.status}."]
        back = reverse("admin:executions_execution_change", args=[execution.pk])
        named = {"title": "Set this execution going again", "button": "Set it going", "said": said}
        return self.confirmed(request, execution, do, back=back, refused=refused, **named)


def _totals(execution: Execution) -> dict[str, object]:
    """What all calls come to, its own and those of what it called, however many of them the page shows."""
    tokens = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    everything = {execution.pk, *calling.below([execution.pk])[execution.pk]}
    sums = Call.objects.filter(execution__in=everything).aggregate(
        calls=Count("pk"),
        unpriced=Count("pk", filter=Q(cost=None)),
        cost=Sum("cost"),
        **{name: Sum(name) for name in tokens},
    )
    cost = "unpriced" if sums["unpriced"] else usd(int(sums["cost"] or 0), simulated=execution.simulated)
    return {"calls": sums["calls"], "cost": cost, **{name: sums[name] or 0 for name in tokens}}


def _moving(execution: Execution) -> tuple[list[Flag], Progress | None, places.Outline]:
    """Its flags; how far it is, while it moves; and what there is of its steps, without their texts."""
    flags, rows = list(execution.flags.order_by("pk")[:FLAGS]), places.attempts_of(execution)
    now = None if execution.has_ended else progress.of(execution, rows)
    return flags, now, places.outline(execution, rows, flags, now)


def _took(execution: Execution) -> str | SafeString:
    """From being accepted to the end, or until now."""
    end = execution.finished_at
    if end is None and not execution.has_ended:
        return ticking((timezone.now() - execution.created_at).total_seconds())
    return f"{round((end - execution.created_at).total_seconds(), 1)} s" if end else "–"
