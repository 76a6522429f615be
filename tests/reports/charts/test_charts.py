"""Charts: what they say, what their tables hold, and that a picture has nothing that the policy of the pages forbids."""

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from analytics.baselines import Method
from analytics.savings import Balance
from analytics.waterfall import Part
from reports.charts.cumulative import POINTS, cumulative
from reports.charts.drawing import money_axis
from reports.charts.falls import falls
from reports.charts.kinds import Between, Fall, Told, columns, lines, waterfall
from shadows.models import Subject

MONDAY = date(2026, 11, 16)
PICO = 10**12


def days(*paid_and_frontier: tuple[str, str | None]) -> dict[date, Balance]:
    return {
        MONDAY + timedelta(days=at): Balance(
            execution_cost=Decimal(paid), if_all_frontier=None if frontier is None else Decimal(frontier)
        )
        for at, (paid, frontier) in enumerate(paid_and_frontier)
    }


def summary(of: dict[date, Balance], paid_back_on: date | None = None) -> SimpleNamespace:
    return SimpleNamespace(days=of, paid_back_on=paid_back_on)


def table(chart) -> list[list[str]]:
    return [[cell.text for cell in row] for row in chart.rows]


def test_costs_are_added_up_day_by_day_until_they_are_paid_back():
    chart = cumulative(summary(days(("3", "0"), ("0.5", "2"), ("0.5", "4")), MONDAY + timedelta(days=2)))
    assert table(chart) == [
        ["16 November 2026", "3.00 USD", "0.00 USD", "−3.00 USD"],
        ["17 November 2026", "3.50 USD", "2.00 USD", "−1.50 USD"],
        ["18 November 2026", "4.00 USD", "6.00 USD", "2.00 USD"],
    ]
    assert chart.said == (
        "By 18 November 2026, 4.00 USD were paid, where all-frontier would have cost 6.00 USD. It paid itself back on "
        "18 November 2026."
    )
    assert [key.mark for key in chart.keys] == ["ours", "theirs", "point"]


def test_a_day_on_which_nothing_happened_takes_its_place():
    of = {MONDAY: Balance(execution_cost=Decimal(1)), MONDAY + timedelta(days=3): Balance(execution_cost=Decimal(1))}
    chart = cumulative(summary(of))
    assert [row[1] for row in table(chart)] == ["1.00 USD", "1.00 USD", "1.00 USD", "2.00 USD"]
    assert "It had not paid itself back by then." in chart.said


def test_what_was_paid_back_and_is_not_any_more_is_not_said_to_be():
    chart = cumulative(summary(days(("1", "0"), ("1", "3"), ("5", "1")), MONDAY + timedelta(days=1)))
    assert chart.said.endswith("It had paid itself back on 17 November 2026, and had not again by then.")


def test_a_single_day_is_two_bars():
    picture = cumulative(summary(days(("1", "3")))).picture
    assert "all-frontier" in picture and "paid" in picture
    assert "horizontal" in picture


def test_what_is_not_known_is_not_drawn():
    chart = cumulative(summary(days(("1", "2"), ("1", None), ("1", "2"))))
    assert chart.picture is None
    assert [row[2] for row in table(chart)] == ["2.00 USD", "–", "–"]
    assert "What all-frontier would have cost is not known of each day." in chart.said


def test_before_anything_happened_it_says_so():
    chart = cumulative(summary({}))
    assert (chart.picture, chart.rows, chart.said) == (None, [], "Nothing was paid and nothing was completed yet.")


def test_years_are_thinned_out_and_keep_their_ends_and_the_day_that_paid():
    of = days(*[("1", "3")] * 1_000)
    paid_back = MONDAY + timedelta(days=501)
    chart = cumulative(summary(of, paid_back))
    assert len(chart.rows) == POINTS + 1
    shown = [row[0] for row in table(chart)]
    assert (shown[0], shown[-1]) == ("16 November 2026", "11 August 2029")
    assert "31 March 2028" in shown


def test_two_days_that_are_eight_thousand_years_apart_are_as_many_points():
    of = {day: Balance(execution_cost=Decimal(1)) for day in (date(1, 1, 1), MONDAY, date(9999, 12, 31))}
    chart = cumulative(summary(of))
    assert len(chart.rows) == POINTS
    assert [row[1] for row in table(chart)[:: POINTS - 1]] == ["1.00 USD", "3.00 USD"]


def falling(
    parts: list[Part],
    start: str | None,
    total: str,
    complete: bool = True,
    method: Method = Method.REPRICED_WARM,
    subject: Subject | None = None,
) -> SimpleNamespace:
    balance = SimpleNamespace(if_all_frontier=None if start is None else Decimal(start), total_cost=Decimal(total))
    measured = SimpleNamespace(subject=subject) if subject else None
    summary = SimpleNamespace(balance=balance, method=method, measured=measured)
    return SimpleNamespace(parts=parts, summary=summary, complete=complete)


def test_a_waterfall_names_the_lever_that_took_most_off_and_leads_on():
    parts = [Part("tier", 8 * PICO), Part("cache", PICO), Part("design", -2 * PICO), Part("shadow", 0)]
    chart = falls(falling(parts, "10", "3"), lambda part: f"/{part}")
    assert chart.said == (
        "All-frontier would have cost 10.00 USD; 3.00 USD were paid. Most was taken off by cheaper models: 8.00 USD."
    )
    assert [row[:2] for row in table(chart)] == [
        ["all-frontier", "10.00 USD"],
        ["cheaper models", "8.00 USD"],
        ["caching", "1.00 USD"],
        ["design", "−2.00 USD"],
        ["shadows", "0.00 USD"],
        ["paid", "3.00 USD"],
    ]
    assert [row[1].href for row in chart.rows] == ["", "/tier", "/cache", "/design", "/shadow", ""]
    assert "shadows" not in chart.picture


