"""What the shadows of a workflow show in sum: how many there are, how often they agree, what one costs. Of each subject apart, and
of simulated models apart from real ones: they are never put together."""

from collections import defaultdict
from collections.abc import Iterator

from django.db.models import Avg, Count, Q, QuerySet, Sum

from evaluations.figures import share
from wire.money import pico_text
from workflows.models import Workflow

from .models import Shadow

Status = Shadow.Status
NEWEST = 1_000  # of those that completed, whose steps are counted


def of(workflow: Workflow) -> list[dict]:
    kinds = workflow.shadows.values_list("subject", "simulated").distinct().order_by("subject", "simulated")
    return [
        _of(workflow.shadows.filter(subject=subject, simulated=simulated), subject, simulated)
        for subject, simulated in kinds
    ]


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
        "steps": dict(_steps(shadows)),
        "mean_cost": None if found["mean"] is None else pico_text(round(found["mean"])),
        "spent": pico_text(found["sum"] or 0),
    }


def _steps(shadows: QuerySet[Shadow]) -> Iterator[tuple[str, dict]]:
    """Of the newest of them: each is a document to read."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    newest = shadows.filter(status=Status.COMPLETED).order_by("-pk")
    for steps in newest.values_list("steps", flat=True)[:NEWEST]:
        for step, found in steps.items():
            if found["same"] is not None:
                counts[step][0] += found["same"]
                counts[step][1] += 1
    for step, (same, compared) in sorted(counts.items()):
        yield step, share(same, compared)
