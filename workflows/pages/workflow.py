"""The page of a workflow: its versions and which is live, what was published when, and the baselines it is measured against."""

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from projects.admin import OwnFilter, usd
from projects.models import Role
from projects.pages import ReadableAdmin

from ..models import Publication, Version, Workflow
from .version import state_of

VERSIONS = 50  # of the newest; the list of versions has them all
PUBLICATIONS = 20
LARGE = ("definition", "design_context", "warnings")


class WorkflowAdmin(ReadableAdmin):
    of_project = "project"
    page = "admin/workflows/workflow/page.html"
    list_display = ["name", "project", "live", "archived_at", "created_at"]
    list_filter = [("project", OwnFilter), ("archived_at", admin.EmptyFieldListFilter)]
    list_select_related = ["project", "live__version__workflow"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request).select_related("project", "live__version__workflow")
        return rows.defer(*(f"live__version__{name}" for name in LARGE))

    def shown(self, request: HttpRequest, workflow: Workflow) -> dict[str, object]:
        rows = workflow.versions.order_by("-pk").defer(*LARGE).prefetch_related("publications")
        versions = list(rows[: VERSIONS + 1])
        published = Publication.objects.filter(version__workflow=workflow).select_related("version__workflow")
        published = published.defer(*(f"version__{name}" for name in LARGE))
        baselines = workflow.baselines.order_by("-valid_from", "-pk")[:PUBLICATIONS]
        return {
            "project": workflow.project,
            "versions": [_told(version, workflow.live) for version in versions[:VERSIONS]],
            "more": len(versions) > VERSIONS,
            "publications": published.order_by("-pk")[:PUBLICATIONS],
            "baselines": [(one, usd(one.cost_per_execution)) for one in baselines],
            "designs": self.may(request, Role.DESIGNER, workflow),
        }


def _told(version: Version, live: Publication | None) -> dict[str, object]:
    return {"row": version, "state": state_of(version, live), "cost": usd(version.design_cost)}
