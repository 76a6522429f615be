"""What analytics adds to the pages below it: the figures of a workflow stand on its page."""

from datetime import timedelta

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from executions.models import Flag
from workflows.models import Workflow

from .costs import is_simulated, summarise
from .extent import Extent
from .pages.learning import LearningPage
from .pages.saying import said
from .pages.usage_import import UsageImportAdmin
from .savings import ratio
from .usage.models import UsageImport

DAYS = 30
MOST = 1_000  # flags that are counted


class CountedWorkflowAdmin(LearningPage):
    """The page of a workflow, with what it did, cost and saved lately: that takes the reports, of which nothing below
    knows."""

    page = "admin/workflows/workflow/counted.html"

    def shown(self, request: HttpRequest, workflow: Workflow) -> dict[str, object]:
        since = timezone.now().date() - timedelta(days=DAYS - 1)
        summary = summarise(Extent(workflow.project, workflow, is_simulated(workflow.project, workflow), since=since))
        open_flags = Flag.objects.filter(execution__workflow=workflow, state=Flag.State.OPEN)[:MOST].count()
        rates, completed = summary.rates, summary.balance.completed
        escalated = ratio(100 * rates.escalated, rates.finished)
        return {
            **super().shown(request, workflow),
            "said": said(summary),
            "days": DAYS,
            "rates": rates,
            "completed": completed,
            "others": rates.finished - completed,
            "escalated": escalated if escalated is None else round(escalated, 1),
            "open_flags": f"{MOST} or more" if open_flags == MOST else open_flags,
        }


admin.site.unregister(Workflow)
admin.site.register(Workflow, CountedWorkflowAdmin)
admin.site.register(UsageImport, UsageImportAdmin)
