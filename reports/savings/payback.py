"""When it paid itself back, or will: one sentence."""

from analytics.costs import Summary
from analytics.projection.arithmetic import Outlook, Why
from analytics.projection.projecting import Prospect

from ..numbers import count, day

WHY = {
    Why.NOTHING_COMPLETED: "Nothing was completed lately, so nothing is on its way back.",
    Why.UNPRICED: "Calls have no price, so nobody can say when it pays itself back.",
    Why.NO_BASELINE: "What all-frontier would have cost is not known, so nobody can say when it pays itself back.",
    Why.SAVES_NOTHING: "An execution costs no less than all-frontier would, so it does not pay itself back.",
    Why.TOO_FAR: "At the pace of the last days it would take more than a hundred years to pay itself back.",
}


def payback(summary: Summary, projection: Prospect) -> str:
    """Of everything to date, whatever the window."""
    if summary.paid_back_on and projection.outlook.paid_back:
        return f"Designing it, and all else, was paid back on {day(summary.paid_back_on)}."
    outlook = projection.outlook
    if outlook.paid_back:
        return "Designing it, and all else, is paid back."
    return _to_come(outlook, projection.pace.days)


def _to_come(outlook: Outlook, days: int) -> str:
    if outlook.on:
        return (
            f"It is not paid back yet: after {count(outlook.executions_left)} more executions, at the pace of the last "
            f"{days} days on {day(outlook.on)}."
        )
    if outlook.why == Why.TOO_FEW:
        return (
            f"It is not paid back yet: it takes {count(outlook.executions_left)} more executions. Too few completed lately "
            "to name a day."
        )
    return WHY[outlook.why] if outlook.why else ""
