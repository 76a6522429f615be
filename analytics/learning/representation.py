"""What the API says of whether a workflow learns: money as exact text, rates rounded, once, here."""

from decimal import Decimal

from evaluations.statistics import Interval
from wire.money import rate_text, to_usd, usd_text
from wire.times import rfc3339

from ..representation import usd
from .by_version import Comparison, Escalated
from .design_costs import Spent
from .figures import Learning
from .fixes import Recurrence

MOST_GROUPS = 50


def represent_learning(learning: Learning) -> dict:
    extent, spent, times = learning.extent, learning.designing, learning.time_to_fix
    versions, declared = spent.declared
    return {
        "workflow": extent.workflow.name,
        "since": extent.since and extent.since.isoformat(),
        "until": extent.until and extent.until.isoformat(),
        "currency": "USD",
        "simulated": extent.simulated,
        "versions": [_represent_version(one) for one in learning.versions],
        "change": learning.comparison and _represent_change(learning.comparison),
        "design": _represent_spent(spent.design),
        "redesign": _represent_spent(spent.redesign),
        "declared": {"versions": versions, "cost": usd_text(to_usd(declared))},
        "redesign_per_design": rate_text(spent.share),
        "recurrence": {
            "closed": learning.closed,
            "recurred": len(learning.recurred),
            "groups": [_represent_group(one) for one in learning.recurred[:MOST_GROUPS]],
        },
        "time_to_fix": {"flags": times.flags, "p50": times.p50, "p95": times.p95},
        "in_redesign": {"flags": times.waiting, "oldest": rfc3339(times.oldest)},
    }


def _represent_version(one: Escalated) -> dict:
    return {
        "version": one.version,
        "published_at": rfc3339(one.published_at),
        "finished": one.finished,
        "escalated": one.flagged,
        "run_again": one.moved,
        "escalation_rate": _rate(one.rate),
        "interval": _interval(one.interval),
    }


def _represent_change(change: Comparison) -> dict:
    return {
        "before": change.before.version,
        "after": change.after.version,
        "difference": _rate(change.difference),
        "interval": _interval(change.interval),
        "verdict": change.verdict,
    }


def _represent_spent(spent: Spent) -> dict:
    return {
        "completed": spent.completed,
        "failed": spent.failed,
        "cancelled": spent.cancelled,
        "unfinished": spent.unfinished,
        "cost": usd_text(spent.total),
        "unpriced_calls": spent.unpriced,
        "cost_per_completed": usd(spent.per_completed),
    }


def _represent_group(one: Recurrence) -> dict:
    return {
        "id": str(one.group.pk),
        "step": one.group.step,
        "reason": one.group.reason,
        "version": one.closing.number,
        "closed_at": rfc3339(one.closing.at),
        "flags": one.flags,
        "latest_at": rfc3339(one.latest_at),
    }


def _rate(value: float | None) -> str | None:
    return None if value is None else rate_text(Decimal(value))


def _interval(found: Interval | None) -> list[str | None] | None:
    return found and [_rate(one) for one in found]
