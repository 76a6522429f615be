"""What the engine tells in numbers: of the work that is not finished, and of what went wrong since the beginning. Ids and
counts alone. Each query reads an index that holds nothing else, however long the history is."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Max, Min, Sum
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from gateway.models import Call
from gateway.types import Outcome
from projects.models import IdempotencyKey
from wire.money import to_usd

from .effects import CALLED
from .models import UNFINISHED, Event, Execution, Flag, Status, Worker

PREFIX = "workflow_memory_"


def work() -> Iterator[Metric]:
    """How it stands now."""
    yield InfoMetricFamily(f"{PREFIX}build", "The version that answers.", value=_build())
    rows = Execution.objects.filter(status__in=UNFINISHED).values_list("status", "waiting_for", "worker")
    found = list(rows.annotate(n=Count("*"), since=Min("queued_at")).order_by())
    by_status = Counter({(status.value, ""): 0 for status in UNFINISHED})
    for status, waiting_for, _, count, _ in found:
        by_status[status, waiting_for] += count
    # What agents escalated is no work of ours; taken away here, because the index of the query above does not know it.
    by_status[Status.ESCALATED, ""] -= Execution.objects.reported().filter(status=Status.ESCALATED).count()
    yield _gauge("executions", "Executions that are not finished.", by_status, "status", "waiting_for")
    queued = [since for status, _, _, _, since in found if status == Status.QUEUED]
    yield _age("oldest_queued_seconds", "How long the oldest queued execution waits.", min(queued, default=None))
    yield from _workers({worker: count for status, _, worker, count, _ in found if status == Status.RUNNING})
    yield from _flags()
    yield from _idempotency_keys()


def history() -> Iterator[Metric]:
    """What was counted since the beginning. The rows behind it are only ever added to, and so is what they come to."""
    with_code = Event.objects.exclude(code="").values_list("kind", "after", "code")
    events = list(with_code.annotate(n=Count("*")).order_by())
    takeovers = Counter(died=0, dropped=0, given_back=0)
    deferrals, failures = Counter(provider=0, rate=0, service=0, budget=0), Counter(poisoned=0)
    for kind, after, code, count in events:
        if code in (CALLED, "review", "workflow"):
            continue  # nothing was put off: people or other executions are waited for
        counted = takeovers if kind == "take-over" else failures if after == Status.FAILED else deferrals
        counted[code] += count
    said = "Executions that were taken over: their worker died, gave them back, or dropped them and lives."
    yield _counter("takeovers", said, takeovers, "cause")
    yield _counter("deferrals", "Times that an execution was put off, by what it waited for.", deferrals, "waiting_for")
    yield _counter("failures", "Executions that failed, by the code of their error.", failures, "code")
    yield from _doubts()


def _build() -> dict[str, str]:
    broker = settings.BROKER_URL.partition(":")[0] or "embedded"
    return {"version": settings.VERSION, "database": connection.vendor, "broker": broker}


def _workers(in_flight: dict[Any, int]) -> Iterator[Metric]:
    alive = {worker.pk: worker for worker in Worker.objects.alive()}
    yield GaugeMetricFamily(f"{PREFIX}workers", "Workers whose lease holds.", value=len(alive))
    # By its id alone: its name tells host and process, and everybody may read this.
    held = {(str(key),): in_flight.get(key, 0) for key in alive}
    room = {(str(key),): worker.room for key, worker in alive.items()}
    yield _gauge("worker_in_flight", "Executions that a worker has in its hands.", held, "id")
    yield _gauge("worker_room", "Executions that it has in its hands at most (IN_FLIGHT).", room, "id")


def _flags() -> Iterator[Metric]:
    waiting = Flag.objects.filter(state=Flag.State.OPEN, waiting=True).values_list("reason")
    rows = list(waiting.annotate(n=Count("*"), since=Min("created_at")).order_by())
    yield _gauge("flags_waiting", "Flags that wait for a person.", {(r,): n for r, n, _ in rows}, "reason")
    oldest = min((since for _, _, since in rows), default=None)
    yield _age("oldest_flag_seconds", "How long the oldest of them waits.", oldest)


def _idempotency_keys() -> Iterator[Metric]:
    """Counting them would read them all; between the first id and the last there are as many, or a few less."""
    first, last, oldest = IdempotencyKey.objects.aggregate(
        first=Min("pk"), last=Max("pk"), oldest=Min("created_at")
    ).values()
    kept = 0 if first is None else last - first + 1
    yield GaugeMetricFamily(f"{PREFIX}idempotency_keys", "Idempotency keys that are kept, at most.", value=kept)
    yield _age("oldest_idempotency_key_seconds", "How old the oldest of them is.", oldest)


def _doubts() -> Iterator[Metric]:
    doubted = Call.objects.filter(outcome=Outcome.IN_DOUBT.value).values_list("simulated")
    rows = list(doubted.annotate(n=Count("*"), usd=Sum("cost")).order_by())
    calls = {"false": 0, "true": 0} | {str(simulated).lower(): n for simulated, n, _ in rows}
    yield _counter("calls_in_doubt", "Calls whose worker died before their answer was recorded.", calls, "simulated")
    usd = dict.fromkeys(calls, 0) | {str(simulated).lower(): to_usd(cost or 0) for simulated, _, cost in rows}
    yield _counter("calls_in_doubt_usd", "What these can have cost at most, in USD.", usd, "simulated")


def _gauge(name: str, said: str, values: dict[tuple, int], *labels: str) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}{name}", said, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _counter(name: str, said: str, values: dict[str, Any], label: str) -> Metric:
    family = CounterMetricFamily(f"{PREFIX}{name}", said, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _age(name: str, said: str, since: datetime | None) -> Metric:
    seconds = max(0.0, (timezone.now() - since).total_seconds()) if since else 0.0
    return GaugeMetricFamily(f"{PREFIX}{name}", said, value=seconds)
