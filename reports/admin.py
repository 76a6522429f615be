"""What reports add to the pages below them."""

from django.contrib import admin

from workflows.models import Workflow

from .pages.exports import ExportedWorkflowAdmin

admin.site.unregister(Workflow)
admin.site.register(Workflow, ExportedWorkflowAdmin)
