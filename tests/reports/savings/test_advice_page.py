"""The pages of fit advice."""

import re
from html import unescape

import pytest
import time_machine
from django.contrib.auth import get_user_model

from designs.models import Design
from evaluations.models import TierSearch
from reports.savings.advice.places import place
from reports.savings.asking import asked
from tests.analytics.advice.test_advice import LATER, on_frontier, ran, workflow_at
from tests.analytics.ledgers import HAIKU, OPUS, REAL, make_measured_workflow
from tests.cast import make_project, member
from workflows.models import Workflow

pytestmark = pytest.mark.django_db

PAGE = "/reports/alice/workflows/refund/advice/"
ALL = "/reports/alice/advice/"


@pytest.fixture(autouse=True)
def now():
    with time_machine.travel(LATER, tick=False):
        yield


@pytest.fixture
def workflow():
    return workflow_at(design_cost="0.04")


def page_of(client, address=PAGE, status=200):
    came = client.get(address)
    assert came.status_code == status
    return came.content.decode()


def text_of(client, address=PAGE, status=200):
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page_of(client, address, status))).split())


def test_it_says_the_fit_and_its_reasons(workflow):
    ran(workflow, 30)
    said = text_of(member(workflow.project))
    assert "Too early to judge: no confirmed case shows yet that its answers are right." in said
    assert "It has 0 confirmed cases, and its gate asks for 20: nothing shows that it is right." in said
    assert "It has saved 0.200 USD since the beginning; a completed execution saves 0.00800 USD." in said


def test_reasons_stand_on_their_sides_with_their_figures_and_what_to_do(workflow):
    ran(workflow, 30)
    rosa = member(workflow.project)
    said = text_of(rosa)
    assert said.index("What speaks for it") < said.index("Whether it saves") < said.index("What speaks against it")
    assert (
        said.index("What speaks against it")
        < said.index("Whether it was shown to be right")
        < said.index("not known yet")
    )
    assert "Gain per execution 0.0080 USD" in said
    assert f'href="/admin/evaluations/case/?workflow__id__exact={workflow.pk}"' in page_of(rosa)


def test_the_next_step_is_a_thing_to_do_with_what_it_saves_and_on_what_evidence():
    workflow = on_frontier()
    ran(workflow, 30, OPUS)
    rosa = member(workflow.project)
    said = text_of(rosa)
    assert said.index("Add cases, and confirm those that are proposed") < said.index("After that")
    assert said.index("After that") < said.index("Search the tiers of classify")
    assert "Do it" not in said
    assert "It would save 0.72 USD a month, at the pace of these days." in said
    assert "priced only" in said and "Nothing was tested." in said
    assert "classify would go from claude-opus-4-5 (frontier) to claude-haiku-4-5 (cheap)." in said
    assert f'href="/admin/workflows/version/{workflow.live.version_id}/search-tiers/"' in page_of(rosa)


def test_the_test_behind_it_is_told_with_its_interval():
    workflow = on_frontier()
    ran(workflow, 30, OPUS)
    tested = {"model": HAIKU, "quality": {"count": 48, "n": 50}, "passed": True}
    evidence = {"steps": {"classify": {"models": [tested]}}, "ways": {}}
    said = {"candidates": {}, "tier_map": REAL, "rules": {}, "simulated": False, "status": "completed"}
    of = {"project": workflow.project, "workflow": workflow, "version": workflow.live.version}
    search = TierSearch.objects.create(**of, **said, evidence=evidence)
    rosa = member(workflow.project)
    assert "48 of 50 right or the same, 96.0% (86.5–98.9), passed" in text_of(rosa)
    assert "step compared" in text_of(rosa)
    page = page_of(rosa)
    assert f'href="/admin/evaluations/tiersearch/{search.pk}/change/"' in page
    assert f'href="/admin/workflows/version/{workflow.live.version_id}/evaluate/"' in page


def test_what_was_never_executed_says_what_to_do(workflow):
    rosa = member(workflow.project)
    said = text_of(rosa)
    assert "What it saves is not known: nothing is completed." in said
    assert (
        "Nothing of it was executed yet. Execute the live version by POST /api/v1/workflows/refund/executions" in said
    )
    assert "simulated scripted" not in said
    assert f'href="/admin/workflows/version/{workflow.live.version_id}/try/"' in page_of(rosa)


def test_without_a_live_version_one_is_published_first(workflow):
    Workflow.objects.update(live=None)
    rosa = member(workflow.project)
    assert "Nothing is live, so no step can be moved. Publish a version and execute it" in text_of(rosa)
    assert f'href="/admin/workflows/workflow/{workflow.pk}/change/"' in page_of(rosa)


def test_it_tells_what_the_design_said_of_itself(workflow):
    of = {"project": workflow.project, "workflow": workflow, "kind": "design", "simulated": False, "brief": {}}
    fit = {"verdict": "hybrid", "reasons": ["Some tickets are rare."]}
    design = Design.objects.create(**of, answer={"fit": fit}, status="completed", created_by="alice")
    ran(workflow, 1)
    page = page_of(member(workflow.project))
    assert "<strong>Hybrid</strong>" in page and "Some tickets are rare." in page
    assert f'href="/admin/designs/design/{design.pk}/change/"' in page


