"""What telling comes to in numbers: of deliveries that wait or failed, and of how endpoints do. Counts alone."""

from collections import Counter
from collections.abc import Iterator

from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric

from .models import Delivery, Endpoint, Kind

PREFIX = "workflow_memory_"
DOES = ("well", "failing", "disabled")


def telling() -> Iterator[Metric]:
    """Each query reads an index that holds nothing else, or the endpoints, which are few."""
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING).aggregate(n=Count("*"), due=Min("due_at"))
    failed = Delivery.objects.filter(state=Delivery.State.FAILED).count()
    said = "Deliveries that wait for their (next) try, or failed for good and are kept yet."
    family = GaugeMetricFamily(f"{PREFIX}deliveries", said, labels=["state"])
    family.add_metric(["waiting"], waiting["n"])
    family.add_metric(["failed"], failed)
    yield family
    late = max(0.0, (timezone.now() - waiting["due"]).total_seconds()) if waiting["due"] else 0.0
    said = "How long the delivery is due that should have been sent first."
    yield GaugeMetricFamily(f"{PREFIX}oldest_due_delivery_seconds", said, late)
    yield from _endpoints()


def _endpoints() -> Iterator[Metric]:
    found = Counter({(kind, does): 0 for kind in Kind.values for does in DOES})
    for kind, enabled, failing_since in Endpoint.objects.living().values_list("kind", "enabled", "failing_since"):
        found[kind, "disabled" if not enabled else "failing" if failing_since else "well"] += 1
    family = GaugeMetricFamily(f"{PREFIX}endpoints", "Endpoints, by how they do.", labels=["kind", "state"])
    for labels, count in found.items():
        family.add_metric(labels, count)
    yield family
