"""When it paid itself back, or will: one sentence or two."""

from analytics.projection.arithmetic import Outlook, Why
from analytics.projection.projecting import Projection, Prospect

from ..numbers import count, day

WHY = {
    Why.NOTHING_COMPLETED: "Nothing was completed lately, so nothing is on its way back.",
    Why.UNPRICED: "Calls have no price, so nobody can say when it pays itself back.",
    Why.NO_BASELINE: "What all-frontier would have cost is not known, so nobody can say when it pays itself back.",
    Why.SAVES_NOTHING: "An execution costs no less than all-frontier would, so it does not pay itself back.",
    Why.TOO_FAR: "At the pace of the last days it would take more than a hundred years to pay itself back.",
}


def payback(found: Prospect | Projection) -> str:
    """Of everything until today, whatever the window."""
    outlook, last = found.outlook, found.paid_back_on
    if outlook.paid_back:
        return f"Designing it, and all else, {f'was paid back on {day(last)}' if last else 'is paid back'}."
    if last is None or outlook.paid_back is None:
        return _to_come(outlook, found.pace.days, "It is not paid back yet")
    before = f"It had paid itself back on {day(last)}, and has not again since"
    said = _to_come(outlook, found.pace.days, before)
    return said if said.startswith(before) else f"{before}. {said}".rstrip()


def _to_come(outlook: Outlook, days: int, begins: str) -> str:
    if outlook.on:
        return (
            f"{begins}: after {_more(outlook.executions_left)}, at the pace of the last "
            f"{f'{days} days' if days != 1 else 'day'}, on {day(outlook.on)}."
        )
    if outlook.why == Why.TOO_FEW:
        return f"{begins}: it takes {_more(outlook.executions_left)}. Too few completed lately to name a day."
    return WHY[outlook.why] if outlook.why else ""


def _more(left: int | None) -> str:
    return "1 more execution" if left == 1 else f"{count(left)} more executions"
