"""What shadows cost, by the ledger. In pico-dollars."""

from datetime import UTC, datetime

from django.db.models import Q, Sum
from django.utils import timezone

from executions import calling
from gateway import pricing
from gateway.models import Call
from gateway.types import Outcome, Purpose

from .models import Shadow

IN_DOUBT = Q(cost_state=Call.CostState.UPPER_BOUND) | Q(outcome=Outcome.IN_DOUBT.value) | Q(corrects__isnull=False)


def spent(workflow: int, simulated: bool) -> int:
    """By the calls of shadows that finished in this month (UTC), those in doubt at their upper bound."""
    calls = Call.objects.filter(workflow=workflow, purpose=Purpose.SHADOW.value, finished_at__gte=begins())
    return calls.filter(simulated=simulated).aggregate(sum=Sum("cost"))["sum"] or 0


def is_priced(project: int, model: str) -> bool:
    """Whether a budget could hold for `provider:model`."""
    price = pricing.price(project, model, timezone.now(), 0)
    return price is not None and price.input is not None and price.output is not None


def begins() -> datetime:
    """Of this month."""
    return timezone.now().astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def cost_of(shadow: Shadow) -> int | None:
    """Of its calls, of either subject. None: a model has no price. Without those in doubt and what corrects them: it is what doing
    the task costs, and a doubt, at its upper bound, is no part of that."""
    if shadow.execution_id:
        below = calling.below([shadow.execution_id])[shadow.execution_id]
        calls = Call.objects.filter(execution__in=[shadow.execution_id, *below])
    else:
        calls = Call.objects.filter(pk__in=shadow.calls)
    costs = list(calls.exclude(IN_DOUBT).values_list("cost", flat=True))
    return None if None in costs else sum(costs)
