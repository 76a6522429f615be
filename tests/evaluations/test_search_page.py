"""The pages of tier searches: what they say, and who does what there."""

import re

import pytest

from evaluations import tier_search
from evaluations.models import TierSearch
from evaluations.pages import search_told
from evaluations.tier_search import Wanted
from projects.models import AuditEvent
from tests.cast import make_project, make_workflow, member, models_answer
from tests.evaluations.evaluated import add_messages
from tests.evaluations.test_tier_search import CHEAP, FRONTIER, ON_FRONTIER, RIGHT, search, wrong

pytestmark = pytest.mark.django_db

LIST = "/admin/evaluations/tiersearch/"
SAID = {"budget": "2", "step:classify": ""}


@pytest.fixture
def workflow():
    found = make_workflow(ON_FRONTIER)
    models_answer(wrong(CHEAP), RIGHT)
    add_messages(found, 30)
    return found


def begun(workflow, **said) -> TierSearch:
    return tier_search.begin(tier_search.examine(Wanted(workflow.live.version, **said), "alice"))


def address(one, word="change"):
    return f"{LIST}{one.pk}/{word}/"


def asking(workflow):
    return f"/admin/workflows/version/{workflow.live.version_id}/search-tiers/"


def shown(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.content.decode())


def test_it_shows_the_evidence_of_each_step_and_what_came_of_it(workflow):
    found, client = search(workflow), member(workflow.project, "designer")
    page = shown(client, address(found))
    assert '<span class="state good">passed</span>' in page
    assert "classify moves down from frontier (scripted:claude-opus-5-5) to standard" in page
    assert "Step classify: moves down" in page
    assert "20 of 30, 66.7% (48.8–80.8%)" in page
    assert "−33.3 points (" in page
    assert '<span class="state good">chosen</span> <code>scripted:claude-sonnet-5-5</code>' in page
    assert "does not pass</a>" in page
    assert f"/admin/workflows/version/{found.draft_id}/change/" in page
    assert f"/admin/workflows/version/{found.draft_id}/evaluate/" in page
    assert "data-live " not in page
    listed = shown(client, LIST)
    assert f'<a href="/admin/workflows/version/{found.draft_id}/change/">1.1.0</a>' in listed
    assert "classify: scripted:claude-sonnet-5-5" in listed


def test_the_ways_stand_side_by_side_and_a_saving_below_zero_says_so(workflow):
    found = search(workflow)
    ways = found.evidence["ways"]
    ways["all_cheap"]["saving"] = {"per_case": "-0.0002", "percent": "-12.5"}
    TierSearch.objects.filter(pk=found.pk).update(evidence=found.evidence)
    page = shown(member(workflow.project), address(found))
    for said in ("The frontier alone", "What was chosen", "The cheapest of every step", "As it was designed"):
        assert f'<th scope="col">{said}</th>' in page
    assert '<span class="worse">−0.0002 USD (−12.5%): it costs more</span>' in page
    assert f" USD ({ways['chosen']['saving']['percent']}%)</td>" in page


@pytest.mark.parametrize(
    ("usd", "said"),
    [
        ("0.001776293333", "0.001776"),
        ("12.345678", "12.35"),
        ("-0.00000004", "-0.00000004"),
        ("0.00", "0"),
        (None, None),
    ],
)
def test_money_is_told_with_four_digits(usd, said):
    assert search_told.short(usd) == said


def test_a_running_one_says_how_far_it_is(workflow):
    found, client = begun(workflow), member(workflow.project, name="vera")
    assert "None has begun yet: a worker begins the first one." in shown(client, address(found))
    tier_search.advance(found)
    page = shown(client, address(found))
    assert "1 evaluation of it has begun." in page
    assert "running: 0 of 60</a>" in page
    assert "data-live " in page
    assert address(found, "cancel") not in page


@pytest.mark.parametrize(("role", "status"), [("viewer", 404), ("reviewer", 404), ("designer", 302), ("owner", 302)])
def test_a_designer_cancels_it_and_states_its_budget(workflow, role, status):
    found, client = begun(workflow, budget=1), member(workflow.project, role)
    TierSearch.objects.update(status="waiting")
    assert client.post(address(found, "budget"), {"budget": "1.50"}).status_code == status
    found.refresh_from_db()
    assert (found.status, found.budget) == (("running", 15 * 10**11) if status == 302 else ("waiting", 1))
    assert client.post(address(found, "cancel")).status_code == status
    found.refresh_from_db()
    assert found.status == ("cancelled" if status == 302 else "waiting")
    if status == 302:
        for word in ("cancel", "budget"):
            assert "It has ended: it is cancelled." in shown(client, address(found, word))
        assert "It was cancelled." in shown(client, address(found))


