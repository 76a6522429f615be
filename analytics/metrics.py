"""What was spent, in numbers for a watcher: from the daily cells, so a few seconds behind, and cheap however long the ledger."""

from collections.abc import Iterator

from django.db.models import Sum
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from wire.money import to_usd

from .models import CallCell, Pending

PREFIX = "workflow_memory_"
LABELS = ("provider", "purpose", "outcome", "simulated")


def spend() -> Iterator[Metric]:
    """Calls and their cost since the beginning. A correction may lower the cost: it is a sum and no counter."""
    calls = CounterMetricFamily(f"{PREFIX}calls", "Calls to models, once they are folded.", labels=LABELS)
    cost = GaugeMetricFamily(f"{PREFIX}calls_usd", "What they cost, in USD.", labels=LABELS)
    for *labels, count, pico in _sums():
        key = [str(label).lower() for label in labels]
        calls.add_metric(key, count)
        cost.add_metric(key, to_usd(pico))
    yield calls
    yield cost
    first, last = Pending.objects.order_by("pk").first(), Pending.objects.order_by("-pk").first()
    waiting = last.pk - first.pk + 1 if first and last else 0
    yield GaugeMetricFamily(f"{PREFIX}pending_rows", "Rows that are not folded into the daily cells, at most.", waiting)


def _sums() -> list[tuple]:
    labels = CallCell.objects.values_list(*LABELS)
    return list(labels.annotate(n=Sum("calls"), cost_sum=Sum("cost")).order_by())
