"""A summary in one sentence, with its evidence."""

from dataclasses import replace

import pytest

from analytics.baselines import Method
from analytics.costs import Override
from analytics.measuring import Measured
from analytics.rates import Rates
from reports.headline import headline
from reports.savings.lead import lead
from shadows.models import Subject
from tests.analytics.test_saying import summary


class Drawn(Measured):
    """With ends that are known, so that nothing is drawn."""

    interval = (1_710_447_761_194_029, 2_933_731_343_283_582)  # 91.96 and 95.31 percent of it are saved


def shadows(kind=Measured, n=412, compared=412, same=403, without=0):
    return kind(Subject.WORKFLOW, "opus", n, compared, same, cost=None, borrowed=0, without=without)


COUNTS = Rates(executions=412, finished=412, escalated=0, step_calls=0, repair_calls=0, p50_ms=None, p95_ms=None)


def of(method=Method.REPRICED_WARM, *, unpriced=0, measured=None, overridden=(), **said):
    balance = {"execution_cost": "137.592", "if_all_frontier": "2340.00", "completed": 412}
    found = summary(method, **(balance | said))
    return replace(found, rates=COUNTS, baseline_unpriced=unpriced, measured=measured, overridden=list(overridden))


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (of(), "Saved 94.1% of 2,340.00 USD, n = 412, repriced warm, estimated."),
        (
            of(Method.MEASURED, measured=shadows(Drawn)),
            "Saved 94.1% (92.0–95.3) of 2,340.00 USD, agreement 97.8% (95.9–98.8), n = 412, measured.",
        ),
        (
            of(Method.MEASURED, measured=shadows(n=82, compared=82, same=79)),
            "Saved 94.1% of 2,340.00 USD, agreement 96.3% (89.8–98.7), n = 82, measured.",
        ),
        (
            of(Method.MEASURED, measured=shadows(n=18, compared=18, same=18, without=1), if_all_frontier=None),
            "Savings are not known: there are 18 shadows, and it takes 30 of each workflow.",
        ),
        (
            of(Method.MEASURED, measured=shadows(n=1, compared=1, same=1, without=1), if_all_frontier=None),
            "Savings are not known: there is 1 shadow, and it takes 30 of each workflow.",
        ),
        (of(execution_cost="0.468"), "Saved 99.98% of 2,340.00 USD, n = 412, repriced warm, estimated."),
        (of(execution_cost="0.0936"), "Saved 99.996% of 2,340.00 USD, n = 412, repriced warm, estimated."),
        (of(execution_cost="2339.532"), "Saved 0.02% of 2,340.00 USD, n = 412, repriced warm, estimated."),
        (
            of(simulated=True, unproven=True, overridden=[Override("refund", "1.0.0", "alice", "in haste")]),
            "Saved 94.1% of 2,340.00 USD, n = 412, repriced warm, estimated, simulated, unproven, overridden.",
        ),
        (
            of(execution_cost="12.345", if_all_frontier="0.000245"),
            "Cost 12.34 USD more than the 0.00024 USD of all-frontier, n = 412, repriced warm, estimated.",
        ),
        (of(unpriced_calls=3), "Savings are not known: 3 calls have no price, incomplete."),
        (of(unpriced_calls=1), "Savings are not known: 1 call has no price, incomplete."),
        (of(if_all_frontier=None, unpriced=7), "Savings are not known: 7 answers have no price to compare with."),
        (
            of(Method.DECLARED, if_all_frontier=None, unpriced=412),
            "Savings are not known: nobody declared what one costs on the frontier.",
        ),
        (
            of(execution_cost="5.20", if_all_frontier="0", completed=0),
            "Spent 5.20 USD, with no execution completed that it could have saved on.",
        ),
        (summary(unproven=True), "Not executed yet: nothing paid, nothing saved."),
    ],
)
def test_it_says_what_was_saved_and_what_that_is_worth(found, sentence):
    assert headline(found) == sentence


def test_the_line_below_says_it_in_dollars_and_what_all_frontier_is():
    said = lead(of(Method.MEASURED, measured=shadows(Drawn)))
    assert said["sentences"] == [
        "That is 2,202.41 USD, for 137.59 USD paid.",
        "All-frontier: what opus alone would have cost for the same work.",
    ]
    assert lead(of(execution_cost="2341"))["sentences"][0] == "2,341.00 USD were paid for it."
    assert lead(summary())["sentences"] == []


def test_each_word_of_the_evidence_is_explained_below():
    measured = of(Method.MEASURED, measured=shadows(n=82, compared=82, same=79))
    assert lead(measured)["labels"] == [
        ("measured", "82 executions were also run on the frontier: n = 82"),
        (
            "agreement",
            "how often the frontier gave the same result; in brackets, where the true share lies with 95% confidence",
        ),
    ]
    warm, cold = (lead(of(method))["labels"][0] for method in (Method.REPRICED_WARM, Method.REPRICED_COLD))
    assert warm == ("repriced warm", "the tokens of 412 executions at the frontier’s prices, its cache warm: n = 412")
    assert cold == ("repriced cold", "the tokens of 412 executions at the frontier’s prices, without a cache: n = 412")
    declared = lead(of(Method.DECLARED))["labels"]
    assert declared == [("declared", "what a person said that 412 executions would have cost on the frontier")]
