"""Operators' metrics as the API shows them: money as exact text, rates and minutes rounded, once, here."""

from datetime import date

from wire.money import rate_text

from ..extent import Extent
from ..latency import Histogram
from ..representation import represent_tokens, usd
from .caches import Caching
from .figures import Operation, p50_p95


def represent_operations(extent: Extent, by: str | None, rows: list[Operation]) -> dict:
    return {
        "workflow": extent.workflow.name if extent.workflow else None,
        "since": extent.since and extent.since.isoformat(),
        "until": extent.until and extent.until.isoformat(),
        "currency": "USD",
        "simulated": extent.simulated,
        "group_by": by,
        "rows": [represent_operation(row) for row in rows],
    }


def represent_operation(row: Operation) -> dict:
    executed, asked, effort = row.executed, row.asked, row.effort
    return {
        **{name: value.isoformat() if isinstance(value, date) else value for name, value in row.key.items()},
        "executions": executed and executed.accepted,
        "finished": executed and executed.finished,
        "completed": executed and executed.completed,
        "cost": usd(asked.cost),
        "cost_per_completed": usd(row.cost_per_completed),
        "human_minutes": f"{effort.minutes:.2f}" if effort else None,
        "human_cost": usd(effort.cost) if effort else None,
        "cost_per_completed_with_people": usd(row.cost_per_completed_with_people),
        "latency_ms": _percentiles(executed.latencies if executed else {}),
        "call_latency_ms": _percentiles(row.latencies),
        "calls": asked.calls,
        "unpriced_calls": asked.unpriced,
        "retry_rate": rate_text(row.retry_rate),
        "escalation_rate": rate_text(row.escalation_rate),
        "tokens": represent_tokens(asked.tokens),
        "cache": {**_cache(row.caching), "savings": usd(asked.cache_savings)},
        "batch": {"calls": asked.batch_calls, "savings": usd(asked.batch_savings)},
    }


def _cache(caching: Caching) -> dict:
    return {
        "read_tokens": caching.read,
        "written_tokens": caching.written,
        "model": caching.model,
        "minimum_tokens": caching.minimum,
        "prefix_tokens": caching.prefix,
        "cacheable": caching.cacheable,
        "said": caching.said,
    }


def _percentiles(histogram: Histogram) -> dict:
    p50, p95 = p50_p95(histogram)
    return {"p50": p50, "p95": p95}
