"""What every savings page does: who may see it, what its address asks for, what it answers to what it cannot read."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client

from tests.analytics.ledgers import HAIKU, NOON, SHORT, make_answer, make_call, make_execution, make_measured_workflow
from tests.cast import make_project, member
from workflows.models import Version

pytestmark = pytest.mark.django_db

REFUND = "/reports/alice/workflows/refund/"


@pytest.fixture
def workflow():
    workflow = make_measured_workflow(design_cost="0.05")
    for day in range(3):
        at = NOON + timedelta(days=day)
        make_answer(make_execution(workflow, at), HAIKU, SHORT, at=at)
    return workflow


@pytest.fixture
def rosa(workflow) -> Client:
    return member(workflow.project)


def text(response) -> str:
    """Without the token of the form that signs out, which differs each time."""
    return re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r"\1", response.content.decode())


def test_the_page_says_what_was_saved_and_what_stands_behind_it(rosa):
    said = text(rosa.get(REFUND))
    assert "Cost 0.026 USD more than the 0.030 USD of all-frontier, n = 3, repriced warm, estimated, unproven." in said
    assert "0.056 USD were paid for it." in said
    assert "All-frontier: what claude-opus-4-5 alone would have cost for the same work." in said
    assert f'<a class="tag" href="{REFUND}method/#repriced-warm">repriced warm</a> the tokens of 3 executions' in said
    assert "<svg" in said
    assert "It is not paid back yet" in said


def test_who_hears_the_page_is_told_where_it_is_and_what_each_number_is(rosa):
    said = text(rosa.get(REFUND))
    assert '<h1>refund<span class="unseen">: savings</span></h1>' in said
    assert '<h2 class="headline">Cost 0.026 USD more' in said
    assert f'<a aria-label="Execution: 0.0060 USD" href="{REFUND}calls/?figure=execution_cost"' in said
    assert '<caption class="unseen">What was paid, and what for</caption>' in said
    portfolio = text(rosa.get("/reports/alice/"))
    assert '<caption class="unseen">The workflows</caption>' in portfolio
    assert 'aria-label="Completed, refund: 3"' in portfolio
    assert said.count('id="cumulative-title"') == 1 and 'aria-labelledby="cumulative-title' in said


def test_a_chart_of_one_workflow_or_of_one_version_is_left_out(rosa):
    assert 'id="by-workflow"' not in text(rosa.get("/reports/alice/"))
    assert 'id="cost_per_completed"' not in text(rosa.get(f"{REFUND}versions/"))


@pytest.mark.parametrize("address", ["/reports/", "/reports/alice/", REFUND])
def test_who_is_not_signed_in_is_sent_to_the_door(client, workflow, address):
    response = client.get(f"{address}?since=2026-11-01")
    assert response.status_code == 302
    assert response.url == f"/admin/login/?next={address}%3Fsince%3D2026-11-01"


def test_another_projects_page_is_the_same_as_none(workflow):
    bob = member(make_project("bob"), name="bob")
    theirs, none = bob.get(REFUND), bob.get("/reports/nobody/workflows/refund/")
    assert theirs.status_code == none.status_code == 404
    assert text(theirs) == text(none)
    assert "refund" not in text(bob.get("/reports/", follow=True))


def test_the_words_stand_first_on_the_method_page_each_where_it_is_led_to(rosa):
    said = text(rosa.get(f"{REFUND}method/"))
    assert said.index('<h2 id="words">') < said.index('<h2 id="costs">')
    for word in ("repriced-warm", "measured", "agreement", "unproven", "all-frontier", "tier", "lane", "gate"):
        assert f'<div id="{word}">' in said


def test_a_superuser_sees_every_project(workflow):
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    assert client.get(REFUND).status_code == 200


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("since=yesterday", 400, "since is a day such as 2026-11-23, in UTC."),
        ("since=2026-11-20&until=2026-11-20", 400, "Until must be later than From."),
        ("until=0001-01-01", 400, "until is a day from 2000-01-01 to 2199-12-31."),
        ("since=9999-12-31", 400, "since is a day from 2000-01-01 to 2199-12-31."),
        ("baseline=free", 400, "baseline is one of declared, repriced_warm, repriced_cold, measured."),
        ("subject=task", 422, "A subject is of the baseline measured; this one is repriced_warm."),
        ("simulated=perhaps", 400, "simulated is one of true, false."),
    ],
)
def test_what_cannot_be_read_is_a_sentence_and_a_way_back(rosa, query, status, sentence):
    response = rosa.get(f"{REFUND}?{query}")
    assert response.status_code == status
    assert sentence in text(response)
    assert f'href="{REFUND}"' in text(response)


@pytest.mark.parametrize(
    "page", ["", "versions/", "steps/", "shadows/", "what-if/", "advice/", "method/", "calls/", "executions/"]
)
@pytest.mark.parametrize("query", ["until=0001-01-01", "until=0001-01-02", "since=9999-12-31"])
def test_a_day_at_the_end_of_the_calendar_is_a_sentence_on_every_page(rosa, page, query):
    assert rosa.get(f"{REFUND}{page}?{query}").status_code == 400


def test_another_baseline_can_be_chosen_where_a_subject_was(rosa):
    response = rosa.get(f"{REFUND}?baseline=repriced_cold&subject=task")
    assert response.status_code == 200
    assert "subject=" not in text(response)


def test_what_it_does_not_know_and_what_is_empty_is_left_alone(rosa):
    assert rosa.get(f"{REFUND}?since=&utm_source=mail&until=").status_code == 200


def test_the_filters_stand_in_every_address_that_leads_on(rosa):
    said = text(rosa.get(f"{REFUND}?since=2026-11-17&baseline=repriced_cold&utm_source=mail"))
    kept = "since=2026-11-17&amp;baseline=repriced_cold"
    assert f'href="/reports/alice/?{kept}"' in said
    assert f'href="{REFUND}calls/?{kept}&amp;figure=execution_cost"' in said
    assert "utm_source" not in said
    assert '<input type="date" name="since" value="2026-11-17">' in said
    assert '<option value="repriced_cold" selected>' in said


def test_the_figures_are_those_of_the_days_and_the_line_is_from_the_beginning(rosa):
    said = text(rosa.get(f"{REFUND}?since=2026-11-18"))
    assert "Saved 80.0% of 0.010 USD, n = 1" in said
    assert "By 18 November 2026, 0.056 USD were paid, where all-frontier would have cost 0.030 USD." in said


def test_that_it_is_paid_back_is_said_as_of_today_whatever_the_days(rosa, workflow):
    cheap = make_measured_workflow("cheap", project=workflow.project, design_cost="0.01")
    for day in range(3):
        at = NOON + timedelta(days=day)
        make_answer(make_execution(cheap, at), HAIKU, SHORT, at=at)
    for query in ("", "?until=2026-11-17"):
        said = text(rosa.get(f"/reports/alice/workflows/cheap/{query}"))
        assert "Designing it, and all else, was paid back on 17 November 2026." in said
        assert "not paid back yet" not in said
    assert "It had not paid itself back by then." in said


def test_a_workflow_of_which_nothing_was_executed_says_what_to_do(rosa, workflow):
    make_measured_workflow("returns", project=workflow.project)
    said = text(rosa.get("/reports/alice/workflows/returns/"))
    assert "Not executed yet: nothing paid, nothing saved." in said
    assert "POST /api/v1/workflows/returns/executions" in said
    assert "simulated, unproven" not in said
    assert "What was paid" not in said


def test_names_are_texts_whoever_chose_them(rosa, workflow):
    workflow.project.workflows.filter(pk=workflow.pk).update(name="<script>alert(1)</script>")
    said = text(rosa.get("/reports/alice/workflows/%3Cscript%3Ealert(1)%3C%2Fscript%3E/"))
    assert "<script>alert" not in said


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            "",
            "From the beginning until 20 November 2026, 12:00 UTC, real money, compared with the same tokens, warm cache.",
        ),
        (
            "?since=2026-11-17&until=2026-11-19&simulated=true&baseline=declared",
            "From 17 November 2026 to 18 November 2026 (UTC), simulated money, compared with what a person declared.",
        ),
    ],
)
def test_a_page_on_paper_says_what_it_shows(rosa, query, said):
    with time_machine.travel(NOON + timedelta(days=4), tick=False):
        assert f'<p class="scope">{said}</p>' in text(rosa.get(f"{REFUND}{query}"))


def test_the_sums_of_the_bill_lead_to_their_rows(rosa):
    said = text(rosa.get(REFUND))
    for figure in ("total_cost", "if_all_frontier"):
        assert f'href="{REFUND}calls/?figure={figure}"' in said
    assert "Everything, per completed" in said


def test_what_is_incomplete_leads_to_the_calls_without_a_price(rosa, workflow):
    make_call(make_execution(workflow), "anthropic:claude-nobody-1")
    assert f'<a class="tag" href="{REFUND}calls/?figure=unpriced">incomplete</a>' in text(rosa.get(REFUND))


def test_without_filters_the_rows_are_still_those_of_the_figure(rosa):
    said = text(rosa.get(f"{REFUND}calls/?figure=execution_cost&since=2026-11-01"))
    assert f'<a href="{REFUND}calls/?figure=execution_cost">Clear the filters</a>' in said
    assert "Clear the filters" not in text(rosa.get(f"{REFUND}executions/?which=completed"))


def test_an_old_version_that_is_chosen_stands_among_the_newest(rosa, workflow):
    first = workflow.versions.get()
    told = {"title": first.title, "definition": first.definition, "created_by": "alice"}
    for number in range(1, 102):
        Version.objects.create(workflow=workflow, number=f"1.{number}.0", content_hash=f"{number}", **told)
    assert '<option value="1.0.0" selected>' in text(rosa.get(f"{REFUND}calls/?version=1.0.0"))
    assert "<option selected>1.0.0</option>" in text(rosa.get(f"{REFUND}versions/?a=1.0.0"))


def test_no_browser_and_no_proxy_keeps_it(rosa):
    for address in ("/reports/", REFUND, f"{REFUND}?since=x", "/reports/nobody/"):
        assert "no-store" in rosa.get(address, follow=True)["Cache-Control"]


def test_what_is_sent_is_refused_with_a_sentence(rosa):
    response = rosa.post(REFUND)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert "This page can be read, and nothing can be sent to it." in text(response)


def test_who_may_not_come_into_the_admin_may_not_come_in_here(rosa, workflow):
    get_user_model().objects.update(is_staff=False)
    assert rosa.get(REFUND).status_code == 403


def test_an_address_without_its_last_slash_leads_on(rosa):
    assert rosa.get("/reports").url == "/reports/"
    assert rosa.get(f"{REFUND[:-1]}?since=2026-11-17").url == f"{REFUND}?since=2026-11-17"


@pytest.mark.parametrize("number", ["0", "-1", "x", "00001x", "1" * 4_400, "0" * 4_400 + "1", "١"])
def test_a_page_that_is_no_number_is_a_sentence(rosa, number):
    response = rosa.get(f"/reports/alice/advice/?page={number}")
    assert response.status_code == 400
    assert "page is a number from 1 to 10,000." in text(response)
