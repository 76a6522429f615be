"""The page of a workflow's shadows."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest

from executions.models import Execution
from shadows.models import Plan, Shadow
from tests.analytics.ledgers import NOON, make_execution, make_flag, make_measured_workflow
from tests.analytics.shadowings import make_shadowed
from tests.cast import make_project, member
from wire.money import to_pico

pytestmark = pytest.mark.django_db

PAGE = "/reports/alice/workflows/refund/shadows/"
STEPS = {"steps": {"classify": {"same": True, "said": ""}}}


@pytest.fixture
def workflow():
    return make_measured_workflow()


@pytest.fixture
def rosa(workflow):
    return member(workflow.project)


def text_of(client, query="", status=200):
    """Without the marks, in one line."""
    came = client.get(PAGE + query)
    assert came.status_code == status
    page = re.sub(r"<svg.*?</svg>", "", came.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).replace("\N{NON-BREAKING HYPHEN}", "-").split())


def test_the_sentence_says_how_often_both_agree_and_what_one_costs_there_and_here(workflow, rosa):
    make_shadowed(workflow, ["0.01"] * 39)
    make_shadowed(workflow, ["0.01"], same=False)
    said = text_of(rosa)
    assert (
        "Of 40 executions that were run again on claude-opus-4-5, 97.5% (87.1–99.6) came to the same result; one costs "
        "0.0100 USD there (0.0100–0.0100) and 0.00200 USD here."
    ) in said
    assert (
        "A shadow is a completed execution that was run once more, with every model step on the frontier model" in said
    )


def test_it_has_charts_by_step_over_time_and_of_costs(workflow, rosa):
    make_shadowed(workflow, ["0.01"] * 20, at=NOON, **STEPS)
    make_shadowed(workflow, ["0.01"] * 20, at=NOON - timedelta(days=7), **STEPS)
    page = rosa.get(PAGE).content.decode()
    assert page.count('role="img"') == 3
    said = text_of(rosa)
    assert "Step by step, the answers of classify agree in 100.0% (91.2–100.0)." in said
    assert "In the week from 16 November 2026, 20 of 20 agree, and 20 of 20 before it." in said
    assert (
        "Of version 1.0.0, a shadow costs 0.0100 USD and an execution 0.00200 USD: the frontier costs 5.0 times as much."
        in said
    )


def test_below_thirty_it_claims_nothing_and_says_what_to_do(workflow, rosa):
    make_shadowed(workflow, ["0.01"] * 12)
    said = text_of(rosa)
    assert "12 shadows of the workflow so far: too few to say how often both agree" in said
    assert (
        "18 more shadows are missing: there are 12, and below 30 nothing is claimed of agreement or of costs." in said
    )
    assert "Nobody stated a shadow plan, so no execution is run again." in said
    assert "100.0%" not in said and "0.01 USD" not in said
    page = rosa.get(PAGE).content.decode()
    assert 'role="img"' not in page
    assert f'href="/admin/shadows/plan/{workflow.pk}/change/"' in page


def test_the_plan_says_its_share_its_budget_and_what_it_spent(workflow, rosa):
    Plan.objects.create(workflow=workflow, share=Decimal("0.05"), monthly_budget=to_pico(Decimal("12.5")))
    said = text_of(rosa)
    assert "The plan runs 5% of the completed executions again, for 12.50 USD a month at most." in said
    assert "Nothing was spent on shadows this month." in said
    Plan.objects.update(enabled=False)
    assert "The shadow plan is switched off, so no execution is run again." in text_of(rosa)


def test_without_any_it_says_so(rosa):
    assert "There is no shadow of the workflow yet." in text_of(rosa)
    assert "There is no shadow of the workflow in these days." in text_of(rosa, "?since=2026-11-01")


def test_what_is_not_compared_and_what_borrows_is_said(workflow, rosa):
    make_shadowed(workflow, ["0.01"] * 30)
    make_shadowed(workflow, ["0.01"] * 2, same=None)
    make_flag(make_execution(workflow), waiting=False)
    said = text_of(rosa)
    assert (
        "Of 32 executions that were run again on claude-opus-4-5, 30 were compared and 100.0% (88.6–100.0) came" in said
    )
    assert "not compared 2 of 32: only a judge is stated" in said
    assert "borrowed 1 of 33 completed executions" in said
    assert "counts at the mean of the others of this version" in said


def test_a_disagreement_leads_to_the_shadow_and_to_its_execution(workflow, rosa):
    make_shadowed(workflow, ["0.01"], same=False, said="kind is other, and was refund.")
    shadow = Shadow.objects.get()
    page = rosa.get(PAGE).content.decode()
    assert "kind is other, and was refund." in page
    assert f'href="/admin/shadows/shadow/{shadow.pk}/change/"' in page
    assert f'href="/admin/executions/execution/{shadow.past_id}/change/"' in page


def test_what_retention_deleted_is_not_told(workflow, rosa):
    make_shadowed(workflow, ["0.01"], same=False, said="kind is other, and was refund.")
    Execution.objects.update(purged_at=NOON)
    said = text_of(rosa)
    assert "The texts were deleted." in said and "kind is other" not in said


def test_disagreements_come_in_parts(workflow, rosa):
    make_shadowed(workflow, ["0.01"] * 21, same=False, said="It differs.")
    first, second = rosa.get(PAGE).content.decode(), rosa.get(f"{PAGE}?page=2").content.decode()
    assert (first.count("It differs."), second.count("It differs.")) == (20, 1)
    assert f'href="{PAGE}?page=2#differ"' in first and f'href="{PAGE}#differ"' in second
    assert "?page=2" not in re.search(r'<nav class="tabs".*?</nav>', second, re.DOTALL)[0]
    assert rosa.get(f"{PAGE}?page=99").content.decode().count("It differs.") == 1


def test_a_number_leads_to_a_list_only_where_the_list_tells_them_apart(workflow, rosa):
    make_shadowed(workflow, ["0.01"] * 3)
    page = rosa.get(PAGE).content.decode()
    rows = re.findall(r'<th scope="row">([A-Z][a-z ]+)</th><td class="number">(.*?)</td>', page)
    address = f"/admin/shadows/shadow/?workflow__id__exact={workflow.pk}&amp;subject=workflow"
    listed = f'<a aria-label="Number, Drawn: 3" href="{address}">3</a>'
    assert dict(rows) == {
        **dict.fromkeys(("Not compared", "Failed", "Skipped", "To come"), "0"),
        "Drawn": listed,
        "Counted": "3",
    }


def test_subjects_and_simulated_ones_are_never_put_together(workflow, rosa):
    make_shadowed(workflow, ["0.01"] * 2)
    make_shadowed(workflow, ["0.05"], subject="task")
    page = rosa.get(PAGE).content.decode()
    assert "2 shadows of the workflow so far" in page
    assert ">1 real shadow of the task</a>" in page
    assert "1 shadow of the task so far" in text_of(rosa, "?subject=task")


def test_a_subject_takes_other_pages_to_what_it_measures(workflow, rosa):
    make_shadowed(workflow, ["0.05"], subject="task")
    page = rosa.get(f"{PAGE}?subject=task").content.decode()
    tab = re.search(r'class="tabs".*?href="([^"]+)">Savings</a>', page, re.DOTALL)[1]
    assert unescape(tab) == "/reports/alice/workflows/refund/?subject=task&baseline=measured"
    assert rosa.get(unescape(tab)).status_code == 200


@pytest.mark.parametrize("query", ["?page=0", "?page=x", "?subject=both", "?since=yesterday", f"?page={'9' * 5000}"])
def test_a_filter_that_cannot_be_read_gets_a_sentence(rosa, query):
    assert rosa.get(PAGE + query).status_code == 400


def test_nobody_of_another_project_sees_it(workflow):
    assert member(make_project("bob"), name="tom").get(PAGE).status_code == 404