def test_it_says_what_it_would_cost_before_it_begins_once(workflow):
    client = member(workflow.project, "designer")
    assert "Now: frontier (scripted:claude-opus-5-5)." in shown(client, asking(workflow))
    estimated = re.sub(r"\s+", " ", client.post(asking(workflow), SAID).content.decode())
    assert "2 evaluations or more, 90 executions: expected <strong>" in estimated
    assert not TierSearch.objects.exists()
    offer = re.search(r'name="offer" value="([^"]+)"', estimated)[1]
    first, again = (client.post(asking(workflow), {**SAID, "offer": offer, "begin": "yes"}) for _ in range(2))
    found = TierSearch.objects.get()
    assert first.headers["Location"] == again.headers["Location"] == address(found)
    assert (found.created_by, found.budget, len(found.candidates["classify"])) == ("user:rosa", 2 * 10**12, 3)
    assert AuditEvent.objects.filter(kind="tier_search", verb="created").count() == 1


@pytest.mark.parametrize(
    "changed", [{"budget": "3"}, {"offer": "made up"}, {"step:classify": "cheap"}, {"begin": None}]
)
def test_what_was_not_estimated_does_not_begin(workflow, changed):
    client = member(workflow.project, "designer")
    estimated = client.post(asking(workflow), SAID).content.decode()
    offer = re.search(r'name="offer" value="([^"]+)"', estimated)[1]
    said = {**SAID, "offer": offer, "begin": "yes", **changed}
    came = client.post(asking(workflow), {name: value for name, value in said.items() if value is not None})
    assert "What it would cost" in came.content.decode()
    assert not TierSearch.objects.exists()


def test_other_cases_are_another_estimate(workflow):
    client = member(workflow.project, "designer")
    offer = re.search(r'name="offer" value="([^"]+)"', client.post(asking(workflow), SAID).content.decode())[1]
    add_messages(workflow, 1, first=90)
    came = client.post(asking(workflow), {**SAID, "offer": offer, "begin": "yes"})
    assert "2 evaluations or more, 93 executions" in re.sub(r"\s+", " ", came.content.decode())
    assert not TierSearch.objects.exists()


def test_models_are_named_as_tiers_or_in_full_and_what_is_wrong_is_said(workflow):
    client = member(workflow.project, "designer")
    said = {"step:classify": f"cheap, {FRONTIER}", "budget": ""}
    estimated = client.post(asking(workflow), said).content.decode()
    offer = re.search(r'name="offer" value="([^"]+)"', estimated)[1]
    client.post(asking(workflow), {**said, "offer": offer, "begin": "yes"})
    assert TierSearch.objects.get().candidates == {"classify": [CHEAP, FRONTIER]}
    came = client.post(asking(workflow), {"step:classify": "nobody:<b>"}).content.decode()
    assert "/candidates/classify/0: " in came
    assert "<b>" not in came


def test_without_cases_it_says_how_to_add_some():
    workflow = make_workflow(ON_FRONTIER)
    page = shown(member(workflow.project, "designer"), asking(workflow))
    assert "refund has no confirmed case yet" in page
    assert f"/admin/workflows/workflow/{workflow.pk}/add-case/" in page


@pytest.mark.parametrize(("role", "status"), [("viewer", 404), ("reviewer", 404), ("designer", 200), ("owner", 200)])
def test_a_designer_searches(workflow, role, status):
    client = member(workflow.project, role)
    assert client.get(asking(workflow)).status_code == status
    assert client.post(asking(workflow), SAID).status_code == status
    version = f"/admin/workflows/version/{workflow.live.version_id}/change/"
    assert (asking(workflow) in shown(client, version)) == (status == 200)


def test_what_is_of_another_project_is_not_found(workflow):
    found = begun(workflow)
    stranger = member(make_project("bob"), "owner")
    for path in (*(address(found, word) for word in ("change", "cancel", "budget")), asking(workflow)):
        assert stranger.get(path).status_code == stranger.post(path).status_code == 404
    assert "refund 1.0.0" not in shown(stranger, LIST)
