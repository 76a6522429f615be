"""The page of a project: its headline, its workflows beside each other, and that they add up to it."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from analytics.rollups import fold
from gateway.types import Purpose
from shadows.models import prompt_hash
from tests.analytics.ledgers import (
    HAIKU,
    NOON,
    OPUS,
    REAL,
    SHORT,
    make_answer,
    make_call,
    make_execution,
    make_flag,
    make_measured_workflow,
    state_baseline,
)
from tests.analytics.shadowings import make_shadowed
from tests.cast import make_project, member

pytestmark = pytest.mark.django_db

PROMPT = "Answer the message in one call."
PORTFOLIO = "/reports/alice/"


@pytest.fixture(autouse=True)
def four_days_later():
    with time_machine.travel(NOON + timedelta(days=4)):
        yield


@pytest.fixture
def project():
    """`refund` saved: three executions at 0.002 where the frontier asks 0.01; `triage` cost 0.10 to design, and completed one."""
    project = make_project(tiers=REAL)
    refund = make_measured_workflow(project=project)
    for day in range(3):
        at = NOON + timedelta(days=day)
        make_answer(make_execution(refund, at), HAIKU, SHORT, at=at)
    make_answer(make_execution(make_measured_workflow("triage", project=project, design_cost="0.10")), HAIKU, SHORT)
    return project


@pytest.fixture
def rosa(project) -> Client:
    return member(project)


def text(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def rows(said: str) -> dict[str, list[str]]:
    """The rows of the table of workflows, by name, without markup."""
    table = said[said.index('<table class="portfolio">') :]
    found = {}
    for row in re.findall(r"<tr class=.*?</tr>", table, re.S):
        name, *cells = [
            " ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)
        ]
        found[name] = cells
    return found


def exact(said: str, name: str) -> list[Decimal]:
    """Saved, total cost and if all frontier of a row, to the last digit."""
    row = next(one for one in re.findall(r"<tr class=.*?</tr>", said, re.S) if f">{name}<" in one)
    return [Decimal(amount) for amount in re.findall(r'title="(-?[\d.]+) USD"', row)][:3]


def test_it_says_what_the_project_saved_and_what_each_workflow_did(rosa):
    said = text(rosa.get(PORTFOLIO))
    assert "Cost 0.068 USD more than the 0.040 USD of all-frontier, n = 4, repriced warm, estimated, unproven." in said
    assert rows(said) == {
        "refund unproven, estimated": [
            *("0.024 80.0%", "0.0060", "0.030", "0.0020", "3", "0.0%", "unproven", "16 November 2026")
        ],
        "triage unproven, estimated": [
            *("−0.092 −920.0%", "0.10", "0.010", "0.10", "1", "0.0%", "unproven", "after 12 more"),
        ],
        "Together": ["−0.068 −170.0%", "0.11", "0.040", "0.027", "4", "", "", ""],
    }


def test_the_rows_add_up_to_the_project_to_the_last_digit(project, rosa):
    """With a call of a design that made no workflow."""
    make_call(None, OPUS, project=project.pk, purpose=Purpose.DESIGN, step="", baseline="")
    said = text(rosa.get(PORTFOLIO))
    assert exact(said, "Of no workflow")[1] == Decimal("0.01")
    added = [sum(some) for some in zip(*(exact(said, name) for name in ("refund", "triage")), strict=True)]
    assert exact(said, "Together")[1] == added[1] + Decimal("0.01") == Decimal("0.118")
    assert exact(said, "Together")[2] == added[2] == Decimal("0.04")
    assert exact(said, "Together")[0] == added[0] - Decimal("0.01") == Decimal("-0.078")


@pytest.mark.parametrize(
    ("sort", "first"), [("saved", "refund"), ("cost", "triage"), ("completed", "refund"), ("name", "refund")]
)
def test_it_is_sorted_as_its_address_says(rosa, sort, first):
    assert next(iter(rows(text(rosa.get(f"{PORTFOLIO}?sort={sort}"))))).startswith(first)


def test_it_does_not_sort_by_what_it_does_not_know(rosa):
    response = rosa.get(f"{PORTFOLIO}?sort=luck")
    assert response.status_code == 400
    assert "sort is one of saved, cost, completed, name." in response.content.decode()


def test_every_figure_leads_on_with_the_filters_of_the_page(rosa):
    said = text(rosa.get(f"{PORTFOLIO}?since=2026-11-17&sort=cost"))
    assert '<a href="/reports/alice/workflows/refund/?since=2026-11-17">refund</a>' in said
    assert 'href="/reports/alice/workflows/refund/executions/?since=2026-11-17&amp;which=completed"' in said
    assert 'href="/reports/alice/workflows/refund/?since=2026-11-17&amp;baseline=repriced_warm#bill"' in said


def test_an_amount_leads_to_the_same_amount_whatever_method_is_in_force_there(project, rosa):
    state_baseline(project.workflows.get(name="refund"), "declared", cost="5.00", at=NOON - timedelta(days=1))
    said = text(rosa.get(PORTFOLIO))
    assert (
        "So that they add up, all workflows are compared in one way here: the same tokens, warm cache. A workflow&#39;s own page "
        "compares by the method that is in force for it." in said
    )
    figure = re.search(r'<a [^>]*href="([^"#]+)#waterfall"[^>]*>0\.024<', said)[1].replace("&amp;", "&")
    assert "Saved 80.0% of 0.030 USD" in text(rosa.get(figure))
    assert "of 15.00 USD" in text(rosa.get("/reports/alice/workflows/refund/"))


def test_what_is_measured_leads_on_with_its_subject(project, rosa):
    refund = project.workflows.get(name="refund")
    state_baseline(refund, "measured", model=OPUS, prompt=PROMPT, at=NOON - timedelta(days=1))
    make_shadowed(refund, ["0.01"] * 30)
    make_shadowed(refund, ["0.01"] * 40, subject="task", prompt_hash=prompt_hash(PROMPT), same=False)
    asked = text(rosa.get(PORTFOLIO))
    assert rows(asked)["refund unproven, estimated"][6].startswith("0.0% (")  # of what its baseline is about
    said = text(rosa.get(f"{PORTFOLIO}?baseline=measured"))
    assert rows(said)["refund unproven"][6].startswith("100.0% (")
    assert 'href="/reports/alice/workflows/refund/?baseline=measured&amp;subject=workflow#bill"' in said
    assert rows(text(rosa.get(f"{PORTFOLIO}?baseline=measured&subject=task")))["refund unproven"][6].startswith(
        "0.0% ("
    )


def test_fewer_than_thirty_compared_say_nothing_of_the_quality(project, rosa):
    refund = project.workflows.get(name="refund")
    make_shadowed(refund, ["0.01"] * 29)
    make_shadowed(refund, ["0.01"] * 5, same=None)
    assert rows(text(rosa.get(PORTFOLIO)))["refund unproven, estimated"][6] == "unproven"


def test_a_workflow_that_never_published_anything_is_not_unproven(project, rosa):
    project.workflows.create(name="young")
    assert rows(text(rosa.get(PORTFOLIO)))["young"][6] == "nothing is live yet"


def test_the_chart_says_who_saved_and_who_cost_more(rosa):
    said = text(rosa.get(PORTFOLIO))
    assert "refund saved 0.024 USD. triage cost 0.092 USD more than all-frontier." in said
    assert "mark-off" in said
    assert "mark-on" in said


def test_shadows_say_the_quality_where_there_are_enough_of_them(project, rosa):
    make_shadowed(project.workflows.get(name="refund"), ["0.01"] * 30)
    assert rows(text(rosa.get(PORTFOLIO)))["refund unproven, estimated"][6] == "100.0% (88.6⁠–⁠100.0)"


def test_an_escalated_one_counts_and_leads_to_those_that_were(project, rosa):
    make_flag(make_execution(project.workflows.get(name="triage")))
    said = text(rosa.get(PORTFOLIO))
    assert rows(said)["triage unproven, estimated"][5] == "50.0%"
    assert 'href="/reports/alice/workflows/triage/executions/?which=escalated"' in said


def test_an_archived_workflow_keeps_its_row(project, rosa):
    project.workflows.get(name="triage").archive("alice")
    assert "triage archived, unproven, estimated" in rows(text(rosa.get(PORTFOLIO)))


def test_calls_without_a_price_make_the_row_incomplete(project, rosa):
    make_call(make_execution(project.workflows.get(name="triage")), "anthropic:claude-nobody-1")
    cells = rows(text(rosa.get(PORTFOLIO)))["triage unproven, estimated, incomplete"]
    assert cells[0] == "–"
    assert cells[3] == "–"


def test_the_table_has_pages(project, rosa):
    for number in range(30):
        make_measured_workflow(f"w{number:02}", project=project)
    first, second = (rows(text(rosa.get(f"{PORTFOLIO}?sort=name&page={page}"))) for page in (1, 2))
    assert (len(first), len(second)) == (26, 8)  # with the sum
    assert first["Together"] == second["Together"]


def test_as_many_queries_for_forty_workflows_as_for_two(project, rosa, django_assert_max_num_queries):
    for number in range(38):
        make_answer(make_execution(make_measured_workflow(f"w{number:02}", project=project)), HAIKU, SHORT)
    while fold():
        pass
    with django_assert_max_num_queries(38):
        text(rosa.get(PORTFOLIO))


def test_a_project_without_a_workflow_says_what_to_do():
    said = text(member(make_project("bob"), name="bob").get("/reports/bob/"))
    assert "No workflow yet" in said
    assert '<table class="portfolio">' not in said


def test_a_workflow_that_was_never_executed_says_what_to_do():
    workflow = make_measured_workflow(project=make_project("bob"))
    said = text(member(workflow.project, name="bob").get("/reports/bob/?simulated=false"))
    assert "Nothing was executed in these days" in said
    assert list(rows(said)) == ["refund unproven", "Together"]
