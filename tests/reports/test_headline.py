"""A summary in one sentence, with its evidence."""

import pytest

from reports.headline import headline

SUMMARY = {
    **{"executions": 412, "finished": 412, "completed": 412, "unpriced_calls": 0, "complete": True},
    **{"simulated": False, "unproven": False, "overridden": [], "total_cost": "137.592", "savings": "2202.408"},
    **{"if_all_frontier": "2340.00", "savings_percent": "94.12"},
    "baseline": {
        **{"method": "repriced_warm", "n": 412, "estimated": True, "unpriced": 0},
        **{"agreement": None, "agreement_interval": None, "savings_percent_interval": None},
    },
}
MEASURED = {
    **{"method": "measured", "n": 412, "estimated": False, "unpriced": 0},
    **{"agreement": "0.9782", "agreement_interval": ["0.9509", "0.9911"]},
    "savings_percent_interval": ["91.96", "95.31"],
}
UNMEASURED = {**MEASURED, "n": 7, "unpriced": 1, "agreement": None, "agreement_interval": None}
NOTHING = {
    **{
        "executions": 0,
        "finished": 0,
        "completed": 0,
        "total_cost": "0.00",
        "savings": "0.00",
        "if_all_frontier": "0.00",
    },
    **{"savings_percent": None, "baseline": {**SUMMARY["baseline"], "n": 0}},
}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "Saved 94.1% of 2,340.00 USD, n = 412, repriced warm, estimated."),
        (
            {"baseline": MEASURED},
            "Saved 94.1% (92.0–95.3) of 2,340.00 USD, agreement 97.8% (95.1–99.1), n = 412, measured.",
        ),
        (
            {"baseline": UNMEASURED, "savings": None, "if_all_frontier": None},
            "Savings unknown: it takes 30 shadows of each workflow, n = 7, measured.",
        ),
        ({"savings_percent": "99.98"}, "Saved 99.98% of 2,340.00 USD, n = 412, repriced warm, estimated."),
        ({"savings_percent": "0.02"}, "Saved 0.02% of 2,340.00 USD, n = 412, repriced warm, estimated."),
        (
            {"simulated": True, "unproven": True, "overridden": [{"workflow": "refund"}]},
            "Saved 94.1% of 2,340.00 USD, n = 412, repriced warm, estimated, simulated, unproven, overridden.",
        ),
        (
            {"savings": "-12.345", "if_all_frontier": "0.000245"},
            "Cost 12.34 USD more than the 0.000245 USD of all-frontier, n = 412, repriced warm, estimated.",
        ),
        (
            {"savings": None, "savings_percent": None, "unpriced_calls": 3, "complete": False},
            "Savings unknown: 3 calls have no price, n = 412, repriced warm, estimated, incomplete.",
        ),
        (
            {"savings": None, "if_all_frontier": None, "baseline": {**SUMMARY["baseline"], "unpriced": 7}},
            "Savings unknown: 7 answers have no price to compare with, n = 412, repriced warm, estimated.",
        ),
        (
            {**NOTHING, "total_cost": "5.20", "savings": "-5.20"},
            "Spent 5.20 USD, with no execution completed that it could have saved on.",
        ),
        ({**NOTHING, "unproven": True}, "No execution, and no cost, unproven."),
    ],
)
def test_it_says_what_was_saved_and_what_that_is_worth(said, sentence):
    assert headline({**SUMMARY, **said}) == sentence
