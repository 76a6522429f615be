"""Keeping an export: its rows, and the audit of who brought it."""

from django.db import transaction

from projects import audit
from projects.audit import Verb
from projects.keeping import redaction
from projects.models import Project
from wire.problems import Malformed

from .comparison import DAY, counting
from .export import Export
from .models import UsageImport, UsageRow

AT_ONCE = 1_000  # rows


@transaction.atomic
def keep(project: Project, provider: str, export: Export, by: str) -> tuple[UsageImport, bool]:
    """The import, and whether it is new. The same file again is the same import as long as that counts for all its days;
    where a later file counts for one of them, it is another import, which then counts. Raises `Malformed`."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # two at once would both be new
    policy = redaction(project.pk)
    if any(policy.text(model) != model for _, model in export.rows):
        raise Malformed("The id of a model in the file is what this project redacts: it cannot be kept as it is.")
    counts = counting(project, provider, export.kind, export.days[0], export.days[-1] + DAY)
    behind = {counts.get(day) for day in export.days}
    if len(behind) == 1 and (kept := behind.pop()) and kept.sha256 == export.sha256:
        return kept, False
    kept = UsageImport.objects.create(
        project=project,
        provider=provider,
        kind=export.kind,
        sha256=export.sha256,
        first_day=export.days[0],
        last_day=export.days[-1],
        days=[day.isoformat() for day in export.days],
        imported_by=by,
    )
    rows = (
        UsageRow(usage_import=kept, day=day, model=model, **vars(said)) for (day, model), said in export.rows.items()
    )
    UsageRow.objects.bulk_create(rows, AT_ONCE)
    about = {"provider": provider, "of": kept.kind, "days": len(export.days), "sha256": export.sha256}
    audit.record(project.pk, by, Verb.CREATED, kept, **about)
    return kept, True
