"""The page on which one sees whether a workflow learns: a table for each figure of `learning`."""

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone

from designs.pages.workflow import DesignedWorkflowAdmin
from evaluations.pages.escalation import DaysForm

from ..costs import is_simulated
from ..extent import Extent
from ..learning.figures import Learning, learned
from . import learning_told as told

MOST_GROUPS = 20


class LearningPage(DesignedWorkflowAdmin):
    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.learning)
        return [path("<path:object_id>/learning/", view, name="workflows_workflow_learning"), *super().get_urls()]

    def learning(self, request: HttpRequest, object_id: str) -> HttpResponse:
        workflow = self.found(request, object_id)
        form = DaysForm(request.GET)
        shown = {"form": form, "back": reverse("admin:workflows_workflow_change", args=[workflow.pk])}
        if form.is_valid():
            asked, simulated = form.cleaned_data, form.kind
            if simulated is None:
                simulated = is_simulated(workflow.project, workflow)
            extent = Extent(workflow.project, workflow, simulated, asked["since"], asked["until"])
            shown |= _shown(learned(extent))
        return self.rendered(
            request, "admin/analytics/learning.html", workflow, f"Does {workflow.name} learn?", **shown
        )


def _shown(found: Learning) -> dict[str, object]:
    costs, times = found.designing, found.time_to_fix
    several = [(costs.design, "design"), (costs.redesign, "redesign")]
    return {
        "learning": found,
        "versions": [(one, told.rate(one)) for one in found.versions],
        "change": told.change(len(found.versions), found.comparison),
        "costs": [(f"{word}s", one, told.total(one), told.per_completed(one, word)) for one, word in several],
        "costs_said": f"{told.share(costs)} {told.declared(costs)}".strip(),
        "recurrence": told.recurrence(found.closed, found.recurred),
        "groups": found.recurred[:MOST_GROUPS],
        "fixing": told.fixing(times),
        "waiting": told.waiting(times, timezone.now()),
    }
