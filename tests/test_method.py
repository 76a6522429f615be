"""docs/method.md adds up: its ledger is the one that the tests build, its figures are those of the API, and each sum by hand comes
to what it says."""

import ast
import math
import operator
import re
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.conf import settings

from evaluations.statistics import wilson
from tests.analytics.auditing import audited
from tests.analytics.ledgers import state_baseline
from tests.analytics.weeks import MONDAY, week_of_every_kind
from tests.test_docs import rows, section
from wire.money import rate_text

METHOD = settings.BASE / "docs" / "method.md"
TESTS = settings.BASE / "tests" / "analytics"
METHODS = ("repriced_warm", "repriced_cold", "declared")
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday")


def worked_out(expression: str) -> Fraction:
    """What is written with ×, ÷, − and ⌈⌉, exactly."""
    text = expression
    for written, meant in (("×", "*"), ("÷", "/"), ("−", "-"), ("⌈", "ceil("), ("⌉", ")")):
        text = text.replace(written, meant)
    return _value(ast.parse(text, mode="eval").body, text)


def _value(node: ast.expr, text: str) -> Fraction:
    match node:
        case ast.Constant():
            return Fraction(ast.get_source_segment(text, node))
        case ast.UnaryOp(op=ast.USub(), operand=one):
            return -_value(one, text)
        case ast.Call(func=ast.Name(id="ceil"), args=[one]):
            return Fraction(math.ceil(_value(one, text)))
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATORS[type(op)](_value(left, text), _value(right, text))
    raise AssertionError(f"not a sum: {text}")


def number(text: str) -> Fraction:
    return Fraction(text.strip().replace("−", "-"))


def comes_to(expression: str, said: str) -> bool:
    """Rounded as what is said."""
    places = len(said.partition(".")[2])
    return round(worked_out(expression), places) == number(said)


def tables() -> dict[str, list[list[str]]]:
    """The ones that do sums, by heading."""
    found = {
        "Costs and counts": "figure",
        "What all-frontier would have cost": "method",
        "Savings": "figure",
        "Where savings come from": "part",
        "Shadows": "figure",
        "Payback and projection": "figure",
        "Fit advice": "figure",
    }
    return {heading: rows(section(METHOD, heading), first) for heading, first in found.items()}


@pytest.fixture
def workflow(db):
    workflow = week_of_every_kind()
    state_baseline(workflow, "declared", cost="0.04", at=MONDAY)
    return workflow


def test_each_sum_by_hand_comes_to_what_it_says():
    sums = [(row[2].strip("` "), row[3]) for table in tables().values() for row in table]
    written = re.findall(r"`([^`=]+) = ([−\d.]+)`", METHOD.read_text(encoding="utf-8"))
    assert (len(sums), len(written)) == (43, 7)
    assert [(how, said) for how, said in (*sums, *written) if not comes_to(how, said)] == []


def test_each_figure_is_what_the_api_says(workflow):
    told = {method: audited(workflow, method) for method in METHODS}
    for row in tables()["Costs and counts"] + tables()["Savings"]:
        assert str(told["repriced_warm"][row[0].strip("`")]) == row[3].replace("−", "-")
    for row in tables()["What all-frontier would have cost"]:
        assert told[row[0].strip("`")]["if_all_frontier"] == row[3]


def test_the_table_by_method_is_what_the_api_says(workflow):
    text = section(METHOD, "Savings").partition("And by each method:")[2]
    names = ("if_all_frontier", "savings", "savings_percent", "roi_percent", "payback_executions", "paid_back_at")
    said = {row[0].strip("`"): [cell.replace("−", "-") for cell in row[1:]] for row in rows(text, "method")}
    for method in METHODS:
        summary = audited(workflow, method)
        assert ["null" if summary[name] is None else str(summary[name]) for name in names] == said[method]


def test_its_week_is_the_ledger(workflow):
    """Each account, each day, and both baselines of each day."""
    accounts, days = defaultdict(Fraction), defaultdict(lambda: [Fraction(0)] * 3)
    for day, _, account, *amounts in rows(section(METHOD, "One week"), "day"):
        cost, warm, cold = map(number, amounts)
        accounts[account] += cost
        days[day] = [one + other for one, other in zip(days[day], (cost, warm, cold), strict=True)]
    whole = audited(workflow, "repriced_warm")
    for account, cost in accounts.items():
        assert Fraction(whole[f"{account.replace(' ', '_')}_cost"]) == cost
    for count, name in enumerate(DAYS):
        since = date(2026, 11, 16) + timedelta(days=count)
        window = {"since": since, "until": since + timedelta(days=1)}
        warm, cold = (audited(workflow, method, **window) for method in METHODS[:2])
        assert [Fraction(warm["total_cost"]), *(Fraction(one["if_all_frontier"]) for one in (warm, cold))] == days[name]


def test_the_wilson_interval_is_ours():
    _, _, _, low, high = tables()["Shadows"]
    assert [rate_text(Decimal(end)) for end in wilson(27, 30)] == [low[3], high[3]]


def test_what_it_says_is_proven_is_a_test():
    for mistake, proof in rows(section(METHOD, "Where a report would go wrong"), "mistake"):
        file, _, name = proof.partition(": ")
        functions = ast.parse((TESTS / file).read_text(encoding="utf-8")).body
        assert name in {one.name for one in functions if isinstance(one, ast.FunctionDef)}, mistake
