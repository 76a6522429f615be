"""What designing is of what executions cost, drawn and told."""

import pytest

from analytics.projection.arithmetic import Pace
from reports.charts.design_share import design_share
from reports.numbers import of_percent

CENT = 10**10  # pico-dollars


def pace(running: int | None = 100 * CENT) -> Pace:
    """100 executions in ten days, each for a cent where the frontier takes five."""
    return Pace(days=10, completed=100, running=running, testing=0, if_all_frontier=500 * CENT)


def test_ten_times_as_many_executions_make_the_design_a_tenth_of_them():
    chart = design_share(5 * CENT, pace())
    assert (
        chart.said
        == "At 100, 1,000, 10,000 executions the design is 5.0%, 0.50%, 0.05% of what they cost: it is paid once."
    )
    assert [[cell.text for cell in row] for row in chart.rows] == [
        ["100", "5.0%", "4.8%", "0.050 USD", "1.00 USD", "1.05 USD", "5.00 USD", "3.95 USD"],
        ["1,000", "0.50%", "0.50%", "0.050 USD", "10.00 USD", "10.05 USD", "50.00 USD", "39.95 USD"],
        ["10,000", "0.05%", "0.05%", "0.050 USD", "100.00 USD", "100.05 USD", "500.00 USD", "399.95 USD"],
    ]
    assert chart.picture


@pytest.mark.parametrize(
    ("design", "running", "said"),
    [
        (None, 100 * CENT, "is not known"),
        (5 * CENT, None, "is not known"),
        (0, 100 * CENT, "Designing cost nothing that is known here"),
    ],
)
def test_what_is_not_known_is_not_drawn(design, running, said):
    chart = design_share(design, pace(running))
    assert said in chart.said
    assert (chart.picture is None) == (said == "is not known")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0%"),
        (1250, "1,250%"),
        (236, "236%"),
        (23.6, "23.6%"),
        (5, "5.0%"),
        (0.5, "0.50%"),
        (0.05, "0.05%"),
        (-12.5, "−12.5%"),
    ],
)
def test_a_percentage_has_as_many_places_as_say_something(value, text):
    assert of_percent(value) == text
