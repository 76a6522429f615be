"""Whether a workflow learns, as sentences for a person: each figure, or why there is none and what to do about it. Pure."""

from datetime import datetime, timedelta
from decimal import Decimal

from wire.money import rounded, to_usd

from ..learning.by_version import ENOUGH, Comparison, Escalated, Verdict
from ..learning.design_costs import Designing, Spent
from ..learning.fixes import Recurrence, TimeToFix


def rate(one: Escalated) -> str:
    """`30.0% (16.7–47.9%)`."""
    if one.rate is None:
        return "nothing has finished"
    low, high = one.interval
    return f"{_percent(one.rate)}% ({_percent(low)}–{_percent(high)}%)"


def change(versions: int, found: Comparison | None) -> str:
    if versions == 0:
        return "No version was published in these days or before. Publish one, and execute it."
    if found is None:
        return "One version was published: there is nothing to compare it with. Close its flags with a redesign, and publish that."
    names = f"{found.after.version} against {found.before.version}"
    if found.verdict == Verdict.TOO_FEW:
        few = " and ".join(f"{one.version} has {one.finished}" for one in (found.before, found.after))
        return f"{names}: too few to say. It takes {ENOUGH} finished executions of each; {few}."
    difference, low, high = (100 * one for one in (found.difference, *found.interval))
    if found.verdict == Verdict.UNDECIDED:
        within = f"with 95% confidence between {low:+.1f} and {high:+.1f}"
        return f"{names}: no difference is shown ({difference:+.1f} points, {within})."
    near, far = sorted((abs(low), abs(high)))
    word = "less" if found.verdict == Verdict.LOWER else "more"
    return f"{names}: it escalates {abs(difference):.1f} points {word}, with 95% confidence {near:.1f} to {far:.1f}."


def per_completed(spent: Spent, word: str) -> str:
    """Or why that is not known."""
    if spent.per_completed is not None:
        return rounded(spent.per_completed)
    if spent.total is None:
        return f"not known: {_several(spent.unpriced, 'call')} without a price"
    return f"not known: no {word} was completed"


def total(spent: Spent) -> str:
    return "not known" if spent.total is None else rounded(spent.total)


def share(costs: Designing) -> str:
    """The one sentence on what a redesign costs against a design."""
    if costs.share is not None:
        return f"A redesign costs {_short(costs.share)} of a design. About a tenth is what to expect of a patch."
    if not costs.design.completed:
        said = "No design of this workflow was completed through the service in these days, so there is nothing to compare with."
        return said + (" What was declared is a statement, and no measure." if costs.declared[0] else "")
    if not costs.redesign.completed:
        return "No redesign was completed in these days. Send a group of flags to redesign to begin one."
    if costs.design.total is None or costs.redesign.total is None:
        return "Calls have no price, so the two cannot be compared. State the price of the model under own prices."
    return "The designs cost nothing, so there is nothing to compare with."


def declared(costs: Designing) -> str:
    versions, pico = costs.declared
    if not versions:
        return ""
    return f"Apart from these, people declared {rounded(to_usd(pico))} for {_several(versions, 'version')}."


def recurrence(closed: int, recurred: list[Recurrence]) -> str:
    if not closed:
        return (
            "No group of flags was closed by a publication in these days. Send a group to redesign, and publish the version that "
            "lists its flags."
        )
    if not recurred:
        return f"{_several(closed, 'group')} closed, and none of them was flagged again."
    return f"{len(recurred)} of {_several(closed, 'group')} that a publication closed came back."


def fixing(times: TimeToFix) -> str:
    if not times.flags:
        return "No flag was closed by a publication in these days."
    half, most = (lasting(seconds) for seconds in (times.p50, times.p95))
    return f"{_several(times.flags, 'flag')} closed: half within {half}, nineteen in twenty within {most}."


def waiting(times: TimeToFix, now: datetime) -> str:
    if not times.waiting:
        return "No flag waits for a redesign."
    since = lasting(round((now - times.oldest).total_seconds()))
    verb = "waits" if times.waiting == 1 else "wait"
    return f"{_several(times.waiting, 'flag')} {verb} for a version that closes them, the oldest for {since}."


def lasting(seconds: int) -> str:
    """`45 s`, `12 min`, `3.5 h`, `2.1 days`."""
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3_600:
        return f"{seconds // 60} min"
    hours = timedelta(seconds=seconds) / timedelta(hours=1)
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


def _short(value: Decimal) -> str:
    """Two places; more where that would be nothing."""
    places = next((places for places in (2, 3, 4) if round(value, places)), 0)
    return f"{value:.{places}f}" if places else "less than 0.0001"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _several(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
