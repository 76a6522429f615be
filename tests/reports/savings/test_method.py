"""The method page: the week of docs/method.md, each formula with its numbers, which add up exactly."""

from fractions import Fraction
from html import unescape

import pytest
from django.contrib.auth.models import User

from analytics.baselines import Method
from analytics.extent import Extent
from analytics.measuring import Measured
from analytics.savings import Balance
from analytics.side_by_side import Beside, side_by_side
from reports.charts.chart import Cell
from reports.savings.asking import asked
from reports.savings.method.formulas import parts
from reports.savings.method.quality import quality
from shadows.models import Subject
from tests.analytics.ledgers import NOON, make_measured_workflow, state_baseline
from tests.analytics.weeks import week_of_every_kind
from tests.cast import make_project, member
from tests.test_method import worked_out

pytestmark = pytest.mark.django_db

ADDRESS = "/reports/alice/workflows/refund/method/"


@pytest.fixture
def workflow():
    return week_of_every_kind()


@pytest.fixture
def rosa(workflow):
    return member(workflow.project)


def text(response) -> str:
    assert response.status_code == 200, response.content
    return unescape(response.content.decode())


def exactly(term: Cell | str) -> str:
    return (
        term
        if isinstance(term, str)
        else (term.exact or term.text).removesuffix(" USD").removesuffix("%").replace(",", "")
    )


def lines_of(workflow, **query):
    about = asked(User(is_superuser=True), workflow.project.name, workflow.name, query)
    found = side_by_side(about.extent, about.method, about.subject)
    return {line.name: line for part in parts(found, about) for line in part.lines}


def test_each_formula_comes_to_what_docs_method_says(workflow):
    comes_to = {name: exactly(line.comes_to) for name, line in lines_of(workflow).items()}
    assert comes_to == {
        "Execution": "0.0439",
        "Design": "0.05",
        "Evaluation": "0.022",
        "Shadows": "0.01",
        "In doubt": "0.002",
        "Total cost": "0.1279",
        "Executions": "9",
        "Finished": "8",
        "Completed": "5",
        "Everything, per completed": "0.02558",
        "Escalation rate": "0.375",
        "Retry rate": "0.076923076923",
        "Saved": "-0.0634",
        "Saved, in percent": "-98.294573643411",
        "Return on cost": "-49.569976544175",
        "Pays back after": "23",
        "Paid back on": "–",
        "Caching": "0.0026",
        "Batches": "0.001",
    }


@pytest.mark.parametrize("baseline", ["repriced_warm", "repriced_cold"])
def test_the_exact_numbers_of_every_formula_add_up(workflow, baseline):
    lines = lines_of(workflow, baseline=baseline)
    by_hand = {name: line for name, line in lines.items() if line.by_hand}
    assert set(by_hand) >= {
        "Design",
        "Total cost",
        "Everything, per completed",
        "Saved",
        "Saved, in percent",
        "Return on cost",
    }
    assert set(by_hand) >= {"Pays back after", "Escalation rate", "Retry rate", "Caching"}
    for name, line in by_hand.items():
        found = worked_out(" ".join(map(exactly, line.by_hand)))
        assert abs(found - Fraction(exactly(line.comes_to))) < Fraction(1, 10**11), name


def test_what_reading_took_off_and_what_writing_added_stand_apart(workflow):
    """4,000 tokens read for 0.10 instead of 1 a million; 2,000 and 500 written for 1.25 and 2."""
    assert [*map(exactly, lines_of(workflow)["Caching"].by_hand)] == ["0.0036", "−", "0.001"]


