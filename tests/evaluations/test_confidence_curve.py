"""What a min_confidence would catch and cost."""

import pytest

from evaluations.confidence_curve import Answer, StepCost, curve

WRONG, FINE, UNKNOWN = True, False, None
ANSWERS = [
    Answer(0.5, WRONG),
    Answer(0.7, FINE),
    Answer(0.7, WRONG),
    Answer(0.9, UNKNOWN),
    Answer(0.95, FINE),
    Answer(0.95, FINE),
]


def told(point):
    shares = (point[name] for name in ("flagged", "recall", "false_escalation"))
    return (point["min_confidence"], *(f"{one['count']}/{one['n']}" for one in shares), point["cost_per_case"])


def test_each_observed_confidence_is_a_point():
    assert [told(point) for point in curve(ANSWERS, StepCost(own=2 * 10**6, frontier=12 * 10**6))] == [
        ("0.5000", "0/6", "0/2", "0/3", "0.000002"),
        ("0.7000", "1/6", "1/2", "0/3", "0.000004"),
        ("0.9000", "3/6", "2/2", "1/3", "0.000008"),
        ("0.9500", "4/6", "2/2", "1/3", "0.00001"),
    ]


def test_a_share_has_its_interval():
    assert curve(ANSWERS, StepCost())[1]["recall"] == {
        "n": 2,
        "count": 1,
        "rate": "0.5000",
        "interval": ["0.0945", "0.9055"],
    }


@pytest.mark.parametrize("cost", [StepCost(), StepCost(own=1), StepCost(frontier=1)])
def test_without_a_measured_cost_there_is_none(cost):
    assert {point["cost_per_case"] for point in curve(ANSWERS, cost)} == {None}


def test_an_answer_at_the_threshold_is_taken_as_the_engine_takes_it():
    """0.29 has no exact float: a comparison with the decimal number would flag it."""
    [point] = curve([Answer(0.29, FINE)], StepCost())
    assert told(point) == ("0.2900", "0/1", "0/0", "0/1", None)


def test_many_confidences_are_twenty_points_from_the_least_to_the_surest():
    points = curve([Answer(n / 1000, FINE) for n in range(1, 1000)], StepCost())
    assert len(points) == 20
    assert [points[n]["min_confidence"] for n in (0, 1, 18, 19)] == ["0.0010", "0.0540", "0.9460", "0.9990"]


def test_of_nothing_there_is_no_curve():
    assert curve([], StepCost()) == []
