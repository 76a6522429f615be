"""What each workflow saved, or cost more: lying bars, the largest first."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from analytics.by_workflow import Line

from ..numbers import usd
from .chart import Cell, Chart, Key, money
from .drawing import money_axis
from .kinds import Told, signed_bars

NAME = "by-workflow"
TITLE = "Saved by workflow"
COLUMNS = ("Workflow", "Saved")
KEYS = (Key("off", "saved"), Key("on", "cost more than all-frontier"))
MOST = 10
LONGEST = 28  # letters of a name, beside a bar


def saved_by_workflow(lines: Sequence[Line], leads: Callable[[Line], str]) -> Chart:
    """The ten that saved or lost most. `leads`: the address of a line."""
    known = [line for line in lines if line.workflow and line.balance.savings]
    known.sort(key=lambda line: abs(line.balance.savings), reverse=True)
    shown = sorted(known[:MOST], key=lambda line: line.balance.savings, reverse=True)
    said = _said(shown, len(known), sum(line.workflow is not None and line.balance.savings is None for line in lines))
    rows = [[Cell(line.workflow.name, "", leads(line)), money(line.balance.savings)] for line in shown]
    if not shown:
        return Chart(NAME, TITLE, said, None, COLUMNS, rows)
    values = [float(line.balance.savings) for line in shown]
    marks = ["off" if value > 0 else "on" for value in values]
    names = [_short(line.workflow.name) for line in shown]
    picture = signed_bars(Told(NAME, TITLE), names, values, marks, money_axis(max(map(abs, values))))
    return Chart(NAME, TITLE, said, picture, COLUMNS, rows, [key for key in KEYS if key.mark in marks], unit="USD")


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _said(shown: Sequence[Line], known: int, unknown: int) -> str:
    """`shown` from the most saved on."""
    rest = f" Of {unknown} it is not known what they saved." if unknown else ""
    if not shown:
        return f"No workflow saved anything or cost more than all-frontier yet.{rest}"
    first, last = shown[0], shown[-1]
    of = f"The {MOST} largest of {known}. " if known > MOST else ""
    said = _told(first.workflow.name, first.balance.savings)
    if last is not first:
        said += f" {_told(last.workflow.name, last.balance.savings)}"
    return f"{of}{said}{rest}"


def _told(name: str, savings: Decimal) -> str:
    return f"{name} saved {usd(savings)}." if savings > 0 else f"{name} cost {usd(-savings)} more than all-frontier."
