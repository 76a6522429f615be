"""What a page begins with: the sentence, and what has to be known of every figure in it."""

from analytics.baselines import Method
from analytics.costs import Summary
from analytics.pages.saying import labels
from analytics.representation import represent_summary

from ..headline import headline, is_empty

ESTIMATED = "tokens of one model at the prices of another, which may count them otherwise; shadows would measure it"


def lead(summary: Summary) -> dict[str, object]:
    represented = represent_summary(summary)
    return {"headline": headline(represented), "labels": labelled(summary), "empty": is_empty(represented)}


def labelled(summary: Summary) -> list[tuple[str, str]]:
    found = labels(summary)
    if summary.method in (Method.REPRICED_WARM, Method.REPRICED_COLD) and summary.balance.completed:
        found.append(("estimated", ESTIMATED))
    return found
