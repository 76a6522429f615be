"""How far an execution is while it moves: the step that it is at, what it asks there, and since when."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.safestring import SafeString

from gateway.models import Intent
from projects.live import ticking

from ..models import Execution, Status, StepResult

Place = tuple[str, int | None]  # a step's id, and which item of its list
HELD = (StepResult.Status.DONE, StepResult.Status.SKIPPED)
STANDS = (Status.QUEUED, Status.WAITING, Status.ESCALATED)


@dataclass(frozen=True)
class Progress:
    """`done` of the `total` steps of its version. `place`: where it is, None behind the last step; `number`: of that step.
    `models`: that were asked and have not answered. `since`: it asks, works there, or stands."""

    done: int
    total: int
    place: Place | None
    number: int
    kind: str
    models: Sequence[str]
    since: datetime
    stands: bool

    @property
    def ticks(self) -> SafeString:
        return ticking((timezone.now() - self.since).total_seconds())

    @property
    def aloud(self) -> str:
        """For those who hear it: once for each step, and never because time went by."""
        if self.place is None:
            return f"All {self.total} steps are done."
        step, iteration = self.place
        item = "" if iteration is None else f", item {iteration + 1} of its list"
        return f"Step {self.number} of {self.total}: {step}{item}."


def of(execution: Execution, rows: Collection[StepResult]) -> Progress:
    """`rows`: its attempts, of which only places, states and times are looked at."""
    steps = execution.version.definition["steps"]
    held = {row.step: row for row in rows if row.iteration is None and row.status in HELD}
    begun = [row for row in rows if row.status == StepResult.Status.STARTED]
    asked = list(_asked(execution)) if execution.status == Status.RUNNING else []
    stands = execution.status in STANDS
    to_come = ((step["id"], None) for step in steps if step["id"] not in held)
    place = next((one.place for one in begun), None) or next(to_come, None)
    place = next(((one.step, one.iteration) for one in asked if one.step), place)
    number = next((number for number, step in enumerate(steps, 1) if place and step["id"] == place[0]), 0)
    return Progress(
        done=len(held),
        total=len(steps),
        place=place,
        number=number,
        kind=steps[number - 1]["kind"] if number else "",
        models=[one.model_planned for one in asked],
        since=_since(execution, rows, [one.intended_at for one in asked] or [one.started_at for one in begun]),
        stands=stands,
    )


def _asked(execution: Execution) -> Collection[Intent]:
    return Intent.objects.filter(execution=execution.pk, calls=None).order_by("intended_at")[:20]


def _since(execution: Execution, rows: Collection[StepResult], began: Sequence[datetime]) -> datetime:
    if execution.status in STANDS:
        last = execution.events.order_by("-pk").values_list("at", flat=True).first()
        return last or execution.queued_at
    return min(
        began, default=max([row.finished_at for row in rows], default=execution.started_at or execution.created_at)
    )
