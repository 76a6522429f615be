"""Cases, evaluations, replays and gates in the admin, and what they add to the pages of workflows, versions and executions."""

from django.contrib import admin

from .models import Case
from .pages import evaluation, execution, gate, replay, search, searching, workflow  # noqa: F401
from .pages.case import CaseAdmin

admin.site.register(Case, CaseAdmin)
