"""This worker's share of the limits on providers: the limit divided by the workers alive. Every worker looks for itself, once
a second; nothing is agreed upon, and no call asks the database.

The oldest workers get what does not divide evenly. Where there are more workers than calls allowed, the younger ones get none,
and what they give back is taken by those that have some.
"""

from datetime import timedelta

from django.utils import timezone

from gateway import pressure
from gateway.models import Limit
from gateway.pressure import Share

from . import worker
from .models import Worker

ARRIVAL = timedelta(seconds=5)  # in which the others are sure to see that a worker has come


def refresh() -> None:
    limits = list(Limit.objects.all())
    rank, workers, arriving = _place() if limits else (0, 1, False)
    shares = {(each.provider, each.model): Share(0) if arriving else each.share(rank, workers) for each in limits}
    pressure.share_out(shares)


def _place() -> tuple[int, int, bool]:
    """Its rank among the workers, how many they are, and whether it has only just come: until the others know of it, it takes
    nothing, because its share is still theirs."""
    own = worker.current()
    alive = dict(Worker.objects.alive().order_by("pk").values_list("pk", "started_at"))
    came = alive.setdefault(own, timezone.now())
    return list(alive).index(own), len(alive), len(alive) > 1 and timezone.now() < came + ARRIVAL
