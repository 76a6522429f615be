"""What the shadows of a workflow show in sum: how many there are, how often they agree, what one costs. Of each subject apart, and
of simulated models apart from real ones: they are never put together."""

from collections import Counter, defaultdict
from datetime import date

from django.db.models import Avg, Count, Q, QuerySet, Sum

from evaluations.figures import share
from wire.money import pico_text
from workflows.models import Workflow

from . import measurements
from .models import Shadow

Status = Shadow.Status
Kind = tuple[str, bool]  # subject, and whether it is simulated


def of(workflow: Workflow) -> list[dict]:
    kinds = workflow.shadows.values_list("subject", "simulated").distinct().order_by("subject", "simulated")
    return [
        _of(workflow.shadows.filter(subject=subject, simulated=simulated), subject, simulated)
        for subject, simulated in kinds
    ]


def tally(workflow: Workflow, since: date | None = None, until: date | None = None) -> dict[Kind, Counter[str]]:
    """What became of those that were drawn, by their status: of executions that completed in these days (UTC)."""
    shadows = workflow.shadows.filter(Q(day__gte=since) if since else Q(), Q(day__lt=until) if until else Q())
    found: dict[Kind, Counter[str]] = defaultdict(Counter)
    rows = shadows.order_by().values_list("subject", "simulated", "status").annotate(count=Count("pk"))
    for subject, simulated, status, count in rows:
        found[subject, simulated][status] = count
    return found


def _of(shadows: QuerySet[Shadow], subject: str, simulated: bool) -> dict:
    """`agreement`: of those that completed and were compared. `mean_cost`: of those that completed and have a price."""
    counts = {f"{status}_": Count("pk", filter=Q(status=status)) for status in Status.values}
    compared = Q(status=Status.COMPLETED, same__isnull=False)
    found = shadows.aggregate(
        **counts,
        all=Count("pk"),
        compared=Count("pk", filter=compared),
        same=Count("pk", filter=compared & Q(same=True)),
        mean=Avg("cost", filter=Q(status=Status.COMPLETED)),
        sum=Sum("cost"),
    )
    ended = {status: found[f"{status}_"] for status in (Status.COMPLETED, Status.FAILED, Status.SKIPPED)}
    return {
        "subject": subject,
        "simulated": simulated,
        "drawn": found["all"],
        "to_come": found["all"] - sum(ended.values()),
        **{str(status): count for status, count in ended.items()},
        "agreement": share(found["same"], found["compared"]),
        "steps": {step: share(*counts) for step, counts in measurements.steps(_completed(shadows)).items()},
        "mean_cost": None if found["mean"] is None else pico_text(round(found["mean"])),
        "spent": pico_text(found["sum"] or 0),
    }


def _completed(shadows: QuerySet[Shadow]) -> QuerySet[Shadow]:
    return shadows.filter(status=Status.COMPLETED)
