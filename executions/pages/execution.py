"""The page of an execution: how it stands, what came and went, each step with its attempts and calls, and what happened."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib import admin
from django.db import models
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse

from gateway.models import Call
from projects.admin import OwnFilter, pretty, usd
from projects.audited import actor
from projects.lists import Bounded
from projects.models import Role
from projects.pages import ById, ReadableAdmin
from projects.roles import projects_of
from wire.money import to_usd, usd_text

from .. import calling, control
from ..feedback_admin import FeedbackPage
from ..models import STANDING, Execution, Flag, Status, StepResult
from .stands import AnsweredFilter, StandsFilter, TrialFilter, in_words
from .texts import deleted, kept

ATTEMPTS, CALLS, EVENTS, FLAGS = 200, 50, 200, 100  # of one execution on its page
LONGEST = 20_000  # characters of a text; the ledger's page has the whole
NOT_KEPT = "Not there: it was never kept, or it was deleted, as its project says."


@dataclass
class CallShown:
    """A call with its texts: `asked` are labelled."""

    row: Call
    cost: str
    prices: str
    asked: list[tuple[str, str]]
    answered: str


@dataclass
class Place:
    """A step, or one item of its list: every attempt and every call, oldest first."""

    step: str
    iteration: int | None
    number: int | str = "–"
    attempts: list[tuple[StepResult, object]] = field(default_factory=list)
    calls: list[CallShown] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)

    @property
    def last(self) -> StepResult | None:
        return self.attempts[-1][0] if self.attempts else None

    @property
    def cost(self) -> str:
        costs = [call.row.cost for call in self.calls]
        if not costs:
            return ""
        return "unpriced" if None in costs else f"{usd_text(to_usd(sum(costs)))} USD"


class ExecutionAdmin(FeedbackPage, ById, ReadableAdmin):
    of_project = "project"
    page = "admin/executions/execution/page.html"
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

    def shown(self, request: HttpRequest, execution: Execution) -> dict[str, object]:
        flags = list(execution.flags.order_by("pk")[:FLAGS])
        places, all_steps = _places(execution, flags)
        events = list(execution.events.order_by("pk")[: EVENTS + 1])
        designs = self.may(request, Role.DESIGNER, execution)
        return {
            "version": execution.version,
            "words": in_words(execution),
            "moving": execution.status not in STANDING,
            "input": kept(execution, execution.input),
            "output": kept(execution, execution.output) if execution.output is not None else "",
            "metadata": kept(execution, execution.metadata) if execution.metadata else "",
            "error": execution.error,
            "deleted": deleted(execution),
            "totals": _totals(execution),
            "seconds": _seconds(execution),
            "flags": flags,
            "places": places,
            "all_steps": all_steps,
            "limits": (ATTEMPTS, CALLS, EVENTS),
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


def _seconds(execution: Execution) -> float | None:
    """From being accepted to the end."""
    end = execution.finished_at
    return round((end - execution.created_at).total_seconds(), 1) if end else None


def _places(execution: Execution, flags: Iterable[Flag]) -> tuple[list[Place], bool]:
    """In the order in which they were come to, and whether these are all."""
    numbers = {step["id"]: number for number, step in enumerate(execution.version.definition["steps"], 1)}
    places: dict[tuple, Place] = {}

    def at(step: str, iteration: int | None) -> Place:
        return places.setdefault((step, iteration), Place(step, iteration, numbers.get(step, "–")))

    rows = list(execution.steps.order_by("pk")[: ATTEMPTS + 1])
    for row in rows[:ATTEMPTS]:
        answer = deleted(execution) or (pretty(row.output) if row.has_output else "")
        at(row.step, row.iteration).attempts.append((row, answer))
    calls = Call.objects.filter(execution=execution.pk).select_related("payload").order_by("intended_at", "pk")
    found = list(calls[: CALLS + 1])
    for call in found[:CALLS]:
        at(call.step, call.iteration).calls.append(_call(call))
    for flag in flags:
        if flag.step:
            at(flag.step, flag.iteration).flags.append(flag)
    return list(places.values()), len(rows) <= ATTEMPTS and len(found) <= CALLS


def _call(call: Call) -> CallShown:
    payload = getattr(call, "payload", None)
    asked = payload.request if payload and isinstance(payload.request, dict) else {}
    system, user = asked.get("system"), asked.get("user")
    texts = [
        ("Instructions", "\n\n".join(map(str, system))) if isinstance(system, list) else ("", ""),
        ("Prompt", user or ""),
    ]
    return CallShown(
        row=call,
        cost="unpriced" if call.cost is None else usd(call.cost, simulated=call.simulated),
        prices=_prices(call),
        asked=[(label, _short(str(text))) for label, text in texts if text],
        answered=_short(payload.response) if payload and payload.response else NOT_KEPT,
    )


def _prices(call: Call) -> str:
    if call.price_input is None:
        return "no price is known"
    kinds = {"input": call.price_input, "output": call.price_output, "read from the cache": call.price_cache_read}
    named = ", ".join(f"{kind} {usd_text(to_usd(price))}" for kind, price in kinds.items() if price is not None)
    return f"USD per million tokens: {named} ({call.price_source} {call.price_version})"


def _short(text: str) -> str:
    more = len(text) - LONGEST
    return f"{text[:LONGEST]}\n… {more} more characters: see the call in the ledger." if more > 0 else text
