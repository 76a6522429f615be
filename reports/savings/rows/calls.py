"""The rows of the ledger behind a figure, and that they add up to it."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from uuid import UUID

from django.urls import reverse

from analytics.baselines import stated_model
from analytics.behind.answers import OF_ANSWERS, Answer, Answers
from analytics.behind.calls import COUNTED, DECLARED_TOO, Added, Calls, declared, used_calls, worth
from analytics.pages.saying import AGAINST
from analytics.snapshot import snapshot
from gateway.models import Call
from wire.filters import one_of
from wire.money import to_usd, usd_text

from ...charts.chart import Cell, counted, money
from ...numbers import count, exact
from ..asking import COMMON, OF_EXECUTIONS, Asked
from ..filtering import Field, filters_of
from .behind import AFTER, NONE, WORD, Behind, export, moment, only, whose
from .named import FIGURES, NO_SUM

OF_MODEL = ("provider", "model_planned")


class BehindFigure(Behind):
    name, heading, template = "calls", "Calls", "calls.html"
    asks = "figure"
    own = {"figure": one_of(FIGURES), "step": WORD, "tier": WORD, "model": WORD, "after": AFTER}
    filters = {**own, **COMMON, **OF_EXECUTIONS}

    def shown(self, about: Asked) -> dict[str, object]:
        figure, asked = about.given.get("figure", "total_cost"), _only(about)
        after = about.given.get("after")
        with snapshot():
            if figure in OF_ANSWERS:
                rows = Answers(about.extent, figure, about.method, asked)
                stated = []
            else:
                rows = Calls(about.extent, figure, asked)
                stated = declared(about.extent, asked) if figure in DECLARED_TOO else []
            page, more = rows.page(after)
            also = sum((one.usd for one in stated), Decimal(0))
            said, proof = _said(rows, also, about), _proof(rows, also)
            used = used_calls([one for one in page if isinstance(one, Call)])
        last = page and (page[-1].call if figure in OF_ANSWERS else page[-1])
        columns = _columns(figure, about, used)
        return {
            "said": said,
            "about_rows": FIGURES[figure].rows,
            "proof": proof,
            "differ": _differ(rows),
            "declared": stated,
            "columns": list(columns),
            "rows": [[make(one) for make in columns.values()] for one in page],
            "begins": not after,
            "first": about.to(self.name, after=None),
            "older": self.more(about, last.pk) if more else "",
            "back": self.back(about),
            "export": export(about, "calls"),
            "prices": figure == "unpriced",
        }

    def controls(self, about: Asked) -> list[Field]:
        figure = about.given.get("figure", "total_cost")
        figures = [(name, called[:1].upper() + called[1:]) for name, (called, _) in FIGURES.items()]
        narrowed = [
            Field(name, name.capitalize(), about.kept[name], [("", "all"), (about.kept[name], about.kept[name])])
            for name in ("step", "tier", "model")
            if name in about.kept
        ]
        against = filters_of(about, {"baseline", "subject"}) if figure == "if_all_frontier" else []
        return [Field("figure", "Figure", figure, figures), *super().controls(about), *narrowed, *against]


def _only(about: Asked) -> dict[str, object]:
    found = only(about) | {name: about.given[name] for name in ("step", "tier") if name in about.given}
    if found.get("tier") == NONE:
        found["tier"] = ""
    if "model" in about.given:
        provider, _, model = about.given["model"].partition(":")
        found |= dict(zip(OF_MODEL, (provider, model), strict=True))
    return found


def _said(rows: Calls | Answers, stated: Decimal, about: Asked) -> str:
    """The sentence at the top: how many rows, and what they come to, to the last digit."""
    found, figure = _known(rows), rows.name
    if figure in COUNTED:
        return f"{_number(found.count, *ONE_OR_SEVERAL[figure])}: {whose(about)}."
    called = f"{FIGURES[figure].called} of {whose(about)}"
    if found.count == 0:
        what = f"{exact(stated)}, which people declared" if stated else "nothing"
        return f"{called[:1].upper()}{called[1:]}: {what}."
    these, one = _these(found.count, "answer" if figure in OF_ANSWERS else "row"), found.count == 1
    if isinstance(rows, Answers) and not rows.is_sum:
        return f"{these} {'was' if one else 'were'} used: {called}, which is {NO_SUM[rows.method]}, and no sum of rows."
    if found.count is None and isinstance(rows, Answers):
        return f"Answers that were used, too many to be added up for a tier, a lane or a model: {called}."
    if found.usd is None:
        return f"What {these[:1].lower()}{these[1:]} {'comes' if one else 'come'} to is not known, for want of a price: {called}."
    and_stated = f", and {exact(stated)} that people declared," if stated else ""
    adds = "adds" if one and not stated else "add"
    against = f", against {AGAINST[rows.method].format(model=_model(about))}" if figure == "if_all_frontier" else ""
    unpriced = f" Without a price, and 0 in the sum: {count(found.unpriced)}." if found.unpriced else ""
    return f"{these}{and_stated} {adds} up to {exact(found.usd + stated)}: {called}{against}.{unpriced}"


ONE_OR_SEVERAL = {"unpriced": ("call without a price", "calls without a price"), "retries": ("repair", "repairs")}


def _number(number: int, one: str, several: str) -> str:
    return f"One {one}" if number == 1 else f"{count(number) if number else 'No'} {several}"


def _these(number: int | None, what: str) -> str:
    if number is None:
        return f"These {what}s"
    return f"This {what}" if number == 1 else f"These {count(number)} {what}s"


def _model(about: Asked) -> str:
    return stated_model(about.extent) or "the baseline’s model"


def _known(rows: Calls | Answers) -> Added:
    """As reports say it; what only the rows know, by them."""
    by_rows = rows.by_rows
    if by_rows and (rows.by_cells.count is None or (rows.only and rows.by_cells.usd is None)):
        return by_rows
    return rows.by_cells


def _differ(rows: Calls | Answers) -> bool:
    told, found = rows.by_cells, rows.by_rows
    if found is None:
        return False
    knows = told.count is not None or rows.name == "cache_savings"
    return knows and (told.count not in (None, found.count) or told.usd != found.usd)


def _proof(rows: Calls | Answers, stated: Decimal) -> str:
    """What stands against what: the figure of the reports, and the sum of the rows."""
    told, found = rows.by_cells, rows.by_rows
    if isinstance(rows, Answers) and not rows.is_sum:
        return ""
    if found is None:
        return (
            "These are too many rows to be read one by one for this page: the sum is that of the daily figures, which every "
            "report adds up."
        )
    if told.count is None and rows.name != "cache_savings":
        return "Reports tell used answers apart by version and step alone, so this sum is of the rows themselves."
    return _held_together(told, found, stated, _differ(rows))


def _held_together(told: Added, found: Added, stated: Decimal, differ: bool) -> str:
    if differ:
        return f"The report says {_both(told)}, and the rows say {_both(found)}: they differ."
    if not found.count or (found.usd is None and found.unpriced):
        return ""
    if found.usd is None:
        return f"The report counts {count(found.count)}. As many rows are in the ledger."
    same = exact(found.usd)
    return (
        f"The report, from its daily figures: {same}. These rows, read one by one: {same}. The same, to the last digit."
    )


def _both(one: Added) -> str:
    said = exact(one.usd)
    return said if one.count is None else f"{said} of {count(one.count)}"


def _columns(figure: str, about: Asked, used: set[UUID]) -> dict[str, Callable[[Call | Answer], Cell]]:
    """Column → its cell of a row. What matters most stands first: a narrow screen shows no more at once."""
    columns = {
        "Finished (UTC)": lambda call: moment(call.finished_at, reverse("admin:gateway_call_change", args=[call.pk]))
    }
    columns["Cost"] = lambda call: money(None if call.cost is None else to_usd(call.cost))
    if figure in ("cache_savings", "batch_savings"):
        columns["Saved"] = lambda call: money(worth(call, figure))
    if about.workflow is None:
        names = dict(about.project.workflows.values_list("pk", "name"))
        columns["Workflow"] = lambda call: Cell(names.get(call.workflow, "–"))
    columns |= {
        "For": lambda call: Cell(_purpose(call)),
        "Step": lambda call: Cell(call.step or "–"),
        "Model served": _model_served,
        "Outcome": lambda call: Cell(call.outcome.replace("_", " "), "" if not call.corrects_id else "It corrects an earlier row."),
        "Used": lambda call: Cell(("yes" if call.pk in used else "no") if call.execution else "–"),
        "Execution": _execution,
        **{name: _tokens(kinds) for name, kinds in TOKENS.items()},
        "Tier": lambda call: Cell(call.tier or "–"),
        "Lane": lambda call: Cell(call.lane or "–"),
        "USD per million tokens": lambda call: Cell(*_price(call)),
        "Price from": lambda call: Cell(f"{call.price_source} {call.price_version}".strip() or "–"),
    }  # fmt: skip
    if figure not in OF_ANSWERS:
        return columns
    of_call = {name: _of_answer(make) for name, make in columns.items()}
    of_call["Used"] = lambda one: Cell(_by(one.answered_by))
    if figure == "used":
        return of_call
    first, *rest = of_call
    warm, cold = (lambda one: money(_usd(one.warm))), (lambda one: money(_usd(one.cold)))
    return {first: of_call[first], "Warm": warm, "Cold": cold, **{name: of_call[name] for name in rest}}


# Column → the kinds of tokens in it, which are disjoint.
TOKENS = {
    "Input": ("input",),
    "From cache": ("cache_read",),
    "Into cache": ("cache_write_5m", "cache_write_1h"),
    "Output": ("output",),
}


PRICES = {
    "input": "input",
    "cache_read": "from cache",
    "cache_write_5m": "into cache, 5 minutes",
    "cache_write_1h": "into cache, 1 hour",
    "output": "output",
}


def _model_served(call: Call) -> Cell:
    return Cell(call.model_served or f"none, of {call.model_planned}", f"asked: {call.provider}:{call.model_planned}")


def _tokens(kinds: tuple[str, ...]) -> Callable[[Call], Cell]:
    return lambda call: counted(sum(getattr(call, kind) for kind in kinds))


def _of_answer(make: Callable[[Call], Cell]) -> Callable[[Answer], Cell]:
    return lambda one: make(one.call)


def _usd(pico: int | None) -> Decimal | None:
    return None if pico is None else to_usd(pico)


def _purpose(call: Call) -> str:
    return f"correction, {call.purpose}" if call.corrects_id else str(call.purpose)


def _by(answered_by: str) -> str:
    return "yes, of the frontier" if answered_by == "frontier" else "yes"


def _execution(call: Call) -> Cell:
    if call.execution is None:
        return Cell("–")
    return Cell(
        str(call.execution)[-12:],
        str(call.execution),
        reverse("admin:executions_execution_change", args=[call.execution]),
    )


def _price(call: Call) -> Iterator[str]:
    """Of input and output; every kind for who points at it."""
    if call.price_input is None or call.price_output is None:
        return iter(("none",))
    prices = {said: getattr(call, f"price_{kind}") for kind, said in PRICES.items()}
    every = ", ".join(f"{usd_text(to_usd(price))} {said}" for said, price in prices.items() if price is not None)
    short = f"{usd_text(to_usd(call.price_input))} in, {usd_text(to_usd(call.price_output))} out"
    return iter((short, every))
