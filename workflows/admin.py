"""Workflows in the admin: versions and publications can be read, and never changed."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from projects.admin import OwnFilter, ReadOnlyAdmin, ReadOnlyInline, pretty, usd

from .budget_admin import BudgetAdmin
from .models import Baseline, Budget, Publication, Version, Workflow


class VersionInline(ReadOnlyInline):
    model = Version
    fields = ["number", "title", "designed_by", "changelog", "created_at"]
    show_change_link = True
    ordering = ["-pk"]


class BaselineInline(ReadOnlyInline):
    model = Baseline
    fields = ["method", "model", "cost", "valid_from", "stated_by"]
    readonly_fields = ["cost"]

    @admin.display(description="cost per execution")
    def cost(self, baseline: Baseline) -> str:
        return usd(baseline.cost_per_execution)


@admin.register(Workflow)
class WorkflowAdmin(ReadOnlyAdmin):
    of_project = "project"
    list_display = ["name", "project", "live", "archived_at", "created_at"]
    list_filter = [("project", OwnFilter), ("archived_at", admin.EmptyFieldListFilter)]
    list_select_related = ["project", "live__version__workflow"]
    search_fields = ["name"]
    inlines = [VersionInline, BaselineInline]


class PublicationInline(ReadOnlyInline):
    model = Publication
    fields = ["published_at", "published_by", "evidence", "tier_map", "prompt_format"]


@admin.register(Version)
class VersionAdmin(ReadOnlyAdmin):
    of_project = "workflow__project"
    list_display = ["__str__", "title", "designed_by", "declared_cost", "created_at"]
    list_filter = [("workflow__project", OwnFilter), ("workflow", OwnFilter)]
    list_select_related = ["workflow"]
    search_fields = ["workflow__name", "number"]
    inlines = [PublicationInline]
    fields = [
        *("workflow", "number", "title", "steps", "design", "declared_cost", "designed_by", "designed_at"),
        *("intelligence_level", "changelog", "doubts", "content_hash", "created_by", "created_at", "whole"),
    ]
    readonly_fields = fields

    @admin.display(description="declared design cost")
    def declared_cost(self, version: Version) -> str:
        return usd(version.design_cost)

    @admin.display
    def steps(self, version: Version) -> SafeString:
        rows = [
            (number, step["id"], step["kind"], step.get("tier") or step.get("tool") or "", step.get("task", ""))
            for number, step in enumerate(version.definition["steps"], 1)
        ]
        cells = "<td>{}</td>" * len(rows[0])
        return format_html("<table>{}</table>", format_html_join("", f"<tr>{cells}</tr>", rows))

    @admin.display(description="design context")
    def design(self, version: Version) -> SafeString:
        return pretty(version.design_context)

    @admin.display(description="warnings")
    def doubts(self, version: Version) -> SafeString:
        return pretty(version.warnings)

    @admin.display(description="definition")
    def whole(self, version: Version) -> SafeString:
        return pretty(version.definition)


admin.site.register(Budget, BudgetAdmin)
