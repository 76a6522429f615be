"""What the shadows of a workflow measured, as plain values: what `analytics` puts a baseline together from."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from django.db.models import Q, QuerySet
from django.utils import timezone

from workflows.models import Baseline

from .models import Shadow, Subject, prompt_hash

NEWEST = 1_000  # whose steps are counted: each is a document to read


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
    """Those of `counted`, in a fixed order: a bootstrap is seeded."""
    rows = counted(workflow, subject, simulated=simulated, since=since, until=until).order_by("day", "pk")
    yield from (Measurement(*row) for row in rows.values_list(*Measurement._fields))


def counted(
    workflow: int, subject: Subject, *, simulated: bool, since: date | None = None, until: date | None = None
) -> QuerySet[Shadow]:
    """Of executions that completed from `since` to the day before `until` (UTC). Those of the task by the newest prompt alone: two
    prompts are two tasks, and a mean of both is of neither."""
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
    return rows


def steps(shadows: QuerySet[Shadow]) -> dict[str, tuple[int, int]]:
    """Step → how many were the same, and how many compared: of the newest `NEWEST`, by the steps' names."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for found in shadows.order_by("-pk").values_list("steps", flat=True)[:NEWEST]:
        for step, said in found.items():
            if said["same"] is not None:
                counts[step][0] += said["same"]
                counts[step][1] += 1
    return {step: (same, compared) for step, (same, compared) in sorted(counts.items())}


def _newest_prompt(workflow: int) -> str:
    """That was ever in force; a baseline without one has shadows of the task no more, and those that there are stay."""
    stated = Baseline.objects.filter(workflow=workflow, valid_from__lte=timezone.now()).exclude(prompt="")
    return stated.order_by("-valid_from", "-pk").values_list("prompt", flat=True).first() or ""
