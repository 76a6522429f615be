"""What a replay says in sum: how many results change, which steps, what is flagged, and what one costs. Pure, but for `of`.

What could not be tried is counted apart, and is in no other figure. What a person had answered is compared with that answer, and
is counted apart too: there the draft agrees with a person or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from executions.models import Status

from .figures import Row, share, usd
from .models import Replay, ReplayedExecution


def of(replay: Replay) -> Row:
    return figures(list(replay.results.order_by("pk")))


def figures(rows: Sequence[ReplayedExecution]) -> Row:
    tried = [row for row in rows if row.same is not None]
    return {
        "executions": len(rows),
        "not_tried": _not_tried(rows),
        "results": _results([row for row in tried if not row.human]),
        "people": _people([row for row in tried if row.human]),
        "flags": _flags(tried),
        "cost": _cost([row.before["cost"] for row in tried], [row.after["cost"] for row in tried], len(tried)),
        "steps": _steps(tried),
    }


def _not_tried(rows: Iterable[ReplayedExecution]) -> Row:
    codes = Counter(row.code for row in rows if row.same is None)
    return {"count": sum(codes.values()), "codes": dict(codes.most_common())}


def _results(rows: Sequence[ReplayedExecution]) -> Row:
    """`answered`: that nobody had answered, and the version does. `unanswered`: the other way round."""
    return {
        "changed": share(sum(not row.same for row in rows), len(rows)),
        "answered": sum(_answered(row.after) and not _answered(row.before) for row in rows),
        "unanswered": sum(_answered(row.before) and not _answered(row.after) for row in rows),
    }


def _people(rows: Sequence[ReplayedExecution]) -> Row:
    """`agreement`: of those that the version answers. `asked_again`: the others, which stand before a person again."""
    answered = [row for row in rows if _answered(row.after)]
    return {
        "executions": len(rows),
        "agreement": share(sum(bool(row.same) for row in answered), len(answered)),
        "asked_again": len(rows) - len(answered),
    }


def _flags(rows: Sequence[ReplayedExecution]) -> Row:
    """Executions with one. `fewer`: before, and not any more; `more`: the other way round."""
    both = Counter((bool(row.before["flags"]), bool(row.after["flags"])) for row in rows)
    return {
        "before": share(both[True, True] + both[True, False], len(rows)),
        "after": share(both[True, True] + both[False, True], len(rows)),
        "fewer": both[True, False],
        "more": both[False, True],
    }


def _cost(before: Sequence[int | None], after: Sequence[int | None], n: int) -> Row:
    sums = {name: None if None in costs else sum(costs) for name, costs in (("before", before), ("after", after))}
    found: Row = {name: usd(total) for name, total in sums.items()}
    return {**found, "per_execution": {name: usd(total, n) for name, total in sums.items()}}


def _steps(rows: Sequence[ReplayedExecution]) -> Row:
    by_step: dict[str, list[Mapping]] = {}
    for row in rows:
        for step, found in row.steps.items():
            by_step.setdefault(step, []).append(found)
    return {step: _step(several, len(rows)) for step, several in by_step.items()}


def _step(several: Sequence[Mapping], n: int) -> Row:
    """`changed`: of the executions that have the step on both sides. The cost is for each execution, with the step or not."""
    both = [one for one in several if one["same"] is not None]
    before, after = ([one[side] for one in several if one[side]] for side in ("before", "after"))
    return {
        "changed": share(sum(not one["same"] for one in both), len(both)),
        "only_before": len(before) - len(both),
        "only_after": len(after) - len(both),
        "flagged": {"before": _flagged(before), "after": _flagged(after)},
        "models": {"before": _models(before), "after": _models(after)},
        "cost": _cost([one["cost"] for one in before], [one["cost"] for one in after], n),
    }


def _flagged(several: Iterable[Mapping]) -> int:
    return sum(one["flagged"] for one in several)


def _models(several: Iterable[Mapping]) -> list[str]:
    return sorted({str(one["model"]) for one in several if one["model"]})


def _answered(side: Mapping[str, object]) -> bool:
    return side["status"] == Status.COMPLETED
