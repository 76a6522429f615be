"""Calls taken apart by tier and by model: what each cost, how long its calls took, and all its figures as a table."""

from collections.abc import Callable, Sequence

from analytics.operations.figures import Operation, p50_p95

from ..numbers import duration, rate, usd
from .chart import Cell, Chart, Key, counted, money
from .drawing import money_axis
from .kinds import Told, columns

# What of the figures stands in the table of a group.
COLUMNS = (
    *("Cost", "Calls", "Input", "Output", "Read from cache", "Written to cache", "Caching saved", "Batching saved"),
    *("Asked again", "Half within", "19 of 20 within"),
)
NO_TIER = "shadows, evaluations"  # which have none
EVERY = "Every call, whatever it was for: shadows and evaluations too."
Leads = Callable[[Operation], str]


def costs(by: str, found: Sequence[Operation], leads: Leads) -> Chart:
    name, title = f"cost_by_{by}", f"Cost by {by}"
    heads = (by.capitalize(), "Cost", "Calls")
    rows = [[_cell(one, by), money(one.asked.cost, leads(one)), counted(one.asked.calls, leads(one))] for one in found]
    whole = sum(one.asked.cost for one in found)
    if not whole:
        return Chart(name, title, "No call with a price was made in these days.", None, heads, rows)
    most = max(found, key=lambda one: one.asked.cost)
    said = f"{named(most, by)} took {rate(most.asked.cost / whole)} of {usd(whole)}, shadows and evaluations included."
    values = [float(one.asked.cost) for one in found]
    picture = columns(Told(name, title), [_short(one, by) for one in found], {"ours": values}, money_axis(max(values)))
    return Chart(name, title, said, picture, heads, rows, note=EVERY, unit="USD")


def latencies(by: str, found: Sequence[Operation], leads: Leads) -> Chart:
    name, title = f"latency_by_{by}", f"How long a call took, by {by}"
    heads = (by.capitalize(), "Half within (p50)", "19 of 20 within (p95)")
    timed = [(one, *p50_p95(one.latencies)) for one in found if one.latencies]
    known = [(one, p50, p95) for one, p50, p95 in timed if p95]  # 0 ms is a scripted model, and no speed
    rows = [[_cell(one, by, leads(one)), *map(_took, times)] for one, *times in known]
    if not known:
        return Chart(name, title, "No call was answered whose time is known in these days.", None, heads, rows)
    slowest = max(known, key=lambda one: one[1])
    said = f"Half of the calls to {named(slowest[0], by)} took at most {duration(slowest[1])}"
    said += ": no other was as slow." if len(known) > 1 else "."
    values = {"ours": [p50 / 1_000 for _, p50, _ in known], "off": [p95 / 1_000 for _, _, p95 in known]}
    axis = money_axis(max(values["off"]))
    names = [_short(one, by) for one, _, _ in known]
    picture = columns(Told(name, title), names, values, lambda value: f"{axis(value)} s")
    keys = (Key("ours", "half within"), Key("off", "nineteen of twenty within"))
    return Chart(name, title, said, picture, heads, rows, keys)


def row(one: Operation, by: str, leads: Leads) -> list[Cell]:
    """Of the table, under `COLUMNS`."""
    asked, tokens = one.asked, one.asked.tokens
    written = tokens["cache_write_5m"] + tokens["cache_write_1h"]
    return [
        _cell(one, by),
        money(asked.cost, leads(one)),
        counted(asked.calls, leads(one)),
        *map(counted, (tokens["input"], tokens["output"], tokens["cache_read"], written)),
        money(asked.cache_savings),
        money(asked.batch_savings),
        Cell(rate(one.retry_rate), is_number=True),
        *map(_took, p50_p95(one.latencies)),
    ]


def named(one: Operation, by: str) -> str:
    return str(one.key[by] or NO_TIER)


def _cell(one: Operation, by: str, href: str = "") -> Cell:
    """Short, and whole for whoever points at it."""
    short, whole = _short(one, by), named(one, by)
    return Cell(short, "" if short == whole else whole, href)


def _short(one: Operation, by: str) -> str:
    """Without the provider: there is little room beneath a column, and in a table."""
    text = named(one, by)
    return text.partition(":")[2] or text


def _took(milliseconds: int | None) -> Cell:
    return Cell(duration(milliseconds or None), f"{milliseconds:,} ms" if milliseconds else "", is_number=True)
