"""A table leaves the service: the one way for REST, the admin and the command. That it did is kept in the audit."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from projects import audit
from projects.audit import Verb

from . import figures, rows  # noqa: F401  they register their tables
from .files import KINDS, pieces
from .tables import Table, Wanted


@dataclass(frozen=True)
class Export:
    name: str
    kind: str
    count: int
    pieces: Iterator[bytes]


def export(table: Table, wanted: Wanted, form: str, by: str) -> Export:
    """Raises `Invalid` where it would be too large, before anything is sent."""
    opened = table.open(wanted)
    extent = wanted.extent
    days = {"since": extent.since and extent.since.isoformat(), "until": extent.until and extent.until.isoformat()}
    workflow = extent.workflow and extent.workflow.name
    about = {"table": table.name, "workflow": workflow, **days, "currency": "USD", "simulated": extent.simulated}
    told = {"table": table.name, "format": form, "rows": opened.count, **days, "simulated": extent.simulated}
    audit.record(extent.project.pk, by, Verb.EXPORTED, extent.workflow or extent.project, **told)
    sent = pieces(form, table.columns, opened.rows, about)
    return Export(file_name(table, wanted, form), KINDS[form], opened.count, sent)


def file_name(table: Table, wanted: Wanted, form: str) -> str:
    """`refund-calls-2026-11-01-2026-12-01.csv`: nothing in it that a header or a file system takes for more than a letter."""
    extent = wanted.extent
    owner = extent.workflow.name if extent.workflow else extent.project.name
    kind = ["simulated"] if extent.simulated else []
    days = [day.isoformat() for day in (extent.since, extent.until) if day]
    parts = [re.sub(r"[^A-Za-z0-9_.-]+", "_", owner).strip(".") or "project", table.name, *kind, *days]
    return f"{'-'.join(parts)}.{form}"
