"""What versions are held against, in the admin."""

from django.contrib import admin

from .models import Case
from .pages.case import CaseAdmin

admin.site.register(Case, CaseAdmin)
