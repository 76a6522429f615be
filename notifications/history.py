"""Reads the history of executions, which is only ever added to, and makes a delivery of each event that somebody wants to be
told of: once for each endpoint, in the transaction that remembers how far was read.

A number up to which everything was read would lose what is committed late (see `gaps`). Whoever writes an event has changed or
locked its execution before, in the same transaction: so its transaction has a number before the event has one, and one that
began later than a gap was noticed has a greater one. When none as old as that is left, nobody will fill the gap. Which there are
the locks tell that each holds of itself until its rows are seen by others. (A snapshot would count those of other databases too,
and a nightly job next door would keep every gap open.) SQLite has one writer, who leaves no gaps.
"""

import time
from collections import defaultdict

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from executions.models import APART, Event, Execution, Flag

from . import gaps, messages
from .gaps import Gap
from .models import Cursor, Delivery, Endpoint
from .outbox import delivery

BATCH = 1_000  # events: of a second of hard work of several workers
MAX_GAPS = 1_000  # more of them, and they are waited for
SECONDS = 0.5
TRANSACTIONS = """
    SELECT own, own - max(age(held.transactionid)) + age(own::text::xid) FROM pg_locks AS held
    LEFT JOIN pg_stat_activity AS holder USING (pid), CAST(pg_current_xact_id()::text AS bigint) AS own
    WHERE held.locktype = 'transactionid' AND held.mode = 'ExclusiveLock' AND held.granted
    AND (holder.pid IS NULL OR holder.datname = current_database()) GROUP BY own
"""


def collect(seconds: float = SECONDS) -> int:
    """Reads what is new, for about so long at most; how many deliveries it made. One reads, others leave at once."""
    until, made = time.monotonic() + seconds, 0
    while _is_more():
        read, new = _collect_batch()
        made += new
        if read < BATCH or time.monotonic() > until:
            break
    return made


def _is_more() -> bool:
    """Asked outside of a transaction: of an embedded database one is the only writer's."""
    cursor = Cursor.objects.filter(position__isnull=False).first()
    return cursor is not None and (bool(cursor.gaps) or Event.objects.filter(pk__gt=cursor.position).exists())


@transaction.atomic
def _collect_batch() -> tuple[int, int]:
    cursor = Cursor.held()
    if cursor is None:
        return 0, 0
    endpoints = list(Endpoint.objects.listening())
    if not endpoints:
        cursor.position, cursor.gaps = None, []
        cursor.save(update_fields=["position", "gaps"])
        return 0, 0
    events = _look(cursor)
    deliveries = _deliveries(events, endpoints)
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    cursor.save(update_fields=["position", "gaps"])
    return len(events), len(deliveries)


def _look(cursor: Cursor) -> list[Event]:
    """What was not read yet, and the cursor behind it."""
    open_gaps = [Gap(*gap) for gap in cursor.gaps]
    # Before the look: who ended before it is seen by it.
    own, oldest = _transactions() if open_gaps else (0, 0)
    late = list(Event.objects.filter(_within(open_gaps))) if open_gaps else []
    open_gaps = gaps.still_open(open_gaps, [event.pk for event in late], own, oldest)
    new = []
    if len(open_gaps) < MAX_GAPS:
        new = list(Event.objects.filter(pk__gt=cursor.position).order_by("pk")[:BATCH])
        if connection.vendor == "postgresql":
            open_gaps += gaps.between(cursor.position, [event.pk for event in new])
        cursor.position = new[-1].pk if new else cursor.position
    cursor.gaps = [[gap.first, gap.last, gap.bound] for gap in open_gaps]
    return [*late, *new]


def _transactions() -> tuple[int, int]:
    """Our own number, and the oldest of those that run in this database."""
    if connection.vendor != "postgresql":
        return 0, 0
    with connection.cursor() as cursor:
        cursor.execute(TRANSACTIONS)
        return cursor.fetchone()


def _within(open_gaps: list[Gap]) -> Q:
    found = Q()
    for gap in open_gaps:
        found |= Q(pk=gap.first) if gap.first == gap.last else Q(pk__range=(gap.first, gap.last))
    return found


def _deliveries(events: list[Event], endpoints: list[Endpoint]) -> list[Delivery]:
    by_project: dict[int, list[Endpoint]] = defaultdict(list)
    for endpoint in endpoints:
        by_project[endpoint.project_id].append(endpoint)
    events = [event for event in events if messages.type_of(event)]
    executions = _executions({event.execution_id for event in events}, by_project)
    flags = _flags([event.execution_id for event in events if messages.tells_of_a_flag(event)])
    now, found = timezone.now(), []
    for event in events:
        execution = executions.get(event.execution_id)
        wanted = (
            [each for each in by_project[execution.project_id] if _wants(each, event, execution)] if execution else []
        )
        if wanted and (body := messages.of_event(event, execution, flags.get(event.execution_id, []))):
            found += [delivery(each, messages.type_of(event), body, now, event.pk) for each in wanted]
    return found


def _wants(endpoint: Endpoint, event: Event, execution: Execution) -> bool:
    return event.pk > endpoint.after and endpoint.wants(messages.type_of(event), execution.workflow_id)


def _executions(ids: set, projects: dict[int, list[Endpoint]]) -> dict:
    """Without their texts: none of them is told. What an evaluation or a shadow executes concerns nobody but its own page."""
    mine = Execution.objects.filter(pk__in=ids, project__in=list(projects))
    found = mine.exclude(purpose__in=APART).select_related("workflow", "version")
    fields = ("project", "status", "waiting_for", "resume_at", "purpose", "simulated", "resolved_by", "superseded_by")
    return found.only(*fields, "workflow__name", "version__number").in_bulk() if ids else {}


def _flags(ids: list) -> dict[object, list[Flag]]:
    """The newest first."""
    found: dict[object, list[Flag]] = defaultdict(list)
    for flag in Flag.objects.filter(execution__in=ids).order_by("-pk") if ids else ():
        found[flag.execution_id].append(flag)
    return found
