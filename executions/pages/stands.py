"""How an execution stands, in words, and the lists of those that stand alike: what a person looks for, and an index finds."""

from datetime import timedelta

from django.contrib import admin
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from ..models import Execution, Status

# What a waiting execution waits for, and what ends the wait where no time is known.
WAITS = {
    "review": ("the answer of a person whom the design asks", "until somebody answers"),
    "budget": ("room in a budget: its next call does not fit", "until a person raises the budget"),
    "provider": ("a provider that does not answer", "until it is tried again"),
    "rate": ("room below a limit of calls or tokens", "until it is tried again"),
    "service": ("this service, which was too busy", "until it is tried again"),
    "workflow": ("executions of other workflows that its steps are", "until they have ended"),
}
LATELY = timedelta(days=1)
REPORTED = Q(purpose=Execution.Purpose.REPORTED)
STANDS = {
    "queued": "queued",
    "running": "running",
    "review": "waits for a review",
    "budget": "waits for a budget",
    "provider": "waits for a provider",
    "rate": "waits for a limit",
    "service": "waits for this service",
    "workflow": "waits for what it called",
    "escalated": "escalated: waits for a person",
    "completed": "completed",
    "failed": "failed",
    "failed_lately": "failed in the last 24 hours",
    "cancelled": "cancelled",
}


def condition(stands: str) -> Q:
    """Of the executions that stand so, by a word of `STANDS`. What was reported ran elsewhere: nobody can do anything for it."""
    if stands in WAITS:
        return Q(status=Status.WAITING, waiting_for=stands)
    if stands == "failed_lately":
        return Q(status=Status.FAILED, finished_at__gte=timezone.now() - LATELY) & ~REPORTED
    return Q(status=stands) & ~REPORTED if stands == "escalated" else Q(status=stands)


def in_words(execution: Execution) -> str:
    """A sentence or two that somebody can act on who knows nothing of queues."""
    if execution.purpose == Execution.Purpose.REPORTED:
        return "An agent executed it elsewhere and reported it."
    if execution.status == Status.WAITING:
        return _waiting(execution)
    if execution.superseded_by:
        return "It was run again, as another execution, on the version that closed its flag; this one was cancelled."
    return {
        Status.QUEUED: "It waits in the queue for a worker.",
        Status.RUNNING: "A worker is executing it.",
        Status.ESCALATED: "It stands still until a person resolves its flag, or that of an execution that it called.",
        Status.COMPLETED: f"It is done. The answer came from {_resolver(execution.resolved_by)}.",
        Status.FAILED: "It failed, and can be set going again: it goes on behind its last checkpoint.",
        Status.CANCELLED: "It was cancelled.",
    }[execution.status]


def _waiting(execution: Execution) -> str:
    what, otherwise = WAITS.get(
        execution.waiting_for, (execution.waiting_for or "something", "until it is tried again")
    )
    again = execution.resume_at
    if again is None:
        return f"It waits for {what}, {otherwise}."
    if execution.waiting_for == "review":
        return f"It waits for {what}, until {again:%Y-%m-%d %H:%M} UTC; then it goes on as the design says."
    return f"It waits for {what}. It goes on by itself at {again:%Y-%m-%d %H:%M:%S} UTC."


def _resolver(who: str) -> str:
    return {"workflow": "the workflow as it was designed", "frontier": "the frontier model", "human": "a person"}.get(
        who, "nobody"
    )


class StandsFilter(admin.SimpleListFilter):
    title, parameter_name = "state", "stands"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return list(STANDS.items())

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        return queryset.filter(condition(self.value())) if self.value() in STANDS else queryset


class AnsweredFilter(admin.SimpleListFilter):
    """By whom, where that was not the workflow: nearly all are its own, and those no index lists."""

    title, parameter_name = "answered by", "answered"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("frontier", "the frontier"), ("human", "a person")]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        return queryset.filter(resolved_by=self.value()) if self.value() in ("frontier", "human") else queryset


class TrialFilter(admin.SimpleListFilter):
    title, parameter_name = "purpose", "purpose"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(one.value, one.label.lower()) for one in Execution.Purpose]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        return queryset.filter(purpose=self.value()) if self.value() in Execution.Purpose else queryset
