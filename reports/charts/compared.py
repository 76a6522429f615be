"""A completed execution as it was recorded, as it is asked, and on the frontier alone: three bars."""

from fractions import Fraction

from analytics.projection.arithmetic import minus, times
from analytics.projection.what_if import Found

from ..numbers import from_pico, usd
from .chart import Cell, Chart, Key, counted, money
from .drawing import money_axis
from .kinds import Fall, Told, waterfall

NAME = "compared"
TITLE = "A completed execution, three ways"
COLUMNS = ("Way", "Executing, per completed", "A month", "A year", "Saved a month")
KEYS = (Key("ours", "as recorded"), Key("off", "what if"), Key("theirs", "all-frontier"))
STEPS = ("Step", "Calls", "As recorded", "What if", "Difference")


def compared(found: Found) -> Chart:
    ways = {"as recorded": found.was, "what if": found.would, "all-frontier": found.frontier}
    said = _said(found)
    rows = [_row(found, name, each) for name, each in ways.items()]
    marks = dict(zip(ways, (key.mark for key in KEYS), strict=True))
    bars = [Fall(name, 0.0, float(from_pico(each)), marks[name]) for name, each in ways.items() if each is not None]
    if found.was is None or found.would is None or not any(bar.ends for bar in bars):
        return Chart(NAME, TITLE, said, None, COLUMNS, rows)
    picture = waterfall(Told(NAME, TITLE), bars, money_axis(max(bar.ends for bar in bars)))
    keys = [key for key in KEYS if key.mark in {bar.mark for bar in bars}]
    return Chart(NAME, TITLE, said, picture, COLUMNS, rows, keys, unit="USD")


def _row(found: Found, name: str, each: Fraction | None) -> list[Cell]:
    month = times(each, found.volume)
    saved = times(minus(found.frontier, each), found.volume) if name != "all-frontier" else None
    amounts = (each, month, times(month, 12), saved)
    return [Cell(name), *(money(from_pico(one)) for one in amounts)]


def _said(found: Found) -> str:
    was, would, frontier = (from_pico(one) for one in (found.was, found.would, found.frontier))
    said = f"A completed execution cost {usd(was)} as recorded" if was is not None else "What it cost is not known"
    if would is not None:
        said += f", {usd(would)} as asked"
    return f"{said}; all-frontier would have cost {usd(frontier)}." if frontier is not None else f"{said}."


def by_step(found: Found) -> list[list[Cell]]:
    """The dearest first."""
    return [
        [
            Cell(step or "(no step)"),
            counted(one.calls),
            *(
                money(from_pico(each))
                for each in (
                    found.each(one.recorded),
                    found.each(one.what_if),
                    minus(found.each(one.what_if), found.each(one.recorded)),
                )
            ),
        ]
        for step, one in found.dearest_first
    ]