def test_caching_that_would_take_more_off_the_frontier_is_drawn_with_the_models():
    chart = falls(falling([Part("tier", 12 * PICO), Part("cache", -3 * PICO)], "10", "1"), lambda part: "")
    assert chart.said.endswith("Most was taken off by cheaper models, caches as they were: 9.00 USD.")
    assert "cheaper models, caches as they were" in chart.picture
    assert "mark-on" not in chart.picture  # nothing adds
    assert [row[:2] for row in table(chart)][1:3] == [["cheaper models", "12.00 USD"], ["caching", "−3.00 USD"]]
    assert chart.rows[2][2].text.startswith(
        "What caches took off here, less what they would have taken off the frontier"
    )


def test_caching_that_costs_more_than_it_saves_adds_where_the_baseline_has_no_cache():
    parts = [Part("tier", 12 * PICO), Part("cache", -3 * PICO)]
    chart = falls(falling(parts, "10", "1", method=Method.REPRICED_COLD), lambda part: "")
    assert "mark-on" in chart.picture
    assert chart.said.endswith("Most was taken off by cheaper models: 12.00 USD.")


@pytest.mark.parametrize(
    ("pico", "called"), [(2, "what the frontier used beyond"), (-1, "what the frontier used less"), (0, "fewer calls")]
)
def test_what_shadows_of_the_workflow_cost_beyond_its_tokens_is_not_called_fewer_calls(pico, called):
    parts = [Part("fewer_calls", pico * PICO), Part("tier", 5 * PICO)]
    found = falling(parts, "10", "1", method=Method.MEASURED, subject=Subject.WORKFLOW)
    assert table(falls(found, lambda part: ""))[1][0] == called


def test_what_the_frontier_used_beyond_is_no_lever_that_takes_off():
    parts = [Part("fewer_calls", 6 * PICO), Part("tier", 3 * PICO)]
    chart = falls(falling(parts, "10", "1", method=Method.MEASURED, subject=Subject.WORKFLOW), lambda part: "")
    assert chart.said.endswith("The largest difference is what the frontier used beyond the same tokens: 6.00 USD.")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            falling([Part("tier", None, "No price.")], None, "3"),
            "3.00 USD were paid. What all-frontier would have cost is",
        ),
        (falling([Part("tier", None, "No price.")], "10", "3", complete=False), "It does not add up, because a part"),
        (falling([], "0", "0"), "Nothing was paid and nothing was completed in these days."),
    ],
)
def test_what_does_not_add_up_is_told_and_not_drawn(found, said):
    chart = falls(found, lambda part: "")
    assert chart.picture is None
    assert chart.said.startswith(said)


TOLD = Told("one", "A <title> & more")
PICTURES = [
    lines(TOLD, ["1 Nov", "<2>"], {"ours": [1.0, 2.0], "theirs": [None, 3.0]}, money_axis(3), 1),
    columns(TOLD, ["<1.0.0>", "1.1.0"], {"ours": [Between(0.2, 0.1, 0.3), None]}, money_axis(1), 1.0),
    waterfall(
        TOLD, [Fall("<all>", 0, 5, "theirs"), Fall("tier", 5, -1, "off"), Fall("x", -1, -2, "on")], money_axis(5)
    ),
]


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_has_a_title_and_a_description_and_nothing_inline(picture):
    root = ElementTree.fromstring(picture)
    tags = {element.tag.split("}")[-1] for element in root.iter()}
    assert tags.isdisjoint({"style", "script", "defs", "image", "a"})
    assert not any("style" in element.attrib or "onclick" in element.attrib for element in root.iter())
    told = {element.get("id"): element.text for element in root.iter() if element.get("id")}
    assert told == {
        "one-title": "A <title> & more",
        "one-desc": "A sentence above says what one sees; the figures are in a table below.",
    }
    assert root.get("aria-labelledby") == "one-title one-desc"
    assert root.get("role") == "img"


def heights(picture) -> list[str]:
    """What stands along an axis of amounts, from zero on."""
    axis = next(one for one in ElementTree.fromstring(picture).iter() if one.get("class", "").startswith("axis y"))
    return sorted(one.text for one in axis.iter() if one.tag.endswith("text"))


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.024, 0.011], ["0.000", "0.005", "0.010", "0.015", "0.020", "0.025"]),
        ([100.42], ["0", "20", "40", "60", "80", "100", "120"]),
        ([2.4], ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]),
        ([Between(50, 40, 61)], ["0", "20", "40", "60", "80"]),
        ([100.0], ["0", "20", "40", "60", "80", "100"]),
    ],
)
def test_no_bar_goes_on_past_the_last_label_of_its_axis(values, shown):
    top = max(value.high if isinstance(value, Between) else value for value in values)
    assert heights(columns(TOLD, ["1.0.0"] * len(values), {"ours": values}, money_axis(top))) == sorted(shown)


def test_a_fall_through_zero_has_a_piece_on_each_side():
    root = ElementTree.fromstring(PICTURES[2])
    series = [one.get("class") for one in root.iter() if one.get("class", "").startswith("series mark-off")]
    assert len(series) == 4  # above and below, each in the plot and in what lies over it
    bars = [one for one in root.iter() if one.tag.endswith("rect") and float(one.get("width", 0)) > 0]
    assert len(bars) > 4


@pytest.mark.parametrize(
    ("top", "value", "text"),
    [(1_500, 1_200.0, "1,200"), (3, 1.5, "1.5"), (0.05, 0.012, "0.012"), (50, -20.0, "−20"), (0, 0.0, "0.000000000")],
)
def test_an_axis_has_as_many_places_as_tell_its_lines_apart(top, value, text):
    assert money_axis(top)(value) == text
