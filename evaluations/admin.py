"""Cases, evaluations, replays and gates in the admin, and what they add to the pages of a version."""

from django.contrib import admin

from .models import Case
from .pages import evaluation, gate, replay, version  # noqa: F401
from .pages.case import CaseAdmin

admin.site.register(Case, CaseAdmin)
