"""The executions behind a count of a report."""

from collections.abc import Callable
from datetime import timedelta

from django.urls import reverse

from analytics.behind.executions import WAITING, Executions, told
from analytics.snapshot import snapshot
from executions.models import Execution, Status
from wire.filters import one_of

from ...charts.chart import Cell, money
from ...numbers import NOTHING, count, duration
from ..asking import COMMON, OF_EXECUTIONS, Asked
from ..filtering import Field
from .behind import AFTER, Behind, export, moment, only, whose
from .named import EXECUTIONS

ALL = "all"  # another word for accepted
BY = {"workflow": "by the workflow", "frontier": "by the frontier", "human": "by a person"}


class BehindCount(Behind):
    name, heading, template = "executions", "Executions", "executions.html"
    asks = "which"
    own = {"which": one_of([*EXECUTIONS, ALL]), "after": AFTER}
    filters = {**own, **COMMON, **OF_EXECUTIONS}

    def shown(self, about: Asked) -> dict[str, object]:
        which, after = _which(about), about.given.get("after")
        with snapshot():
            found = Executions(about.extent, which, only(about))
            page, more = found.page(after)
            spent = told(page)
            said, proof = _said(found, about), _proof(found)
            waiting = 0 if which == WAITING else found.waiting
        columns = _columns(about, spent)
        apart = about.to(self.name, which=WAITING, after=None)
        return {
            "said": said,
            "about_rows": EXECUTIONS[which][2],
            "proof": proof,
            "differ": found.by_rows is not None and found.by_cells not in (None, found.by_rows),
            "waiting": Cell(count(waiting), "", apart) if waiting else None,
            "columns": list(columns),
            "rows": [[make(one) for make in columns.values()] for one in page],
            "begins": not after,
            "first": about.to(self.name, after=None),
            "older": self.more(about, page[-1].pk) if more else "",
            "back": self.back(about),
            "export": export(about, "executions"),
        }

    def controls(self, about: Asked) -> list[Field]:
        names = [(name, called[:1].upper() + called[1:]) for name, (called, _, _) in EXECUTIONS.items()]
        return [Field("which", "Which", _which(about), names), *super().controls(about)]


def _which(about: Asked) -> str:
    asked = about.given.get("which", ALL)
    return "accepted" if asked == ALL else asked


def _said(found: Executions, about: Asked) -> str:
    """How many, as the report counts them; those that are listed apart are among them."""
    known = found.by_rows if found.by_cells is None else found.by_cells
    if known is None:
        return f"More executions {EXECUTIONS[found.name][1]} than are counted for a lane: {whose(about)}."
    number = known + (0 if found.name == WAITING else found.waiting)
    did = EXECUTIONS[found.name][1]
    if not number:
        return f"No execution {did.replace('were ', 'was ')}: {whose(about)}."
    if number == 1:
        return f"One execution {did.replace('were ', 'was ')}: {whose(about)}."
    return f"{count(number)} executions {did}: {whose(about)}."


def _proof(found: Executions) -> str:
    told, rows = found.by_cells, found.by_rows
    if rows is None:
        return (
            "These are too many to be counted one by one for this page: the count is that of the daily figures, which every "
            "report adds up."
        )
    if told is None:
        return "What is accepted has no lane yet, so no report tells it apart: these have the lane now."
    if told != rows:
        return f"The report counts {count(told)}, and there are {count(rows)}: they differ."
    return f"The report counts {count(told)}, and as many are listed." if rows else ""


def _columns(about: Asked, spent: dict) -> dict[str, Callable[[Execution], Cell]]:
    """Column → its cell of a row. What matters most stands first: a narrow screen shows no more at once."""
    columns = {
        "Ended (UTC)": lambda one: moment(one.finished_at, _page(one)) if one.finished_at else Cell("not yet", "", _page(one)),
        "How it ended": lambda one: Cell(_ended(one)),
        "Cost so far": lambda one: _cost(spent[one.pk].spent),
        "Flags": lambda one: Cell(_flags(spent[one.pk].flags)),
        "Took": lambda one: Cell(_took(one), "", "", is_number=True),
    }  # fmt: skip
    if about.workflow is None:
        columns["Workflow"] = lambda one: Cell(one.workflow.name)
    return columns | {
        "Version": lambda one: Cell(one.version.number, "", reverse("admin:workflows_version_change", args=[one.version_id])),
        "Lane": lambda one: Cell(one.lane.replace("_", " ") or "–"),
        "Accepted (UTC)": lambda one: moment(one.created_at),
        "Execution": lambda one: Cell(str(one.pk)[-12:], str(one.pk), _page(one)),
    }  # fmt: skip


def _page(one: Execution) -> str:
    return reverse("admin:executions_execution_change", args=[one.pk])


def _ended(one: Execution) -> str:
    """The status, by whom, and what became of the answer."""
    if one.status == Status.COMPLETED:
        wrong = ", and rejected" if one.judged_right is False else ""
        return f"completed {BY.get(one.resolved_by, '')}".strip() + wrong
    if one.status == Status.FAILED:
        code = (one.error or {}).get("code")
        return f"failed: {str(code).replace('_', ' ')}" if code else "failed"
    if one.status == Status.ESCALATED:
        return "waits for a person"
    return str(one.status)


def _cost(spent: object) -> Cell:
    shown = money(spent.usd)
    if not spent.unpriced:
        return shown
    return Cell(f"{shown.text} and {count(spent.unpriced)} unpriced", shown.exact, is_number=True)


def _flags(reasons: dict[str, int]) -> str:
    said = [reason.replace("_", " ") + (f" × {number}" if number > 1 else "") for reason, number in reasons.items()]
    return ", ".join(said) or NOTHING


def _took(one: Execution) -> str:
    began = one.started_at if one.purpose == Execution.Purpose.REPORTED else one.created_at
    if not (one.finished_at and began):
        return NOTHING
    return duration((one.finished_at - began) // timedelta(milliseconds=1))
