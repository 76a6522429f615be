"""What shadows cost, by the ledger and with what was corrected since. In pico-dollars."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db.models import Q, Sum
from django.utils import timezone

from evaluations import judging
from gateway.models import Call
from gateway.types import Purpose

from .models import Shadow


def spent(workflow: int, simulated: bool) -> int:
    """By the calls of shadows that finished in this month (UTC)."""
    calls = Call.objects.filter(workflow=workflow, purpose=Purpose.SHADOW.value, finished_at__gte=begins())
    return calls.filter(simulated=simulated).aggregate(sum=Sum("cost"))["sum"] or 0


def begins() -> datetime:
    """Of this month."""
    return timezone.now().astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def cost_of(shadow: Shadow) -> int | None:
    """Of all its calls. None: a model has no price."""
    if shadow.execution_id:
        found = judging.cost_of(shadow.execution_id)
        return found.pico if found.known else None
    return _sum(shadow.calls)


def _sum(calls: Sequence[str]) -> int | None:
    """What had no price and was corrected has one."""
    rows = list(Call.objects.filter(Q(pk__in=calls) | Q(corrects__in=calls)).values_list("pk", "corrects", "cost"))
    corrected = {corrects for _, corrects, _ in rows}
    if any(cost is None and pk not in corrected for pk, _, cost in rows):
        return None
    return sum(cost or 0 for _, _, cost in rows)
