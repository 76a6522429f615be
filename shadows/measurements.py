"""What the shadows of a workflow measured, as plain values: what `analytics` puts a baseline together from."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from django.db.models import Q
from django.utils import timezone

from workflows.models import Baseline

from .models import Shadow, Subject, prompt_hash


class Measurement(NamedTuple):
    """A shadow that came to an answer. `cost`: pico-dollars of all its calls. `same` None: no grader compared it."""

    version: int
    flagged: bool
    day: date
    model: str
    cost: int
    same: bool | None


def measurements(
    workflow: int, subject: Subject, *, simulated: bool, since: date | None = None, until: date | None = None
) -> Iterator[Measurement]:
    """Of executions that completed from `since` to the day before `until` (UTC), in a fixed order: a bootstrap is seeded. Those of
    the task by the newest prompt alone: two prompts are two tasks, and a mean of both is of neither."""
    days = Q()
    if since:
        days &= Q(day__gte=since)
    if until:
        days &= Q(day__lt=until)
    rows = Shadow.objects.counted().filter(days, workflow=workflow, subject=subject, simulated=simulated)
    rows = rows.exclude(
        past__judged_right=False
    )  # who rejects an answer takes its execution out of those that completed
    if subject == Subject.TASK:
        rows = rows.filter(prompt_hash=prompt_hash(_newest_prompt(workflow)))
    yield from (Measurement(*row) for row in rows.order_by("day", "pk").values_list(*Measurement._fields))


def _newest_prompt(workflow: int) -> str:
    """That was ever in force; a baseline without one has shadows of the task no more, and those that there are stay."""
    stated = Baseline.objects.filter(workflow=workflow, valid_from__lte=timezone.now()).exclude(prompt="")
    return stated.order_by("-valid_from", "-pk").values_list("prompt", flat=True).first() or ""
