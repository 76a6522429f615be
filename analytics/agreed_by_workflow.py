"""How often the shadows of each workflow of a project came to the same answer, in two queries: for pages that list them."""

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from shadows.models import Shadow, Subject, prompt_hash
from workflows.models import Baseline, Workflow

from .extent import Extent
from .shadowed import Share


def agreed_by_workflow(extent: Extent, subject: Subject | None = None) -> dict[int, Share]:
    """By workflow, of those that have shadows in these days: of this subject, or of what the baseline in force is about, and on its
    model. Those that a grader compared, as in `measuring.Measured`."""
    rows = list(_counts(extent))
    found = {}
    for workflow in _stated(extent, {row[0] for row in rows}) if rows else ():
        mine = subject or (Subject.TASK if workflow.prompt else Subject.WORKFLOW)
        model = workflow.stated or workflow.pinned or extent.project.tier_map().get("frontier")
        # Those of the task count by the newest prompt alone (see `shadows.measurements`).
        said = prompt_hash(workflow.newest_prompt or "") if mine == Subject.TASK else None
        counts = [
            Share(*counted)
            for of, about, on, asked, *counted in rows
            if (of, about, on) == (workflow.pk, mine, model) and said in (None, asked)
        ]
        if counts:
            found[workflow.pk] = Share(*map(sum, zip(*counts, strict=True)))
    return found


def _counts(extent: Extent) -> QuerySet:
    mine = {"workflow__in": extent.project.workflows.values("pk"), "simulated": extent.simulated}
    shadows = Shadow.objects.counted().filter(extent.days("day"), **mine).exclude(past__judged_right=False)
    return (
        shadows.order_by()
        .values_list("workflow", "subject", "model", "prompt_hash")
        .annotate(agreed=Count("pk", filter=Q(same=True)), compared=Count("same"))
    )


def _stated(extent: Extent, workflows: set[int]) -> QuerySet[Workflow]:
    """With what decides which shadows of theirs count."""
    in_force = Baseline.objects.filter(workflow=OuterRef("pk"), valid_from__lte=timezone.now())
    in_force = in_force.order_by("-valid_from", "-pk")
    models = in_force.exclude(model="").filter(extent.before_end("valid_from"))
    last = extent.completed().filter(workflow=OuterRef("pk")).order_by("-finished_at", "-pk")
    return extent.project.workflows.filter(pk__in=workflows).annotate(
        prompt=Subquery(in_force.values("prompt")[:1]),
        newest_prompt=Subquery(in_force.exclude(prompt="").values("prompt")[:1]),
        stated=Subquery(models.values("model")[:1]),
        pinned=Subquery(last.values("baseline_model")[:1]),
    )
