"""How often the frontier came to the same result: by step, and over time; and what one execution costs there and here."""

from collections.abc import Sequence
from datetime import date

from analytics.agreement import Agreement, OfVersion, Period
from analytics.shadowed import FEWEST, Share
from shadows.measurements import NEWEST

from ..numbers import NOTHING, count, day, fine, interval, rate
from .chart import Cell, Chart, Key, counted, money
from .drawing import money_axis
from .kinds import Between, Told, bars, columns

STEPS, LABELS, VERSIONS = 14, 7, 6  # that a picture has room for
BY_STEP = ("Step", "Same", "Compared", "Agreement", "95% interval")
BY_PERIOD = ("From", "Same", "Compared", "Agreement", "95% interval")
BY_VERSION = ("Version", "Shadows compared", "A shadow costs", "An execution costs")
ENDS = "The thin lines show where the true share lies with 95% confidence (Wilson)."


def rated(share: Share) -> str:
    """`97.6% (91.5–99.3)`"""
    if share.rate is None or share.interval is None:
        return NOTHING
    return rate(share.rate, share.interval)


def by_step(found: Agreement) -> Chart:
    name, title = "agreement-by-step", "Agreement by step"
    ordered = sorted(found.stepwise.items(), key=lambda one: (one[1].rate or 0, one[0]))
    drawn = [(step, share) for step, share in ordered if share.says][:STEPS]
    said = _of_steps(drawn, ordered)
    told, values = Told(name, title), [_between(share) for _, share in drawn]
    begins = _begins(values)
    picture = bars(told, [step for step, _ in drawn], {"ours": values}, _percents, (begins, 100)) if drawn else None
    rows = [_row(Cell(step), share) for step, share in ordered]
    if begins and drawn:
        said += f" The axis begins at {begins}%."
    note = f"Of the newest {NEWEST:,} shadows. Steps that the record answers, such as tools, are not compared."
    return Chart(name, title, said, picture, BY_STEP, rows, note=f"{ENDS} {note}" if drawn else note)


def _begins(values: Sequence[Between]) -> int:
    """Where the lowest interval ends, to the ten below: bars that all but fill a picture tell nothing apart."""
    return int(min((value.low for value in values), default=0) // 10 * 10)


def _of_steps(drawn: Sequence[tuple[str, Share]], every: Sequence[tuple[str, Share]]) -> str:
    if not every:
        return "No step was compared: the task in one call has none, or only a judge is asked of each."
    if not drawn:
        return f"Each step was compared fewer than {FEWEST} times, so nothing is said of any."
    (least, low), (most, high) = drawn[0], drawn[-1]
    if len(drawn) == 1 or low.rate == high.rate:
        return (
            f"Step by step, the answers of {least} agree in {rated(low)}."
            if len(drawn) == 1
            else (f"Every step agrees alike, in {rated(low)}.")
        )
    return f"Least alike is {least} with {rated(low)}, most alike {most} with {rated(high)}."


def over_time(found: Agreement) -> Chart:
    unit = "month" if found.monthly else "week"
    name, title, periods = "agreement-over-time", f"Agreement by {unit}", found.periods
    said = _of_periods(periods, unit, found.share)
    rows = [_row(Cell(day(one.begins)), one.share) for one in periods]
    if len(periods) < 2 or not found.share.says:
        return Chart(name, title, said, None, BY_PERIOD, rows)
    every = -(-len(periods) // LABELS)
    names = [_short(one.begins, found.monthly) if at % every == 0 else "" for at, one in enumerate(periods)]
    picture = columns(Told(name, title), names, {"ours": [_between(one.share) for one in periods]}, _percents, 100)
    note = f"{ENDS} By the day on which the execution completed (UTC); a {unit} with few shadows says little."
    return Chart(name, title, said, picture, BY_PERIOD, rows, note=note)


def _of_periods(periods: Sequence[Period], unit: str, share: Share) -> str:
    if len(periods) < 2 or not share.says:
        return f"There are too few shadows to tell one {unit} from another."
    last, before = (
        periods[-1].share,
        Share(sum(one.share.same for one in periods[:-1]), sum(one.share.compared for one in periods[:-1])),
    )
    return (
        f"In the {unit} from {day(periods[-1].begins)}, {last.same} of {last.compared} agree, and {before.same} of "
        f"{count(before.compared)} before it."
    )


def costs(found: Agreement, leads: dict[str, str]) -> Chart:
    """`leads`: version → the address of its executions."""
    name, title = "shadow-costs", "What one costs there and here"
    newest = [one for one in found.versions if one.share.compared >= FEWEST and None not in (one.there, one.here)]
    drawn = list(reversed(newest[:VERSIONS]))
    said = _of_costs(drawn)
    rows = [
        [
            Cell(one.version, href=leads.get(one.version, "")),
            counted(one.share.compared),
            money(one.there),
            money(one.here),
        ]
        for one in found.versions
    ]
    note = "The mean of the shadows of each version, against what executing it cost for each execution that completed."
    if not drawn:
        return Chart(name, title, said, None, BY_VERSION, rows, note=note)
    series = {"theirs": [float(one.there) for one in drawn], "ours": [float(one.here) for one in drawn]}
    axis = money_axis(max(*series["theirs"], *series["ours"]))
    picture = columns(Told(name, title), [one.version for one in drawn], series, axis)
    keys = (Key("theirs", "a shadow on the frontier"), Key("ours", "an execution here"))
    return Chart(name, title, said, picture, BY_VERSION, rows, keys, note=note, unit="USD")


def _of_costs(drawn: Sequence[OfVersion]) -> str:
    if not drawn:
        return f"No version has {FEWEST} shadows yet, so no two costs are held against each other."
    last = drawn[-1]
    both = f"Of version {last.version}, a shadow costs {fine(last.there)} and an execution {fine(last.here)}"
    if last.here and last.there and last.there > last.here:
        return f"{both}: the frontier costs {last.there / last.here:.1f} times as much."
    return f"{both}: the frontier costs no more."


def _row(name: Cell, share: Share) -> list[Cell]:
    rated = Cell(rate(share.rate), is_number=True)
    ends = Cell(NOTHING if not share.interval else _ends(share), is_number=True)
    return [name, counted(share.same), counted(share.compared), rated, ends]


def _ends(share: Share) -> str:
    return interval(*share.interval)


def _between(share: Share) -> Between:
    low, high = share.interval or (0.0, 1.0)
    return Between(100 * float(share.rate or 0), 100 * low, 100 * high)


def _percents(value: float) -> str:
    return f"{value:.0f}%"


def _short(begins: date, monthly: bool) -> str:
    return f"{begins:%b %Y}" if monthly else f"{begins.day} {begins:%b}"
