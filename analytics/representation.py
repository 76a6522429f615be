"""The cost summary as the API and the demo show it: money as exact text, percentages and rates rounded, once, here."""

from datetime import date
from decimal import Decimal

from wire.money import percent_text, pico_text, rate_text, to_pico, to_usd, usd_text

from .baselines import Method
from .costs import Summary
from .groups import Group
from .measuring import Measured
from .rates import Reported
from .savings import Balance, ratio
from .waterfall import Waterfall


def represent_summary(summary: Summary) -> dict:
    extent, rates, balance = summary.extent, summary.rates, summary.balance
    return {
        "workflow": extent.workflow.name if extent.workflow else None,
        "since": extent.since and extent.since.isoformat(),
        "until": extent.until and extent.until.isoformat(),
        "currency": "USD",
        "simulated": extent.simulated,
        "complete": balance.complete,
        "unpriced_calls": balance.unpriced_calls,
        "reported": _represent_reported(summary.reported),
        "unproven": summary.unproven,
        "overridden": [one._asdict() for one in summary.overridden],
        "executions": rates.executions,
        "finished": rates.finished,
        "completed": balance.completed,
        **_represent_money(balance),
        "payback_executions": summary.to_date.payback_executions,
        "paid_back_at": summary.paid_back_on and summary.paid_back_on.isoformat(),
        "escalation_rate": rate_text(ratio(rates.escalated, rates.finished)),
        "retry_rate": rate_text(ratio(rates.repair_calls, rates.step_calls)),
        "cache_savings": usd(summary.cache_savings),
        "batch_savings": usd(summary.batch_savings),
        "agreement": _agreement(summary.measured)[0],
        "latency_ms": {"p50": rates.p50_ms, "p95": rates.p95_ms},
        "baseline": _represent_baseline(summary),
    }


def _represent_reported(reported: Reported) -> dict:
    return {
        "executions": reported.executions,
        "calls": reported.calls,
        "cost": usd_text(to_usd(reported.cost)),
        "unpriced_calls": reported.unpriced,
    }


def _represent_money(balance: Balance) -> dict:
    return {
        "execution_cost": usd(balance.execution_cost),
        "design_cost": usd(balance.design_cost),
        "design": {"declared": usd(balance.design_declared), "measured": usd(balance.design_measured)},
        "evaluation_cost": usd(balance.evaluation_cost),
        "shadow_cost": usd(balance.shadow_cost),
        "in_doubt_cost": usd(balance.in_doubt_cost),
        "total_cost": usd(balance.total_cost),
        "if_all_frontier": usd(balance.if_all_frontier),
        "savings": usd(balance.savings),
        "savings_percent": percent_text(balance.savings_percent),
        "roi_percent": percent_text(balance.roi_percent),
        "cost_per_completed": usd(balance.cost_per_completed),
    }


def _represent_baseline(summary: Summary) -> dict:
    """`estimated`: tokens of one model at the prices of another, and no list says which models count tokens alike.
    `unpriced`: used answers (declared: executions, measured: workflows) without a baseline figure, the reason for a null figure.
    `n`: completed executions, or shadows."""
    measured, method = summary.measured, summary.method
    agreement, agreement_interval = _agreement(measured)
    return {
        "method": method,
        "model": summary.model,
        "subject": measured and measured.subject,
        "n": measured.n if measured else summary.balance.completed,
        "estimated": method in (Method.REPRICED_WARM, Method.REPRICED_COLD),
        "unpriced": summary.baseline_unpriced,
        "borrowed": measured and measured.borrowed,
        "agreement": agreement,
        "agreement_interval": agreement_interval,
        **_intervals(summary),
    }


def _agreement(measured: Measured | None) -> tuple[str | None, list[str] | None]:
    """And its Wilson interval; None under 30 shadows that were compared."""
    if measured is None or not measured.share.says:
        return None, None
    return rate_text(measured.share.rate), [rate_text(Decimal(end)) for end in measured.share.interval]


def _intervals(summary: Summary) -> dict:
    """Of if_all_frontier, and what it makes of the savings: each grows with it."""
    found = summary.measured.interval if summary.measured else None
    ends = [summary.balance.against(to_usd(end)) for end in found or ()]
    known = ends and ends[0].savings is not None
    percents = [end.savings_percent for end in ends] if known else [None]
    return {
        "interval": [usd(end.if_all_frontier) for end in ends] or None,
        "savings_interval": [usd(end.savings) for end in ends] if known else None,
        "savings_percent_interval": None if None in percents else [percent_text(one) for one in percents],
    }


def represent_group(group: Group) -> dict:
    key = {name: value.isoformat() if isinstance(value, date) else value for name, value in group.key.items()}
    return {
        **key,
        "cost": usd(group.cost),
        "calls": group.calls,
        "unpriced_calls": group.unpriced_calls,
        "tokens": represent_tokens(group.tokens),
    }


def represent_tokens(tokens: dict[str, int]) -> dict[str, int]:
    return {
        "input": tokens["input"],
        "output": tokens["output"],
        "cache_read": tokens["cache_read"],
        "cache_write": tokens["cache_write_5m"] + tokens["cache_write_1h"],
    }


def represent_waterfall(found: Waterfall) -> dict:
    """`parts` in their order: what each takes off `if_all_frontier`; negative: it adds. What is left is `total_cost`."""
    summary = represent_summary(found.summary)
    head = ("workflow", "since", "until", "currency", "simulated", "unpriced_calls", "completed", "baseline")
    return {
        **{name: summary[name] for name in head},
        "complete": found.complete,
        "if_all_frontier": summary["if_all_frontier"],
        "parts": [{"part": one.name, "amount": pico_text(one.pico), "reason": one.reason} for one in found.parts],
        "total_cost": summary["total_cost"],
    }


def usd(amount: Decimal | None) -> str | None:
    """What is a sum of ledger rows is exact to the pico-dollar anyway; a quotient is rounded to it, half to even."""
    return None if amount is None else usd_text(to_usd(to_pico(amount)))
