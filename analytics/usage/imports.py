"""Keeping an export: its rows, and the audit of who brought it."""

from django.db import transaction

from projects import audit
from projects.audit import Verb
from projects.keeping import redaction
from projects.models import Project

from .export import Export
from .models import UsageImport, UsageRow

AT_ONCE = 1_000  # rows


@transaction.atomic
def keep(project: Project, provider: str, export: Export, by: str) -> tuple[UsageImport, bool]:
    """The import, and whether it is new: the same file is kept once."""
    kept, new = UsageImport.objects.get_or_create(
        project=project,
        provider=provider,
        sha256=export.sha256,
        defaults={
            "kind": export.kind,
            "first_day": export.days[0],
            "last_day": export.days[-1],
            "days": [day.isoformat() for day in export.days],
            "imported_by": by,
        },
    )
    if new:
        policy = redaction(project.pk)
        rows = (
            UsageRow(usage_import=kept, day=day, model=policy.text(model), **vars(said))
            for (day, model), said in export.rows.items()
        )
        UsageRow.objects.bulk_create(rows, AT_ONCE)
        about = {"provider": provider, "of": kept.kind, "days": len(export.days), "sha256": export.sha256}
        audit.record(project.pk, by, Verb.CREATED, kept, **about)
    return kept, new
