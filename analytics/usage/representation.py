"""A comparison as the API and `reconcile --usage --json` show it."""

from wire.money import pico_text
from wire.times import rfc3339

from .comparison import Comparison, CostLine, Doubted, Line
from .models import UsageImport
from .told import explanations

MOST, IMPORTS = 200, 50  # of each list, and files


def represent(found: Comparison, *, lines: list[Line], costs: list[CostLine], most: int | None = None) -> dict:
    """`lines` and `costs`: which of them; `most`: of each list."""
    ledger, provider = found.totals
    return {
        "provider": found.provider,
        "first_day": found.days[0].isoformat() if found.days else None,
        "last_day": found.days[-1].isoformat() if found.days else None,
        "days": len(found.days),
        "agrees": found.agrees if found.days else None,
        "agreed_until": found.agreed_until and found.agreed_until.isoformat(),
        "differences": len(found.differing) + len(found.differing_costs),
        "tokens": {"ledger": ledger, "provider": provider},
        "lines": [represent_line(line) for line in lines[:most]],
        "costs": [_represent_cost(line) for line in costs[:most]],
        "in_doubt": [_represent_doubted(one) for one in found.doubted[:most]],
        "explanations": explanations(found)[:most],
    }


def represent_latest(found: Comparison) -> dict:
    """What differs, and no more than can be read; and the files behind it, the newest first."""
    imports = UsageImport.objects.filter(project=found.project, provider=found.provider)
    if found.days:
        imports = imports.filter(first_day__lte=found.days[-1], last_day__gte=found.days[0])
    behind = [represent_import(row) for row in imports.order_by("-imported_at", "-pk")[:IMPORTS]]
    return {**represent(found, lines=found.differing, costs=found.differing_costs, most=MOST), "imports": behind}


def represent_line(line: Line) -> dict:
    return {
        "day": line.day.isoformat(),
        "model": line.model,
        "state": line.state,
        "ledger": line.ledger,
        "provider": line.provider,
        "difference": line.difference,
    }


def represent_import(row: UsageImport) -> dict:
    return {
        "id": str(row.pk),
        "of": row.kind,
        "first_day": row.first_day.isoformat(),
        "last_day": row.last_day.isoformat(),
        "days": len(row.days),
        "sha256": row.sha256,
        "imported_by": row.imported_by,
        "imported_at": rfc3339(row.imported_at),
    }


def _represent_cost(line: CostLine) -> dict:
    return {
        "day": line.day.isoformat(),
        "state": line.state,
        "ledger": pico_text(line.ledger),
        "provider": pico_text(line.provider),
        "difference": pico_text(line.difference),
        "unpriced_calls": line.unpriced,
        "other": pico_text(line.other),
    }


def _represent_doubted(one: Doubted) -> dict:
    return {
        "day": one.day.isoformat(),
        "model": one.model,
        "calls": one.calls,
        "upper_bound": pico_text(one.bound),
    }
