"""Workflows in the admin: versions and publications can be read, and never changed."""

from django.contrib import admin

from .budget_admin import BudgetAdmin
from .models import Budget, Version, Workflow
from .pages.version import VersionAdmin
from .pages.workflow import WorkflowAdmin

admin.site.register(Workflow, WorkflowAdmin)
admin.site.register(Version, VersionAdmin)
admin.site.register(Budget, BudgetAdmin)
