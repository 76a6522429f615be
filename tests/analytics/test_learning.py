"""Whether a workflow learns, through the API and on its page in the admin."""

import re

import pytest

from gateway.types import Usage
from projects.models import ApiKey, Scope
from tests.cast import make_project, make_workflow, member

from .learnings import DAY, flagged, group_of, join, publish, ran, waiting, workflow_at
from .ledgers import NOON, REAL
from .test_design_costs import A_CENT, design_of, redesign_of

pytestmark = pytest.mark.django_db

TENTH = Usage(input=100, output=20)
ADDRESS = "/api/v1/workflows/refund/learning"


@pytest.fixture
def workflow():
    return workflow_at()


@pytest.fixture
def learned(workflow):
    """One that was redesigned, whose gap came back, and for which one flag waits."""
    for _ in range(30):
        flagged(workflow)
    first, second = flagged(workflow), waiting(workflow)
    group = group_of(first, second)
    design_of(workflow, A_CENT)
    redesign_of(workflow, TENTH)
    redesign_of(workflow, TENTH, status="failed")
    publish(workflow, "1.1.0", [first, second])
    for _ in range(30):
        ran(workflow, NOON + DAY)
    join(group, flagged(workflow, NOON + DAY + DAY))
    return workflow


def ask(client, workflow, address=ADDRESS):
    _, key = ApiKey.objects.issue(workflow.project, [Scope.READ])
    return client.get(address, headers={"Authorization": f"Bearer {key}"})


def page(workflow, query="", client=None):
    client = client or member(workflow.project)
    return client.get(f"/admin/workflows/workflow/{workflow.pk}/learning/{query}")


def text(came):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", came.content.decode())).replace("&#x27;", "'")


def test_the_api_tells_it(learned, client):
    came = ask(client, learned)
    body = came.json()
    assert came.status_code == 200
    assert (body["workflow"], body["simulated"], body["since"], body["until"]) == ("refund", False, None, None)
    assert [(one["version"], one["finished"], one["escalated"], one["run_again"]) for one in body["versions"]] == [
        ("1.0.0", 32, 32, 1),
        ("1.1.0", 31, 1, 0),
    ]
    assert (body["change"]["verdict"], body["change"]["difference"]) == ("lower", "-0.9677")
    assert (body["redesign"]["cost_per_completed"], body["redesign_per_design"]) == ("0.002", "0.2000")
    assert (body["recurrence"]["closed"], body["recurrence"]["recurred"]) == (1, 1)
    assert body["time_to_fix"] == {"flags": 2, "p50": 86_400, "p95": 86_400}


def test_it_takes_a_window_and_a_kind(learned, client):
    body = ask(client, learned, f"{ADDRESS}?since=2026-11-17&until=2026-11-18&simulated=true").json()
    assert (body["since"], body["until"], body["simulated"]) == ("2026-11-17", "2026-11-18", True)
    assert [one["finished"] for one in body["versions"]] == [0, 0]


@pytest.mark.parametrize(
    "query", ["since=2026-11-18&until=2026-11-18", "since=yesterday", "simulated=perhaps", "by=step"]
)
def test_a_filter_that_makes_no_sense_is_refused(query, workflow, client):
    assert ask(client, workflow, f"{ADDRESS}?{query}").status_code in (400, 422)


def test_another_projects_workflow_is_not_there(workflow, client):
    workflow_at(name="theirs", project=make_project("bob", tiers=REAL))
    assert ask(client, workflow, "/api/v1/workflows/theirs/learning").status_code == 404


def test_the_page_tells_it_in_words(learned):
    said = text(page(learned))
    assert "1.1.0 against 1.0.0: it escalates 96.8 points less, with 95% confidence 80.0 to 99.4." in said
    assert "1.0.0 100.0% (89.3–100.0%) 32 1 32 2026-11-16 12:00 UTC" in said
    assert "A redesign costs 0.20 of a design." in said
    assert "Redesigns 0.0020 USD 0.0020 USD 1 1 0 0" in said
    assert "1 of 1 group that a publication closed came back." in said
    assert "uncovered at classify" in said
    assert "1.1.0, 2026-11-17 12:00 UTC 1 2026-11-18 12:00 UTC" in said
    assert "2 flags closed: half within 24.0 h, nineteen in twenty within 24.0 h." in said
    assert "No flag waits for a redesign." in said


def test_an_empty_page_says_why_there_is_nothing_and_what_to_do():
    workflow = make_workflow()
    said = text(page(workflow))
    assert "simulated Scripted models answered: a story, and no evidence." in said
    assert "One version was published: there is nothing to compare it with. Close its flags with a redesign" in said
    assert "nothing has finished" in said
    assert "No design of this workflow was completed through the service in these days" in said
    assert "not known: no redesign was completed" in said
    assert "No group of flags was closed by a publication in these days. Send a group to redesign" in said
    assert "No flag was closed by a publication in these days." in said


def test_a_window_that_ends_before_it_begins_is_refused_on_the_page(workflow):
    said = text(page(workflow, "?since=2026-11-18&until=2026-11-17"))
    assert "It ends on a day behind the one on which it begins" in said
    assert "Do its versions escalate less?" not in said


def test_the_page_of_a_workflow_leads_there(workflow):
    client = member(workflow.project)
    came = client.get(f"/admin/workflows/workflow/{workflow.pk}/change/").content.decode()
    assert f'<a href="/admin/workflows/workflow/{workflow.pk}/learning/">Does it learn?</a>' in came
    assert page(workflow, client=client).status_code == 200


def test_who_is_not_of_the_project_does_not_find_it(workflow):
    other = member(make_project("bob", tiers=REAL), name="bert")
    assert page(workflow, client=other).status_code in (302, 404)


def test_it_takes_few_queries(learned, django_assert_max_num_queries):
    client = member(learned.project)
    with django_assert_max_num_queries(50):
        assert page(learned, client=client).status_code == 200
