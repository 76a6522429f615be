"""Imports of usage exports: a list, and a page that says what differs from the ledger now."""

from django.contrib import admin
from django.http import HttpRequest

from projects.admin import OwnFilter
from projects.lists import Bounded
from projects.pages import ReadableAdmin

from ..usage import told
from ..usage.comparison import DAY, compare
from ..usage.models import UsageImport

MOST = 200  # lines of what differs


class UsageImportAdmin(ReadableAdmin):
    of_project = "project"
    page = "admin/analytics/usageimport/page.html"
    list_display = ["imported_at", "provider", "kind", "first_day", "last_day", "project", "imported_by"]
    list_filter = ["kind", ("project", OwnFilter)]
    list_select_related = ["project"]
    paginator = Bounded
    show_facets = admin.ShowFacets.NEVER
    sortable_by = []
    ordering = ["-imported_at", "-pk"]
    intro = "What providers say that was used; of two files that speak of the same day the one imported later counts."
    empty = (
        "Nothing was imported. An operator does that: manage.py reconcile --usage FILE --provider NAME --project NAME."
    )

    def shown(self, request: HttpRequest, row: UsageImport) -> dict[str, object]:
        found = compare(row.project, row.provider, row.first_day, row.last_day + DAY)
        differ = [told.line_said(line) for line in found.differing[:MOST]]
        differ += [told.cost_said(line) for line in found.differing_costs[:MOST]]
        count = len(found.differing) + len(found.differing_costs)
        return {
            "agrees": found.agrees,
            "verdict": told.verdict(found),
            "differ": differ,
            "more": count - len(differ),
            "explanations": told.explanations(found)[:MOST],
            "totals": [(told.WORDS[kind], *(side[kind] for side in found.totals)) for kind in told.WORDS],
        }