def test_simulated_advice_says_so(workflow):
    ran(workflow, 2, simulated=True)
    assert "simulated scripted models answered" in text_of(member(workflow.project), f"{PAGE}?simulated=true")


def test_a_project_has_a_row_for_each_workflow(workflow):
    moved = on_frontier("triage", workflow.project)
    ran(moved, 30, OPUS)
    ran(workflow, 1)
    make_measured_workflow("unused", project=workflow.project)
    rosa = member(workflow.project)
    said = text_of(rosa, ALL)
    assert "Of 3 workflows, 1 is better kept on the frontier, 2 cannot be judged yet." in said
    assert "Most would be saved by the next step of triage: 0.72 USD a month." in said
    assert "unused Too early to say Nothing of it was executed yet. Execute it" in said
    assert re.search(r"triage .* Search the tiers of classify 0\.72 USD priced only", said)


def test_the_rows_of_a_project_come_ten_at_a_time(workflow):
    for number in range(10):
        make_measured_workflow(f"other-{number}", project=workflow.project)
    rosa = member(workflow.project)
    assert (page_of(rosa, ALL).count("<tr>"), page_of(rosa, f"{ALL}?page=2").count("<tr>")) == (11, 2)
    assert "None of 10 workflows here can be judged yet." in text_of(rosa, ALL)


def test_a_project_without_a_workflow_says_what_to_do():
    make_project("bob")
    rosa = member(make_project("carol"))
    assert "There is no workflow yet" in text_of(rosa, "/reports/carol/advice/")


def test_its_scope_and_its_links_are_of_the_days_that_it_is_of():
    workflow = on_frontier()
    ran(workflow, 30, OPUS)
    rosa = member(workflow.project)
    page = page_of(rosa)
    assert 'class="scope">From 27 October 2026 until 25 November 2026, 12:00 UTC, real money.<' in page
    assert 'href="/reports/alice/workflows/refund/calls/?since=2026-10-27&amp;step=classify"' in page
    asked_for = page_of(rosa, f"{PAGE}?until=2026-11-20")
    assert 'class="scope">From 21 October 2026 to 19 November 2026 (UTC), real money.<' in asked_for
    assert "From 21 October 2026 to 19 November 2026." in asked_for
    assert "calls/?until=2026-11-20&amp;since=2026-10-21&amp;step=classify" in asked_for


@pytest.mark.parametrize("query", ["?since=2031-01-01", "?until=0001-01-05", "?page=-1"])
def test_days_that_cannot_be_advised_on_get_a_sentence(workflow, query):
    rosa = member(workflow.project)
    assert rosa.get(ALL + query).status_code == 400


def test_nobody_of_another_project_sees_it(workflow):
    tom = member(make_project("bob"), name="tom")
    assert (tom.get(PAGE).status_code, tom.get(ALL).status_code) == (404, 404)


def test_each_address_of_the_api_has_a_page(workflow):
    member(workflow.project)
    about = asked(get_user_model().objects.get(), "alice", "refund", {})
    pk, live = workflow.pk, workflow.live.version_id
    assert {address: place(about, address) for address in ADDRESSES} == {
        "POST workflows/refund/tier-searches": f"/admin/workflows/version/{live}/search-tiers/",
        "POST workflows/refund/evaluations": f"/admin/workflows/version/{live}/evaluate/",
        "POST workflows/refund/redesigns": f"/admin/workflows/workflow/{pk}/redesign/",
        "POST workflows/refund/versions": f"/admin/workflows/version/{live}/change/",
        "POST workflows/refund/cases": f"/admin/evaluations/case/?workflow__id__exact={pk}",
        "PUT workflows/refund/shadow-plan": f"/admin/shadows/plan/{pk}/change/",
        "GET workflows/refund/groups": f"/admin/designs/group/?workflow={pk}",
        "GET workflows/refund/costs?group_by=step": "/reports/alice/workflows/refund/",
        "GET workflows/refund/shadows": "/reports/alice/workflows/refund/shadows/",
        "GET executions?workflow=refund&feedback=rejected": "/reports/alice/workflows/refund/executions/?which=rejected",
        "GET evaluations/e1": "/admin/evaluations/evaluation/e1/change/",
        "GET tier-searches/s1": "/admin/evaluations/tiersearch/s1/change/",
        "GET something/else": "",
    }


ADDRESSES = (
    "POST workflows/refund/tier-searches",
    "POST workflows/refund/evaluations",
    "POST workflows/refund/redesigns",
    "POST workflows/refund/versions",
    "POST workflows/refund/cases",
    "PUT workflows/refund/shadow-plan",
    "GET workflows/refund/groups",
    "GET workflows/refund/costs?group_by=step",
    "GET workflows/refund/shadows",
    "GET executions?workflow=refund&feedback=rejected",
    "GET evaluations/e1",
    "GET tier-searches/s1",
    "GET something/else",
)
