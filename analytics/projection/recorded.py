"""The recorded executions that a what-if prices anew: a reproducible sample of those that completed, with their calls."""

from collections.abc import Collection, Iterator
from datetime import timedelta
from uuid import UUID

from django.db.models import CharField, Count, DateTimeField, Exists, ExpressionWrapper, OuterRef, QuerySet, Value
from django.db.models.functions import MD5, Cast, Replace

from gateway.models import Call
from gateway.types import ANSWERED, Purpose
from wire import among  # noqa: F401 - the lookup that `_calls` uses

from ..extent import Extent

EXECUTIONS = 1_000
CALLS = 50_000  # of all of them together; one execution may have thousands
COUNTED = [purpose.value for purpose in (Purpose.STEP, Purpose.REPAIR, Purpose.ESCALATION, Purpose.MATCH)]
CACHED_FOR = timedelta(minutes=5)  # since it was last read


def draw(window: Extent) -> list[UUID]:
    """By the hash of their ids, which is the same wherever the rows are kept: whoever doubts the sample draws it again."""
    text = Replace(Cast("pk", CharField()), Value("-"), Value(""))
    by_hash = window.completed().annotate(drawn=MD5(text)).order_by("drawn", "pk")
    drawn = list(by_hash.values_list("pk", flat=True)[:EXECUTIONS])
    counts = dict(_calls(window, drawn).order_by().values_list("execution").annotate(Count("pk")))
    return list(_within(drawn, counts))


def calls_of(window: Extent, executions: Collection[UUID], look_back: bool) -> QuerySet[Call]:
    """What these executions paid for. With `warm`: whether an answer to the same prefix had come from the same model in the five
    minutes before it was asked; looked for among all calls of the workflow where `look_back` says so."""
    calls = _calls(window, executions)
    if not look_back:
        return calls.annotate(warm=Value(False))
    since = ExpressionWrapper(OuterRef("intended_at") - CACHED_FOR, DateTimeField())
    same = {name: OuterRef(name) for name in ("provider", "model_planned", "prefix_hash")}
    earlier = window.ledger().filter(finished_at__gte=since, finished_at__lt=OuterRef("intended_at"), **same)
    earlier = earlier.filter(reported=False, outcome__in=[one.value for one in ANSWERED]).exclude(prefix_hash="")
    return calls.annotate(warm=Exists(earlier))


def _calls(window: Extent, executions: Collection[UUID]) -> QuerySet[Call]:
    return window.ledger().filter(execution__among=executions, reported=False, purpose__in=COUNTED)


def _within(drawn: list[UUID], counts: dict[UUID, int]) -> Iterator[UUID]:
    """As many, in their order, as have no more than `CALLS`; one at least."""
    so_far = 0
    for number, execution in enumerate(drawn):
        so_far += counts.get(execution, 0)
        if number and so_far > CALLS:
            return
        yield execution
