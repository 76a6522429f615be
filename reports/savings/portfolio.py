"""The page of a project: what all of its workflows saved, and which of them."""

from analytics.costs import summarise

from .asking import Asked
from .lead import lead
from .page import Page


class Portfolio(Page):
    name, heading, template = "portfolio", "Portfolio", "portfolio.html"

    def shown(self, about: Asked) -> dict[str, object]:
        summary = summarise(about.extent, about.method, subject=about.subject)
        return {**lead(summary), "workflows": about.project.workflows.order_by("name")}
