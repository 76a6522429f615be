"""What designs have cost so far, by the ledger and with what was corrected since. In pico-dollars."""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from gateway.models import Call
from wire import among  # noqa: F401 - the lookup that `rows_of` uses

from .models import Design, Round


def spent(design: Design) -> int:
    return spent_by([design])[design.pk]


def spent_by(designs: Iterable[Design]) -> dict[UUID, int]:
    """Of each, in two statements for all of them."""
    found = {design.pk: 0 for design in designs}
    of_call = calls_of(list(found))
    for pk, corrected, cost in rows_of(of_call).values_list("pk", "corrects", "cost"):
        found[of_call[corrected or pk]] += cost or 0
    return found


def unpriced_of(designs: Iterable[Design]) -> set[UUID]:
    """Those with a call of which nobody knows what it cost."""
    of_call = calls_of([design.pk for design in designs])
    unpriced = Call.objects.filter(pk__among=of_call, cost=None).exclude(
        Exists(Call.objects.filter(corrects=OuterRef("pk")))
    )
    return {of_call[pk] for pk in unpriced.values_list("pk", flat=True)}


def calls_of(designs: Collection[UUID] | QuerySet[Design]) -> dict[UUID, UUID]:
    """Each call that was made for them → whose it is."""
    rounds = Round.objects.filter(design__in=designs).values_list("design", "calls")
    return {UUID(pk): design for design, calls in rounds for pk in calls}


def rows_of(calls: Collection[UUID]) -> QuerySet[Call]:
    """These rows of the ledger, and those that correct them."""
    return Call.objects.filter(Q(pk__among=calls) | Q(corrects__pk__among=calls))
