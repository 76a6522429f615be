"""Does a workflow learn? What one version after the other escalates, what a redesign costs against a design, which gaps came back
after they were closed, and how long that took. The edges render what `learned` returns.
"""

from dataclasses import dataclass

from ..extent import Extent
from ..snapshot import snapshot
from .by_version import Comparison, Escalated, by_version, compared
from .design_costs import Designing, designing
from .fixes import Recurrence, TimeToFix, fixes, recurrences, time_to_fix


@dataclass(frozen=True)
class Learning:
    """Of one workflow, of one kind of money. `recurred` are some of the `closed` groups."""

    extent: Extent
    versions: list[Escalated]
    comparison: Comparison | None
    designing: Designing
    closed: int
    recurred: list[Recurrence]
    time_to_fix: TimeToFix


def learned(extent: Extent) -> Learning:
    """As of one moment."""
    with snapshot():
        fixed = fixes(extent)
        versions = by_version(extent, fixed)
        recurred, closed = recurrences(extent, fixed)
        return Learning(
            extent, versions, compared(versions), designing(extent), closed, recurred, time_to_fix(extent, fixed)
        )