def test_agreement_and_its_interval_are_those_of_docs_method(workflow):
    shadows = Measured(Subject.WORKFLOW, None, n=30, compared=30, same=27, cost=None, borrowed=0, without=0)
    about = asked(User(is_superuser=True), "alice", "refund", {})
    lines = quality(Beside(Method.MEASURED, None, Balance(), 30, 0, shadows), about).lines
    assert [line.comes_to.text for line in lines] == ["90.0%", "74.4%", "96.5%"]
    assert [term if isinstance(term, str) else term.text for term in lines[1].by_hand] == [
        *("(", "57.8415", "−", "7.4996", ") ÷", "67.6829")
    ]
    for line in lines:
        found = worked_out(" ".join(map(exactly, line.by_hand)))
        assert abs(found - Fraction(exactly(line.comes_to))) < Fraction(1, 10**12)


def test_the_four_methods_stand_side_by_side(workflow):
    state_baseline(workflow, "declared", cost="0.04", at=NOON.replace(year=2025))
    found = side_by_side(Extent(workflow.project, workflow, simulated=False), Method.REPRICED_COLD)
    said = [(one.method.value, one.balance.if_all_frontier, one.balance.savings, one.n) for one in found.methods]
    assert [(method, str(cost), str(saved), n) for method, cost, saved, n in said] == [
        ("declared", "0.200000000000", "0.072100000000", 5),
        ("repriced_warm", "0.064500000000", "-0.063400000000", 5),
        ("repriced_cold", "0.077500000000", "-0.050400000000", 5),
        ("measured", "None", "None", 0),
    ]


def test_the_page_says_which_baseline_is_in_force_since_when_and_who_stated_it(workflow, rosa):
    said = text(rosa.get(ADDRESS))
    assert "Nobody stated a baseline, so it is repriced warm" in said
    state_baseline(workflow, "declared", cost="0.04", at=NOON.replace(year=2025))
    said = text(rosa.get(ADDRESS))
    assert "In force is declared, from 16 November 2025 on, as alice stated on" in said


def test_the_numbers_lead_on_with_the_filters_of_the_page(rosa):
    said = text(rosa.get(f"{ADDRESS}?since=2026-11-16&until=2026-11-18"))
    calls = "/reports/alice/workflows/refund/calls/?since=2026-11-16&until=2026-11-18&figure=evaluation_cost"
    assert f'<a href="{calls}" title="0.022 USD">0.022 USD</a>' in said
    assert "GET /api/v1/workflows/refund/costs?since=2026-11-16&until=2026-11-18" in said
    assert "/reports/alice/workflows/refund/method/?since=2026-11-16&until=2026-11-18&baseline=repriced_cold" in said


@pytest.mark.parametrize("workflow_or_none", ["workflows/refund/", ""])
@pytest.mark.parametrize(
    "rows",
    [
        *(
            f"calls/?figure={name}"
            for name in ("total_cost", "if_all_frontier", "retries", "cache_savings", "batch_savings")
        ),
        *(f"executions/?which={name}" for name in ("all", "finished", "completed", "escalated")),
    ],
)
def test_every_number_of_a_project_and_of_a_workflow_leads_to_its_rows(rosa, workflow_or_none, rows):
    here = f"/reports/alice/{workflow_or_none}"
    assert f'href="{here}{rows}"' in text(rosa.get(f"{here}method/"))
    assert rosa.get(f"{here}{rows}").status_code == 200


def test_too_few_shadows_say_nothing_of_quality(rosa):
    said = text(rosa.get(ADDRESS))
    assert "Shadows of these days that were compared: 0; below 30 nothing is said." in said


def test_the_method_of_a_project_leads_to_those_of_its_workflows(workflow, rosa):
    make_measured_workflow("other", project=workflow.project)
    said = text(rosa.get("/reports/alice/method/"))
    assert "Of a project as a whole it is repriced warm; of each workflow its own is in force." in said
    assert 'title="0.1279 USD"' in said
    assert '<a href="/reports/alice/workflows/other/method/">other</a>' in said
    assert "GET /api/v1/costs" in said


def test_of_a_project_without_workflows_every_number_is_nothing(rosa):
    empty = make_project("empty")
    said = text(member(empty, name="bob").get("/reports/empty/method/"))
    assert "0.00 USD" in said
