"""Where a person does what advice says a program does: the page for an address of the API."""

from django.urls import reverse

from workflows.models import Workflow

from ..asking import Asked

# The last word of an address below workflows/{name}/ → page, whose id it takes, and what its query is.
OF_WORKFLOW = {
    "shadow-plan": "shadows_plan_change",
    "redesigns": "workflows_workflow_redesign",
}
OF_LIVE = {
    "tier-searches": "workflows_version_search_tiers",
    "evaluations": "workflows_version_evaluate",
    "versions": "workflows_version_change",
}
LISTS = {
    "cases": ("evaluations_case_changelist", "workflow__id__exact"),
    "groups": ("designs_group_changelist", "workflow"),
}
ONES = {"evaluations": "evaluations_evaluation_change", "tier-searches": "evaluations_tiersearch_change"}


def place(about: Asked, address: str) -> str:
    """`POST workflows/refund/redesigns` → the page on which a redesign is begun. Empty where there is none. `about` is of the
    workflow."""
    path = address.partition(" ")[2].partition("?")[0].split("/")
    if path[0] == "executions":
        return about.to("executions", which="rejected")
    if path[0] in ONES:
        return reverse(f"admin:{ONES[path[0]]}", args=[path[1]])
    return _of_workflow(about, about.workflow, path[-1])


def _of_workflow(about: Asked, workflow: Workflow, word: str) -> str:
    if word == "costs":
        return about.to("workflow")
    if word == "shadows":
        return about.to("shadows")
    if word in OF_WORKFLOW:
        return reverse(f"admin:{OF_WORKFLOW[word]}", args=[workflow.pk])
    if word in OF_LIVE and workflow.live:
        return reverse(f"admin:{OF_LIVE[word]}", args=[workflow.live.version_id])
    if word in LISTS:
        page, column = LISTS[word]
        return f"{reverse(f'admin:{page}')}?{column}={workflow.pk}"
    return ""
