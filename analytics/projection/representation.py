"""A projection as the API shows it: money as exact text, percentages rounded, once, here."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from wire.money import percent_text, pico_text, rate_text, usd_text

from ..costs import Summary
from ..representation import usd
from ..savings import Balance
from .arithmetic import ENOUGH, Outlook, Pace, Period, Share, minus, times
from .arithmetic import percent as percent_of
from .predicted import Predicted
from .projecting import Projection
from .what_if import Figures, Found


def represent_projection(projection: Projection) -> dict:
    life, recent, pace = projection.life, projection.recent, projection.pace
    return {
        "workflow": recent.extent.workflow.name,
        "currency": "USD",
        "simulated": recent.extent.simulated,
        "estimated": True,
        "baseline": represent_baseline(recent),
        "based_on": {
            "since": recent.extent.since.isoformat(),
            "until": recent.extent.until.isoformat(),
            "days": pace.days,
            "completed": pace.completed,
            "at_least": ENOUGH,
        },
        "payback": {
            "predicted": _represent_predicted(projection.predicted),
            "actual": _represent_actual(life),
            **_represent_outlook(projection.outlook),
        },
        "per_execution": _represent_each(pace),
        "at": [_represent_share(life.balance, share) for share in projection.shares],
        **{f"per_{period.name}": _represent_period(period) for period in projection.periods},
    }


def represent_baseline(summary: Summary) -> dict:
    return {"method": summary.method, "model": summary.model}


def _represent_predicted(said: Predicted | None) -> dict | None:
    if said is None:
        return None
    return {
        "design": str(said.design),
        "kind": said.kind,
        "version": said.version,
        "said_on": said.said_on.isoformat(),
        "design_cost": usd_text(said.design_cost),
        "cost_per_execution": usd_text(said.per_execution),
        "if_all_frontier_per_execution": usd_text(said.if_all_frontier),
        "payback_executions": said.executions,
        "executions_per_month": said.a_month,
        "paid_back_at": _day(said.on),
    }


def _represent_actual(life: Summary) -> dict:
    balance = life.balance
    return {
        "completed": balance.completed,
        "design_cost": usd(balance.design_cost) if balance.complete else None,
        "savings": usd(balance.savings),
        "payback_executions": balance.payback_executions,
        "paid_back_at": _day(life.paid_back_on),
    }


def _represent_outlook(outlook: Outlook) -> dict:
    return {
        "paid_back": outlook.paid_back,
        "executions_left": outlook.executions_left,
        "expected_on": _day(outlook.on),
        "reason": outlook.why,
    }


def _represent_each(pace: Pace) -> dict:
    return {
        "cost": pico(pace.each(pace.running)),
        "if_all_frontier": pico(pace.each(pace.if_all_frontier)),
        "saves": pico(pace.each(pace.gain)),
    }


def _represent_share(balance: Balance, share: Share) -> dict:
    return {
        "executions": share.executions,
        "design_cost": usd(balance.design_cost) if balance.complete else None,
        "execution_cost": pico(share.execution_cost),
        "cost": pico(share.cost),
        "if_all_frontier": pico(share.if_all_frontier),
        "savings": pico(share.savings),
        "share_of_execution_cost": percent(share.of_execution_cost),
        "share_of_total": percent(share.of_total),
    }


def _represent_period(period: Period) -> dict:
    return {
        "executions": hundredths(period.executions),
        "cost": pico(period.running),
        "evaluation_and_shadow_cost": pico(period.testing),
        "if_all_frontier": pico(period.if_all_frontier),
        "savings": pico(period.savings),
    }


def represent_what_if(found: Found) -> dict:
    window, completed = found.recent.extent, found.pace.completed
    was, would, frontier = found.was, found.would, found.frontier
    return {
        "workflow": window.workflow.name,
        "since": window.since.isoformat(),
        "until": window.until.isoformat(),
        "currency": "USD",
        "simulated": window.simulated,
        "estimated": True,
        "completed": completed,
        "n": found.n,
        "share_of_all": rate_text(Decimal(round(Fraction(found.n, completed) * 10_000)).scaleb(-4))
        if completed
        else None,
        "baseline": represent_baseline(found.recent),
        "volume_per_month": hundredths(found.volume),
        "if_all_frontier": pico(frontier),
        "recorded": _represent_costing(was, frontier, found.volume),
        "what_if": _represent_costing(would, frontier, found.volume),
        "difference": {
            "per_completed": pico(minus(would, was)),
            "per_month": pico(times(minus(would, was), found.volume)),
        },
        "percent": percent(percent_of(minus(would, was), was)),
        "by_step": [_represent_step(found, step, one) for step, one in found.dearest_first],
        "assumptions": found.assumptions,
        "unknown": found.unknown,
    }


def _represent_costing(each: Fraction | None, frontier: Fraction | None, volume: Fraction | None) -> dict:
    return {
        "per_completed": pico(each),
        "per_month": pico(times(each, volume)),
        "saves_per_month": pico(times(minus(frontier, each), volume)),
    }


def _represent_step(found: Found, step: str, one: Figures) -> dict:
    was, would = found.each(one.recorded), found.each(one.what_if)
    return {
        "step": step,
        "calls": one.calls,
        "recorded": pico(was),
        "what_if": pico(would),
        "difference": pico(minus(would, was)),
    }


def pico(value: Fraction | None) -> str | None:
    """To the pico-dollar, half to even."""
    return None if value is None else pico_text(round(value))


def percent(value: Fraction | None) -> str | None:
    """Rounded as a fraction: as a decimal it would be rounded twice."""
    return None if value is None else percent_text(_hundredths(value))


def hundredths(value: Fraction | None) -> str | None:
    return None if value is None else str(_hundredths(value))


def _hundredths(value: Fraction) -> Decimal:
    return Decimal(round(value * 100)).scaleb(-2)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
