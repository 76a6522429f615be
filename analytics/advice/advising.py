"""The advice for a workflow: its fit, what speaks for and against it, and the step that is worth moving next."""

from dataclasses import dataclass, replace
from datetime import UTC, timedelta

from django.utils import timezone

from analytics.extent import Extent
from analytics.snapshot import snapshot

from . import rules, steps
from .evidence import Designed, designed, gather
from .next_step import Move, best, in_order

WINDOW = timedelta(days=30)


@dataclass(frozen=True)
class Advice:
    extent: Extent
    fit: rules.Fit
    reasons: list[str]
    designed: Designed | None
    findings: list[rules.Finding]
    next_step: Move | None
    steps: list[Move]


def advise(extent: Extent) -> Advice:
    """As of one moment. Rates are of the extent, or, where it has no first day, of its last 30; payback is from the beginning."""
    if extent.since is None:
        today = timezone.now().astimezone(UTC).date()
        extent = replace(extent, since=(extent.until or today + timedelta(days=1)) - WINDOW)
    with snapshot():
        figures = gather(extent)
        found = rules.findings(figures)
        fit, reasons = rules.fit(figures, found)
        ordered = in_order(steps.moves(extent))
        return Advice(extent, fit, reasons, designed(extent), found, best(ordered), ordered)
