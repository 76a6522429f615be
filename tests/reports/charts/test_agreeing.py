"""What the charts of agreement say, and what they draw."""

from datetime import date
from decimal import Decimal

from analytics.agreement import Agreement, OfVersion, Period
from analytics.measuring import Measured
from analytics.shadowed import Share
from reports.charts.agreeing import by_step, costs, over_time
from shadows.models import Subject

MEASURED = Measured(Subject.WORKFLOW, "anthropic:claude-opus-4-5", 60, 60, 57, 1, None, 0, 0)


def agreement(**fields):
    empty = {"extent": None, "measured": MEASURED, "completed": 60, "here": None, "drawn": {}, "others": {}}
    return Agreement(
        **{**empty, "parts": [], "versions": [], "periods": [], "monthly": False, "stepwise": {}, **fields}
    )


def texts(chart):
    return [[cell.text for cell in row] for row in chart.rows]


def test_the_step_that_agrees_least_comes_first():
    chart = by_step(agreement(stepwise={"draft": Share(60, 60), "decide": Share(54, 60), "rare": Share(3, 4)}))
    assert chart.said == (
        "Least alike is decide with 90.0% (79.9–95.3), most alike draft with 100.0% (94.0–100.0). The axis begins at 70%."
    )
    assert "70%" in chart.picture and "60%" not in chart.picture
    assert texts(chart) == [
        ["rare", "3", "4", "75.0%", "30.1–95.4"],
        ["decide", "54", "60", "90.0%", "79.9–95.3"],
        ["draft", "60", "60", "100.0%", "94.0–100.0"],
    ]
    assert "decide" in chart.picture and "rare" not in chart.picture  # too few to be drawn beside the others
    assert chart.picture.count('class="ci"') == 2


def test_steps_that_agree_alike_are_said_to():
    chart = by_step(agreement(stepwise={"draft": Share(60, 60), "decide": Share(60, 60)}))
    assert chart.said == "Every step agrees alike, in 100.0% (94.0–100.0). The axis begins at 90%."


def test_without_enough_of_any_step_nothing_is_drawn():
    assert by_step(agreement(stepwise={"draft": Share(9, 10)})).picture is None
    assert by_step(agreement()).said.startswith("No step was compared")


def test_months_are_named_with_their_year():
    months = [Period(date(2026, month, 1), Share(29, 30)) for month in range(1, 12)]
    chart = over_time(agreement(periods=months, monthly=True))
    assert chart.title == "Agreement by month"
    assert chart.said == "In the month from 1 November 2026, 29 of 30 agree, and 290 of 300 before it."
    assert "Jan 2026" in chart.picture and "Feb 2026" not in chart.picture  # every other one has room


def test_one_week_is_not_held_against_another():
    chart = over_time(agreement(periods=[Period(date(2026, 11, 16), Share(57, 60))]))
    assert (chart.picture, chart.said) == (None, "There are too few shadows to tell one week from another.")


def test_a_shadow_stands_beside_an_execution_of_its_version():
    versions = [
        OfVersion("1.1.0", Share(38, 40), Decimal("0.150"), Decimal("0.025")),
        OfVersion("1.0.0", Share(3, 3), Decimal("0.140"), Decimal("0.020")),
    ]
    chart = costs(agreement(versions=versions), {"1.1.0": "/there/"})
    assert (
        chart.said
        == "Of version 1.1.0, a shadow costs 0.150 USD and an execution 0.0250 USD: the frontier costs 6.0 times as much."
    )
    assert [row[0].href for row in chart.rows] == ["/there/", ""]
    assert "1.1.0" in chart.picture and "1.0.0" not in chart.picture


def test_a_frontier_that_costs_no_more_is_said_to():
    versions = [OfVersion("1.1.0", Share(38, 40), Decimal("0.01"), Decimal("0.02"))]
    assert costs(agreement(versions=versions), {}).said.endswith("the frontier costs no more.")
