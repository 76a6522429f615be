"""The page of a project: what all of its workflows saved, and which of them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.core.paginator import Paginator
from django.utils import timezone

from analytics.agreed_by_workflow import agreed_by_workflow
from analytics.baselines import Method
from analytics.by_workflow import Line, by_workflow
from analytics.cells import Cells
from analytics.costs import summarise_from
from analytics.measuring import subject_of
from analytics.snapshot import snapshot
from shadows.models import Subject
from wire.filters import TEXT, one_of

from ..charts.by_workflow import saved_by_workflow
from ..charts.chart import Chart
from ..charts.cumulative import cumulative
from .asking import COMMON, Asked
from .filtering import METHODS
from .lead import lead
from .lines import SORTS, address, of_none, ordered, rows_of, together
from .page import Page

AT_ONCE = 25  # rows on a page


class Column(NamedTuple):
    """`sort` empty: it is not sorted by. `href`: the page in its order."""

    label: str
    sort: str = ""
    href: str = ""
    is_number: bool = True


class Portfolio(Page):
    name, heading, template = "portfolio", "Portfolio", "portfolio.html"
    filters = {**COMMON, "sort": one_of(SORTS), "page": TEXT}

    def shown(self, about: Asked) -> dict[str, object]:
        with snapshot():
            source = Cells(about.extent.to_date, apart=True)
            summary = summarise_from(about.extent, about.method, source, about.subject)
            lines = by_workflow(source, about.extent, timezone.now().date(), about.method, about.subject)
            agreed = agreed_by_workflow(about.extent, _subject(about))
        sort = about.given.get("sort", SORTS[0])
        page = Paginator(ordered(lines, sort), AT_ONCE).get_page(about.given.get("page"))
        return {
            **lead(summary),
            "more": [_one_way(about.method)],
            "charts": [cumulative(summary), *_by_workflow(lines, about)],
            "columns": _columns(about),
            "sort": sort,
            "rows": rows_of(page.object_list, agreed, about),
            "foot": [*(of_none(line) for line in lines if line.workflow is None), together(summary.balance)],
            "shown_page": page,
            "pages": [(number, about.to(self.name, page=number)) for number in page.paginator.page_range],
        }


def _one_way(method: Method) -> str:
    return (
        f"So that they add up, all workflows are compared in one way here: {METHODS[method]}. A workflow's own page compares by "
        "the method that is in force for it."
    )


def _subject(about: Asked) -> Subject | None:
    """Of what is measured, that of the project's figures; else each workflow's own."""
    return about.subject or subject_of(None) if about.method == Method.MEASURED else None


def _by_workflow(lines: Sequence[Line], about: Asked) -> Iterator[Chart]:
    """Of a single workflow the headline says it all."""
    if sum(bool(line.workflow and line.balance.savings) for line in lines) > 1:
        yield saved_by_workflow(lines, lambda line: address(line, about))


def _columns(about: Asked) -> list[Column]:
    sorts = {sort: about.to("portfolio", sort=sort, page=None) for sort in SORTS}
    return [
        Column("Workflow", "name", sorts["name"], is_number=False),
        Column("Saved, USD", "saved", sorts["saved"]),
        Column("Total cost, USD", "cost", sorts["cost"]),
        Column("If all frontier, USD"),
        Column("Everything, per completed, USD"),
        Column("Completed", "completed", sorts["completed"]),
        Column("Escalated"),
        Column("Quality", is_number=False),
        Column("Paid back", is_number=False),
    ]
