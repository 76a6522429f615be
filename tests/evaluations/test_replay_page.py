"""The pages of replays: what they say, and who does what there."""

import re

import pytest

from evaluations import replaying
from evaluations.models import Replay
from evaluations.replaying import Wanted
from tests.cast import envelope, execute, make_workflow, member, models_answer
from tests.evaluations.evaluated import draft, replay

pytestmark = pytest.mark.django_db

KNOWS = [{"user": "refund", "text": envelope({"kind": "refund"})}, {"text": envelope({"kind": "other"})}]


@pytest.fixture
def workflow():
    workflow = make_workflow()
    models_answer(*KNOWS)
    for message in ("refund tea", "refund rice", "other 3", "other 4"):
        execute(workflow, message)
    return workflow


def address(replay, word="change"):
    return f"/admin/evaluations/replay/{replay.pk}/{word}/"


def shown(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, path
    return re.sub(r"\s+", " ", answer.content.decode())


def test_it_says_what_changes_first(workflow):
    models_answer({"user": "refund rice", "text": envelope({"kind": "other"})}, *KNOWS)
    found, client = replay(draft(workflow)), member(workflow.project)
    page = shown(client, address(found))
    assert "The result changes in 1 of 4 executions (4.6–69.9%)." in page
    assert page.index("refund rice") < page.index("refund tea")
    assert "Steps that change: classify" in page
    few = shown(client, address(found) + "?only=changed")
    assert "refund rice" in few
    assert "refund tea" not in few
    assert "There are none." in shown(client, address(found) + "?only=untried")
    for wrong in ("?page=0", "?page=nothing", "?only=<b>", "?page=99"):
        shown(client, address(found) + wrong)
    listed = shown(client, "/admin/evaluations/replay/")
    assert "refund 1.1.0 on completed executions" in listed
    assert "1 of 4, 25.0% (4.6–69.9%)" in listed
    assert "0 fewer, 0 more" in listed


@pytest.mark.parametrize(("role", "status"), [("viewer", 404), ("designer", 302)])
def test_a_designer_raises_its_budget_and_ends_it(workflow, role, status):
    begun = replaying.begin(replaying.examine(Wanted(draft(workflow), budget=1), "alice"))
    Replay.objects.update(status="waiting")
    client = member(workflow.project, role)
    assert "raise it, and it goes on. 0 of 4 are compared." in shown(client, address(begun))
    assert client.post(address(begun, "budget"), {"budget": "1.50"}).status_code == status
    begun.refresh_from_db()
    assert (begun.status, begun.budget) == (("running", 15 * 10**11) if status == 302 else ("waiting", 1))
    assert client.post(address(begun, "cancel")).status_code == status
    begun.refresh_from_db()
    assert begun.status == ("cancelled" if status == 302 else "waiting")
    if status == 302:
        assert "It was cancelled when 0 of 4 executions were compared." in shown(client, address(begun))
