"""Digests in the admin, and what reports add to the pages below them."""

from django.contrib import admin

from workflows.models import Workflow

from .models import Digest
from .pages.digests import DigestAdmin
from .pages.exports import ExportedWorkflowAdmin

admin.site.unregister(Workflow)
admin.site.register(Workflow, ExportedWorkflowAdmin)
admin.site.register(Digest, DigestAdmin)
