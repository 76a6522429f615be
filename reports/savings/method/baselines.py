"""What all-frontier would have cost, by each method side by side, and which of them is in force."""

from collections.abc import Iterator

from django.utils import timezone

from analytics.baselines import Method
from analytics.shadowed import FEWEST
from analytics.side_by_side import Beside, SideBySide
from wire.money import to_usd
from workflows.models import Baseline

from ...charts.chart import Cell, counted, money
from ...numbers import count, day, usd
from ..asking import Asked
from .formulas import rows_of
from .line import percentage

COLUMNS = ("Method", "All-frontier", "Saved", "In percent", "n", "What it counts, and what not")
NAMES = {
    Method.DECLARED: "declared",
    Method.REPRICED_WARM: "repriced warm",
    Method.REPRICED_COLD: "repriced cold",
    Method.MEASURED: "measured",
}
ABOUT = {
    Method.DECLARED: "For each completed execution, what a person declared that one costs, as it was when it completed. As true "
    "as who said it.",
    Method.REPRICED_WARM: "Of each used answer, its tokens at the baseline model's prices, each kind at its own; a kind without a "
    "price as input. The number of calls stays as it was. Estimated.",
    Method.REPRICED_COLD: "The same, as if the frontier had no cache: what was read and written counts as input. Estimated.",
    Method.MEASURED: "A sample of the executions was run on the frontier as well: of each version, with and without a flag, "
    "completed × the mean of its shadows.",
}
STATEMENTS = 10


def table(found: SideBySide, about: Asked) -> list[list[Cell]]:
    return [_row(one, found, about) for one in found.methods]


def _row(one: Beside, found: SideBySide, about: Asked) -> list[Cell]:
    here = one.method == found.summary.method
    name = Cell(NAMES[one.method] + (", shown here" if here else ""), "", about.to("method", **_asks(one.method)))
    balance = one.balance
    measured = rows_of(about, "shadow_cost") if one.method == Method.MEASURED else ""
    n = counted(one.n, measured or (about.to("executions", which="completed") if about.workflow else ""))
    return [
        name,
        money(balance.if_all_frontier),
        money(balance.savings),
        percentage(balance.savings_percent),
        n,
        _told(one),
    ]


def _asks(method: Method) -> dict[str, object]:
    """A subject is of the method measured alone."""
    return {"baseline": method.value} | ({} if method == Method.MEASURED else {"subject": None})


def _told(one: Beside) -> Cell:
    said = ABOUT[one.method]
    if one.measured and one.balance.if_all_frontier is None:
        said += f" There are {count(one.n)} shadows; it takes {FEWEST} of each workflow."
    elif one.measured and one.measured.interval:
        low, high = (_usd(end) for end in one.measured.interval)
        said += f" It lies between {low} and {high}: the middle 95% of 2,000 samples drawn again, seeded."
    elif one.unpriced:
        what = "completed executions" if one.method == Method.DECLARED else "used answers"
        said += f" Of {count(one.unpriced)} {what} nobody knows it, so it is not known."
    return Cell(said)


def _usd(pico: int) -> str:
    return usd(to_usd(pico))


def in_force(about: Asked) -> str:
    """Which method, since when, and who stated it."""
    if about.workflow is None:
        return "Of a project as a whole it is repriced warm; of each workflow its own is in force."
    stated = about.workflow.baseline_at(timezone.now())
    if stated is None:
        return "Nobody stated a baseline, so it is repriced warm: whoever runs everything on the frontier caches too."
    return f"In force is {_stated(stated)}."


def _stated(one: Baseline) -> str:
    model = f", on {one.model}" if one.model else ""
    return f"{NAMES[Method(one.method)]}{model}, from {day(one.valid_from)} on, as {one.stated_by} stated on {day(one.stated_at)}"


def statements(about: Asked) -> Iterator[str]:
    """What was stated for other times, the newest first."""
    if about.workflow is None:
        return
    now = about.workflow.baseline_at(timezone.now())
    for one in about.workflow.baselines.order_by("-valid_from", "-pk")[:STATEMENTS]:
        if one != now:
            yield f"{_stated(one)[:1].upper()}{_stated(one)[1:]}."
