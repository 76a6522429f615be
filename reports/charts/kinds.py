"""The kinds of pictures that the pages have: lines over time, columns beside each other, and a waterfall. Values are floats, which
are drawn and never shown; None is a gap."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pygal
from markupsafe import Markup

from .drawing import config, drawn, scaled

Value = float | None
Axis = Callable[[float], str]
NAMES = 4  # along the axis of a line


@dataclass(frozen=True)
class Told:
    """For who does not see the picture. What one sees in it stands above it, for everybody."""

    name: str
    title: str


class Between(NamedTuple):
    """A value and where the true one lies."""

    value: float
    low: float
    high: float


class Fall(NamedTuple):
    """A bar of a waterfall, from one height to another. `mark`: what it is."""

    label: str
    begins: float
    ends: float
    mark: str


def lines(
    told: Told, names: Sequence[str], series: Mapping[str, Sequence[Value]], axis: Axis, point: int | None
) -> Markup:
    """`series` by mark. `point`: the place of one value of the first series that is marked."""
    chart = pygal.Line(
        config(
            show_dots=False,
            x_labels_major_count=NAMES,
            show_minor_x_labels=False,
            include_x_axis=True,
            truncate_label=-1,
        )
    )
    chart.x_labels, chart.value_formatter = names, axis
    known = [value for values in series.values() for value in values if value is not None]
    scaled(chart, min(known, default=0), max(known, default=0))
    for mark, values in series.items():
        chart.add(mark, list(values))
    marks = list(series)
    if point is not None:
        first = next(iter(series.values()))
        chart.add("point", [one if at == point else None for at, one in enumerate(first)], show_dots=True, dots_size=5)
        marks.append("point")
    return drawn(chart, marks, told.title, told.name)


def columns(
    told: Told,
    names: Sequence[str],
    series: Mapping[str, Sequence[Value | Between]],
    axis: Axis,
    top: float | None = None,
) -> Markup:
    """`series` by mark, beside each other over each name. `top`: where the axis ends."""
    chart = pygal.Bar(config(include_x_axis=True, spacing=12, truncate_label=-1))
    chart.x_labels, chart.value_formatter = names, axis
    scaled(chart, 0, _highest(series) if top is None else top)
    for mark, values in series.items():
        chart.add(mark, [_shown(value) for value in values])
    return drawn(chart, list(series), told.title, told.name)


def bars(
    told: Told,
    names: Sequence[str],
    series: Mapping[str, Sequence[Value | Between]],
    axis: Axis,
    span: tuple[float, float] | None = None,
) -> Markup:
    """The same lying, the first one on top: for names that are words. `span`: where the axis begins and ends."""
    height = 24 * len(names) * len(series) + 70
    chart = pygal.HorizontalBar(config(spacing=10, truncate_label=-1, height=height))
    chart.x_labels, chart.value_formatter = list(reversed(names)), axis
    if span is None:
        scaled(chart, 0, _highest(series))
    else:
        chart.range, chart.zero = span, span[0]
    marks = list(reversed(series))
    for mark in marks:
        chart.add(mark, [_shown(value) for value in reversed(series[mark])])
    return drawn(chart, marks, told.title, told.name)


def _highest(series: Mapping[str, Sequence[Value | Between]]) -> float:
    values = [value for values in series.values() for value in values if value is not None]
    return max((value.high if isinstance(value, Between) else value for value in values), default=0)


def _shown(value: Value | Between) -> object:
    if not isinstance(value, Between):
        return value
    return {"value": value.value, "ci": {"low": value.low, "high": value.high}}


def waterfall(told: Told, falls: Sequence[Fall], axis: Axis) -> Markup:
    """Lying bars, the first one on top: their names are words. What a bar floats on is not coloured."""
    chart = pygal.HorizontalStackedBar(config(spacing=10, truncate_label=-1, height=26 * len(falls) + 60))
    shown = list(reversed(falls))
    chart.x_labels, chart.value_formatter = [fall.label for fall in shown], axis
    ends = [end for fall in falls for end in (fall.begins, fall.ends)]
    scaled(chart, min(ends), max(ends))
    marks = list(dict.fromkeys(fall.mark for fall in falls))
    pieces = [_pieces(fall) for fall in shown]
    chart.add("base", [base for base, _, _ in pieces])
    for mark in marks:
        chart.add(
            mark, [above if fall.mark == mark else None for fall, (_, above, _) in zip(shown, pieces, strict=True)]
        )
    for mark in marks:
        chart.add(
            mark, [below if fall.mark == mark else None for fall, (_, _, below) in zip(shown, pieces, strict=True)]
        )
    return drawn(chart, ["base", *marks, *marks], told.title, told.name)


def _pieces(fall: Fall) -> tuple[float, float, float]:
    """(what it floats on, the piece above zero, the piece below): of a stack, each side of zero grows by itself."""
    low, high = sorted((fall.begins, fall.ends))
    if low >= 0:
        return low, high - low, 0
    if high <= 0:
        return high, 0, low - high
    return 0, high, low


def signed_bars(told: Told, names: Sequence[str], values: Sequence[float], marks: Sequence[str], axis: Axis) -> Markup:
    """Lying bars, the first one on top, to the left of zero where they are below it. `marks`: what each is."""
    chart = pygal.HorizontalStackedBar(config(spacing=10, truncate_label=-1, height=26 * len(values) + 60))
    chart.x_labels, chart.value_formatter = list(reversed(names)), axis
    scaled(chart, min(values), max(values))
    kinds = list(dict.fromkeys(marks))
    for kind in kinds:
        mine = [value if mark == kind else None for value, mark in zip(values, marks, strict=True)]
        chart.add(kind, list(reversed(mine)))
    return drawn(chart, kinds, told.title, told.name)
