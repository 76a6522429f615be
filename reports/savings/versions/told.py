"""What changed from one version to another, in sentences, and each figure of both with its difference. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from analytics.learning.by_version import ENOUGH, Comparison, Escalated, Verdict
from analytics.operations.figures import p50_p95
from analytics.savings import ratio
from analytics.shadowed import FEWEST
from analytics.versions import VersionFigures

from ...charts.chart import Cell, counted, money
from ...numbers import NOTHING, count, duration, percent, rate, usd
from ..asking import Asked


@dataclass(frozen=True)
class Beside:
    """A figure of the older one, of the newer one, and how they differ."""

    label: str
    before: Cell
    after: Cell
    difference: Cell


def said(before: VersionFigures | None, after: VersionFigures | None) -> str:
    """The sentence above the page."""
    if after is None:
        return "There is no version yet."
    if before is None:
        return f"There is one version, {after.version.number}: nothing to compare it with yet."
    if not (after.escalated and after.escalated.finished):
        return f"Nothing of {after.version.number} finished in these days: it cannot be compared with {before.version.number}."
    if not (before.escalated and before.escalated.finished):
        return f"{_escalates(after.escalated)}. Nothing of {before.version.number} finished in these days."
    return f"{_escalates(after.escalated)}; {_escalated(before.escalated)}."


def more(before: VersionFigures | None, after: VersionFigures | None) -> list[str]:
    """What stands beneath it: whether that may be chance, and what became of the cost."""
    if before is None or after is None:
        return []
    return [sentence for sentence in (_chance(before.escalated, after.escalated), _cost(before, after)) if sentence]


def _escalates(one: Escalated) -> str:
    return f"{one.version} escalates {rate(one.rate, one.interval)} of what it finishes"


def _escalated(one: Escalated) -> str:
    return f"{one.version} escalated {rate(one.rate, one.interval)}"


def _chance(before: Escalated | None, after: Escalated | None) -> str:
    if not (before and after and before.finished and after.finished):
        return ""
    if min(before.finished, after.finished) < ENOUGH:
        few = " and ".join(f"{one.version} finished {count(one.finished)}" for one in (before, after))
        return f"Too few to say whether that is more than chance: it takes {ENOUGH} of each, and {few}."
    if before.interval.low > after.interval.high or after.interval.low > before.interval.high:
        return "The two intervals do not overlap: the difference is more than chance."
    found = Comparison(before, after)
    if found.verdict == Verdict.UNDECIDED:
        return "The two intervals overlap: the difference may be chance."
    near, far = sorted(abs(100 * one) for one in found.interval)
    between = f"with 95% confidence between {near:.1f} and {far:.1f} points"
    return f"The two intervals overlap, and the difference is more than chance all the same: {between}."


def _cost(before: VersionFigures, after: VersionFigures) -> str:
    was, now = before.cost_per_completed, after.cost_per_completed
    if was is None or now is None:
        unknown = next(one for one in (after, before) if one.cost_per_completed is None)
        why = "calls have no price" if unknown.unpriced else "it completed nothing in these days"
        return f"What a completed execution of {unknown.version.number} costs is not known: {why}."
    if not was or round(100 * (now - was) / was, 1) == 0:
        return f"A completed execution costs {usd(now)}, as it did."
    verb, change = ("rose", now - was) if now > was else ("fell", was - now)
    return f"The cost of a completed execution {verb} by {percent(100 * change / was)}, from {usd(was)} to {usd(now)}."


def beside(before: VersionFigures, after: VersionFigures, about: Asked) -> list[Beside]:
    return list(_beside(before, after, about))


def _beside(before: VersionFigures, after: VersionFigures, about: Asked) -> Iterator[Beside]:
    both = (before, after)
    ended = [one.executed for one in both]
    for label, name in (("Finished", "finished"), ("Completed", "completed")):
        values = [getattr(one, label.lower()) if one else 0 for one in ended]
        cells = [counted(value, executions(about, one, name)) for value, one in zip(values, both, strict=True)]
        yield Beside(label, *cells, Cell(_signed(values[1] - values[0], "{:,}"), is_number=True))
    yield _rates(
        "Escalated",
        [one.escalated and one.escalated.rate for one in both],
        [escalated_cell(one, about) for one in both],
    )
    retries = [one.retry_rate for one in both]
    yield _rates("Asked again", retries, [Cell(rate(one), is_number=True) for one in retries])
    costs = [one.cost_per_completed for one in both]
    yield Beside(
        "Executing, per completed",
        *(cost_cell(one, about) for one in both),
        _money_difference(*costs),
    )
    for place, label in enumerate(("Half within", "19 of 20 within")):
        times = [p50_p95(one.latencies)[place] if one else None for one in ended]
        yield Beside(label, *(latency_cell(time) for time in times), _time_difference(*times))
    yield _rates(
        "Agreement",
        [one.agreed.rate if one.agreed.says else None for one in both],
        [agreed_cell(one, shadows(about)) for one in both],
    )
    for label, name in (("Designing", "design"), ("Evaluating", "evaluation")):
        costs = [getattr(one.took, name) for one in both]
        yield Beside(label, *map(money, costs), _money_difference(*costs))


def executions(about: Asked, one: VersionFigures, which: str) -> str:
    return about.to("executions", which=which, version=one.version.number, a=None, b=None, older=None)


def shadows(about: Asked) -> str:
    return about.to("shadows", a=None, b=None, older=None)


def cost_cell(one: VersionFigures, about: Asked) -> Cell:
    rows = about.to("calls", figure="execution_cost", version=one.version.number, a=None, b=None, older=None)
    return money(one.cost_per_completed, rows if one.completed else "")


def escalated_cell(one: VersionFigures, about: Asked) -> Cell:
    found = one.escalated
    if found is None or found.rate is None:
        return Cell(rate(None), is_number=True)
    exact = f"{found.flagged:,} of {found.finished:,}"
    if found.moved:
        exact += f"; {found.moved:,} of them {'was' if found.moved == 1 else 'were'} run again on the next version"
    return Cell(rate(found.rate, found.interval), exact, executions(about, one, "escalated"), is_number=True)


def agreed_cell(one: VersionFigures, href: str = "") -> Cell:
    found = one.agreed
    if not found.compared:
        return Cell(NOTHING, is_number=True)
    if not found.says:
        few = "shadow" if found.compared == 1 else "shadows"
        return Cell(f"only {found.compared} {few}", f"Below {FEWEST} nothing is claimed.", href, is_number=True)
    return Cell(rate(found.rate, found.interval), f"{found.same:,} of {found.compared:,}", href, is_number=True)


def latency_cells(one: VersionFigures) -> list[Cell]:
    return [latency_cell(time) for time in p50_p95(one.executed.latencies if one.completed else {})]


def latency_cell(milliseconds: int | None) -> Cell:
    return Cell(duration(milliseconds), "" if milliseconds is None else f"{milliseconds:,} ms", is_number=True)


def _rates(label: str, rates: list, cells: list[Cell]) -> Beside:
    known = None not in rates
    said = _signed(100 * float(rates[1] - rates[0]), "{:.1f}") + " points" if known else rate(None)
    return Beside(label, *cells, Cell(said, is_number=True))


def _money_difference(was: Decimal | None, now: Decimal | None) -> Cell:
    if was is None or now is None:
        return Cell(usd(None), is_number=True)
    change = ratio(now - was, was) if was else None
    said = f" ({_signed(100 * float(change), '{:.1f}')}%)" if change is not None else ""
    sign = "+" if now > was else ""
    return Cell(f"{sign}{usd(now - was)}{said}", money(now - was).exact, is_number=True)


def _time_difference(was: int | None, now: int | None) -> Cell:
    if was is None or now is None:
        return Cell(duration(None), is_number=True)
    sign = "+" if now > was else "−" if now < was else ""
    return Cell(f"{sign}{duration(abs(now - was))}", is_number=True)


def _signed(value: float, form: str) -> str:
    text = form.format(abs(value))
    if not float(text.replace(",", "")):
        return text
    return ("+" if value > 0 else "−") + text
