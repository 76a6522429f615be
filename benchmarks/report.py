"""Markdown tables that can be pasted into docs/performance.md: medians, with the range of the rounds behind them."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass
class Table:
    """A heading, what was measured in a sentence, and rows whose cells are already text."""

    title: str
    said: str
    head: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        self.rows.append([*cells, *[""] * (len(self.head) - len(cells))])

    def __str__(self) -> str:
        lines = [_row(self.head), _row(["---"] * len(self.head)), *map(_row, self.rows)]
        notes = "".join(f"\n* {note}" for note in self.notes)
        return f"### {self.title}\n\n{self.said}\n\n" + "\n".join(lines) + (f"\n{notes}" if notes else "") + "\n"


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """`12.3 (11.9 to 13.0)`, or the one value."""
    middle = f"{median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def ratio(value: float, other: float) -> str:
    return f"{value / other:.2f}×"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
