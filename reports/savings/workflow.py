"""The page of a workflow: saved so far, at what quality, how sure, and when it paid itself back."""

from django.utils import timezone

from analytics.cells import Cells
from analytics.projection.projecting import prospect
from analytics.snapshot import snapshot
from analytics.waterfall import waterfall_from

from ..charts.cumulative import cumulative
from ..charts.falls import falls
from .asking import Asked
from .bill import bill
from .lead import lead
from .page import Page
from .payback import payback

# Parts of the waterfall that are sums of ledger rows: the figure whose rows they are.
OF_THE_LEDGER = {
    "in_doubt": "in_doubt_cost",
    "design": "design_cost",
    "evaluation": "evaluation_cost",
    "shadow": "shadow_cost",
}


class Savings(Page):
    name, heading, template = "workflow", "Savings", "workflow.html"

    def shown(self, about: Asked) -> dict[str, object]:
        with snapshot():
            source = Cells(about.extent.to_date)
            found = waterfall_from(about.extent, about.method, source, about.subject)
            summary = found.summary
            outlook = prospect(summary, source, timezone.now().date(), about.subject)

        def leads(part: str) -> str:
            figure = OF_THE_LEDGER.get(part)
            return about.to("calls", figure=figure) if figure else ""

        return {
            **lead(summary),
            "payback": payback(outlook),
            "bill": bill(summary, about),
            "charts": [cumulative(summary), falls(found, leads)],
        }
