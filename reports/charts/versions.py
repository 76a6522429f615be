"""Versions beside each other, the oldest first: what a completed execution cost, how much was escalated, how long it took, and how
often shadows agreed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analytics.operations.figures import p50_p95
from analytics.versions import VersionFigures
from evaluations.statistics import Interval

from ..numbers import count, duration, rate, usd
from .chart import Cell, Chart, Key, counted, money
from .drawing import money_axis
from .kinds import Between, Told, columns

COSTS_NOTE = "Of executing it: designing and evaluating stand apart."
Leads = Callable[[VersionFigures], str]


@dataclass(frozen=True)
class _Share:
    """A share of one version: `part` of `whole`."""

    figures: VersionFigures
    part: int
    whole: int
    interval: Interval

    @property
    def text(self) -> str:
        return rate(self.part / self.whole, self.interval)

    @property
    def between(self) -> Between:
        return Between(*(100 * one for one in (self.part / self.whole, *self.interval)))


def costs(found: Sequence[VersionFigures], leads: Leads) -> Chart:
    name, title = "cost_per_completed", "Executing, per completed"
    known = [one for one in found if one.cost_per_completed is not None]
    rows = [
        [Cell(one.version.number), money(one.cost_per_completed, leads(one)), counted(one.completed)] for one in found
    ]
    heads = ("Version", "Executing, per completed", "Completed")
    if not known:
        return Chart(name, title, "Nothing was completed in these days.", None, heads, rows)
    first, last = known[0], known[-1]
    said = f"A completed execution of {last.version.number} cost {usd(last.cost_per_completed)}"
    said += f", one of {first.version.number} {usd(first.cost_per_completed)}." if first is not last else "."
    values = [float(one.cost_per_completed) for one in known]
    if not max(values):
        return Chart(name, title, said, None, heads, rows)
    picture = columns(Told(name, title), _names(known), {"ours": values}, money_axis(max(values)))
    return Chart(name, title, said, picture, heads, rows, note=COSTS_NOTE, unit="USD")


def escalations(found: Sequence[VersionFigures], leads: Leads) -> Chart:
    heads = ("Version", "Escalated", "Finished", "Rate (95%)")
    shares = [
        _Share(one, one.escalated.flagged, one.escalated.finished, one.escalated.interval)
        for one in found
        if one.escalated and one.escalated.finished
    ]
    return _shares("escalation", "Escalated, of what finished", heads, shares, leads, "escalated")


def agreements(found: Sequence[VersionFigures], leads: Leads) -> Chart | None:
    """Of versions with enough shadows that were compared; None where there is none."""
    shares = [_Share(one, *one.agreed, one.agreed.interval) for one in found if one.agreed.says]
    heads = ("Version", "Agreed", "Compared", "Agreement (95%)")
    if not shares:
        return None
    return _shares("agreement", "Agreement with the frontier's shadows", heads, shares, leads, "agreed", top=100)


def _shares(
    name: str,
    title: str,
    heads: Sequence[str],
    shares: Sequence[_Share],
    leads: Leads,
    verb: str,
    top: float | None = None,
) -> Chart:
    rows = [
        [
            Cell(one.figures.version.number),
            counted(one.part, leads(one.figures)),
            counted(one.whole),
            Cell(one.text, is_number=True),
        ]
        for one in shares
    ]
    if not shares:
        return Chart(name, title, "Nothing finished in these days.", None, heads, rows)
    said = "; ".join(
        f"{one.figures.version.number}: {rate(one.part / one.whole)} {verb}, of {count(one.whole)}"
        for one in (shares[-1], *shares[:-1][-1:])
    )
    said = f"{said}. The thin line on a column is where the true share lies, with 95% confidence."
    values = {"ours": [one.between for one in shares]}
    highest = top or max(one.between.high for one in shares)
    axis = money_axis(highest)
    picture = columns(
        Told(name, title), _names([one.figures for one in shares]), values, lambda value: f"{axis(value)}%", highest
    )
    return Chart(name, title, said, picture, heads, rows)


def latencies(found: Sequence[VersionFigures], leads: Leads) -> Chart:
    name, title = "latency", "From acceptance to completion"
    heads = ("Version", "Half within (p50)", "19 of 20 within (p95)")
    known = [(one, *p50_p95(one.executed.latencies)) for one in found if one.completed]
    rows = [
        [
            Cell(one.version.number),
            Cell(duration(p50), f"{p50:,} ms", leads(one), is_number=True),
            Cell(duration(p95), f"{p95:,} ms", is_number=True),
        ]
        for one, p50, p95 in known
    ]
    if not known:
        return Chart(name, title, "Nothing was completed in these days.", None, heads, rows)
    one, p50, p95 = known[-1]
    said = (
        f"Half of what {one.version.number} completed took at most {duration(p50)}, nineteen of twenty {duration(p95)}."
    )
    values = {"ours": [p50 / 1_000 for _, p50, _ in known], "off": [p95 / 1_000 for _, _, p95 in known]}
    if not max(values["off"]):
        return Chart(name, title, said, None, heads, rows)
    axis = money_axis(max(values["off"]))
    picture = columns(Told(name, title), _names([one for one, _, _ in known]), values, lambda value: f"{axis(value)} s")
    keys = (Key("ours", "half within"), Key("off", "nineteen of twenty within"))
    return Chart(name, title, said, picture, heads, rows, keys)


def _names(found: Sequence[VersionFigures]) -> list[str]:
    return [one.version.number for one in found]
