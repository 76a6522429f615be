"""What the figures are called of which pages list the rows, and what those rows are."""

from collections.abc import Mapping
from typing import NamedTuple

from analytics.baselines import Method


class Figure(NamedTuple):
    """`called`: as a part of a sentence. `rows`: what they are, in sentences of their own."""

    called: str
    rows: str


FIGURES: Mapping[str, Figure] = {
    "total_cost": Figure(
        "total cost", "Every call that was paid for, whatever it was for, and whether its answer was used or not."
    ),
    "execution_cost": Figure(
        "execution cost",
        "The calls of production executions: their steps, repairs and escalations, whether the answer was used or not.",
    ),
    "design_cost": Figure(
        "design cost", "The calls that designed and redesigned it, and what people declared that designing cost."
    ),
    "design_measured": Figure("measured design cost", "The calls that designed and redesigned it."),
    "evaluation_cost": Figure(
        "evaluation cost", "The calls that proved versions over cases, judged their answers, and tried them out."
    ),
    "shadow_cost": Figure("shadow cost", "The calls that ran a share of the executions again, to measure."),
    "in_doubt_cost": Figure(
        "cost in doubt",
        "Calls of which nobody knows whether they were paid, at their upper bound, and the rows that correct them.",
    ),
    "unpriced": Figure(
        "calls without a price", "Calls whose model had no price when they were made. They are in none of the costs."
    ),
    "cache_savings": Figure(
        "saved by caches",
        "Calls that read or wrote the cache of a provider: what was read cost less than other input, what was written more.",
    ),
    "batch_savings": Figure(
        "saved by batches", "Calls that were made in a batch, which costs less than the standard price."
    ),
    "retries": Figure("repairs", "Calls that repaired an answer which a check had turned down."),
    "used": Figure(
        "answers that were used",
        "The answers that became the results of steps, in executions that completed and that nobody rejected.",
    ),
    "if_all_frontier": Figure(
        "if all frontier",
        "The answers that were used, each with what its tokens would have cost on the baseline’s model. An answer that the "
        "frontier gave itself counts at its own cost; a call whose answer nobody used counts nothing.",
    ),
}
# Methods by which all-frontier is no sum over answers.
NO_SUM = {
    Method.DECLARED: "what a person declared for each execution that completed",
    Method.MEASURED: "what the shadows of some executions cost, carried over to all",
}
# Which executions → what they are called, what they did, and what that is.
EXECUTIONS: Mapping[str, tuple[str, str, str]] = {
    "accepted": (
        *("accepted", "were accepted"),
        "Every production execution that was asked for in these days, whatever became of it.",
    ),
    "finished": (
        *("finished", "finished"),
        "What completed or failed in these days, and what waited for a person at their end, which is listed apart.",
    ),
    "completed": (
        *("completed", "completed"),
        "What gave an answer in these days that nobody has rejected: savings are counted over these.",
    ),
    "rejected": (
        *("completed, and rejected", "completed and were rejected"),
        "What gave an answer in these days of which somebody said that it was wrong: savings do not count it.",
    ),
    "failed": ("failed", "failed", "What ended in these days without an answer."),
    "escalated": (
        *("escalated", "were escalated"),
        "What ended in these days with a flag, for which a dearer model or a person was asked; and what waited for a person "
        "with a flag at their end, which is listed apart.",
    ),
    "flagged": (
        *("ended with a flag", "ended with a flag"),
        "What completed or failed in these days, and met something that its design left open, or was unsure.",
    ),
    "waiting": (
        *("waiting for a person", "waited for a person"),
        "What was escalated in these days, and still waited for a person at their end.",
    ),
    "reported": (
        *("reported by agents", "were reported by agents"),
        "What agents executed themselves in these days, and told. It is in no other count.",
    ),
}
