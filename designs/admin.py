"""Designs, redesigns and groups of flags in the admin, and what they add to the pages of workflows and versions."""

from django.contrib import admin

from .models import Design
from .pages import group, version, workflow  # noqa: F401
from .pages.design import DesignAdmin

admin.site.register(Design, DesignAdmin)
