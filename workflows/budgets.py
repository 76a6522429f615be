"""Budgets: what a call may cost is reserved together with its intent, and settled with its row in the ledger, so many calls
at once spend no more than one after the other would."""

import random
from collections.abc import Collection, Iterable
from datetime import datetime
from math import inf

from django.db import transaction
from django.db.models import BigIntegerField, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone

from gateway.models import Intent
from projects import audit
from projects.audit import Verb
from projects.models import Project
from projects.remembered import PerProject
from wire.money import to_usd, usd_text

from .models import Budget, Reservation, Spent, Workflow

_stated = PerProject(lambda project: list(Budget.objects.filter(project=project).select_related("workflow")))


class OverBudget(Exception):
    """A call does not fit. `seconds`: after them it may; None: not before a person raises the budget. `passing`: only what is
    reserved for calls in flight is in the way, and they give back what they do not need."""

    def __init__(self, sentence: str, seconds: float | None, passing: bool = False) -> None:
        super().__init__(sentence)
        self.seconds, self.passing = seconds, passing


@transaction.atomic
def state(project: Project, workflow: Workflow | None, period: str, cap: int, by: str) -> tuple[Budget, bool]:
    """The budget of this workflow (None: of the project) and period, with this cap in pico-dollars; whether it is new."""
    of = {"project": project, "workflow": workflow, "period": period}
    before = Budget.objects.select_for_update().filter(**of).values_list("cap", flat=True).first()
    budget, made = Budget.objects.update_or_create(**of, defaults={"cap": cap, "stated_by": by})
    caps = {"before": None if before is None else usd_text(to_usd(before)), "after": usd_text(to_usd(cap))}
    audit.record(project.pk, by, Verb.CREATED if made else Verb.CHANGED, budget, changes={"cap": caps})
    return budget, made


@transaction.atomic
def take_away(budget: Budget, by: str) -> None:
    """What it had parked goes on."""
    audit.record(budget.project_id, by, Verb.DELETED, budget, cap=usd_text(to_usd(budget.cap)))
    budget.delete()


def limiting(project_id: int, workflow_id: int) -> list[Budget]:
    """The budgets that a call for this workflow has to fit into."""
    return [budget for budget in _stated.of(project_id) if budget.workflow_id in (None, workflow_id)]


def reserve(budgets: Iterable[Budget], intent: Intent) -> None:
    """Reserves the intent's upper bound in each of them, or in none: raises `OverBudget`, of the one that has room last. Belongs
    into the transaction that writes the intent, or what else becomes of it: until its end nobody changes these budgets. A model
    without a price has no upper bound, so no budget can hold it."""
    bound, now = intent.upper_bound, timezone.now()
    if bound is None:
        return
    keys = [budget.pk for budget in budgets]
    locked = list(Budget.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk"))
    stands = [(budget, *used(budget, intent.simulated, now)) for budget in locked]
    if full := [_over(*each, bound, now) for each in stands if sum(each[1:]) + bound > each[0].cap]:
        raise max(full, key=lambda over: inf if over.seconds is None else over.seconds)
    Reservation.objects.bulk_create(
        Reservation(budget=budget, intent=intent.pk, simulated=intent.simulated, amount=bound) for budget in locked
    )


def room(budgets: Iterable[Budget], intent: Intent) -> int | None:
    """How many more calls like this one fit into all of them by now. None where waiting for room is of no use: none of them is
    there any more, or one is spent, which each call has to find out and to be parked for."""
    bound, rooms = intent.upper_bound, []
    for budget in Budget.objects.filter(pk__in=[budget.pk for budget in budgets]):
        spent, reserved = used(budget, intent.simulated, timezone.now())
        if spent + bound > budget.cap:
            return None
        rooms.append(max(0, budget.cap - spent - reserved) // max(1, bound))
    return min(rooms, default=None)


def used(budget: Budget, simulated: bool, moment: datetime) -> tuple[int, int]:
    """What is spent in the period of this moment, and what is reserved; in pico-dollars. Both are read in one statement:
    between two, a call could be settled, and be in neither."""
    spent = Spent.objects.filter(budget=OuterRef("pk"), begins=budget.begins(moment), simulated=simulated)
    reserved = Reservation.objects.filter(budget=OuterRef("pk"), simulated=simulated).values("budget")
    sums = Budget.objects.filter(pk=budget.pk).values_list(
        Coalesce(Subquery(spent.values("amount")), 0),
        Coalesce(Subquery(reserved.annotate(sum=Sum("amount")).values("sum"), output_field=BigIntegerField()), 0),
    )
    return sums.first() or (0, 0)


def used_of_all(budgets: Collection[Budget], moment: datetime) -> dict[tuple[int, bool], tuple[int, int]]:
    """What is spent and reserved of each, by its id and whether it is simulated: two queries for any number of them, to be
    shown. Between the two a call may be settled, so nothing is decided by it."""
    keys, begins = [budget.pk for budget in budgets], {budget.pk: budget.begins(moment) for budget in budgets}
    spent = Spent.objects.filter(budget__in=keys, begins__in=set(begins.values()))
    amounts = {(row.budget_id, row.simulated): row.amount for row in spent if row.begins == begins[row.budget_id]}
    held = Reservation.objects.filter(budget__in=keys).values_list("budget", "simulated").annotate(Sum("amount"))
    reserved = {(budget, simulated): int(sum) for budget, simulated, sum in held.order_by()}
    kinds = ((key, simulated) for key in keys for simulated in (True, False))
    return {kind: (amounts.get(kind, 0), reserved.get(kind, 0)) for kind in kinds}


def _over(budget: Budget, spent: int, reserved: int, bound: int, now: datetime) -> OverBudget:
    def said(amount: int) -> str:
        return f"{usd_text(to_usd(amount))} USD"

    sentence = (
        f"{str(budget).capitalize()} is {said(budget.cap)}: {said(spent)} are spent, {said(reserved)} are reserved"
    )
    sentence += f" for calls in flight, and the next call could cost {said(bound)}."
    if spent + bound <= budget.cap:
        return OverBudget(sentence, random.uniform(2, 6), passing=True)
    ends = budget.ends(now)
    return OverBudget(sentence, (ends - now).total_seconds() + random.uniform(0, 5) if ends else None)


@receiver([post_save, post_delete], sender=Budget)
def _forget(instance: Budget, **kwargs: object) -> None:
    _stated.forget(instance.project_id)
