"""The pages of a workflow and of its versions: what they say, and what a designer does there."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions import control
from executions.models import Execution, Flag
from projects.models import Role
from tests.cast import REFUND, envelope, execute, make_workflow, member, models_answer
from workflows.models import Examined

pytestmark = pytest.mark.django_db

NEXT = {
    **REFUND,
    "constants": {"days": 30},
    "guidance": "Be kind.",
    "edge_cases": [
        *REFUND["edge_cases"],
        {"id": "gift", "case": "It was a gift", "handling": "Answer as to the buyer."},
    ],
}


@pytest.fixture
def workflow():
    workflow = make_workflow()
    why = {"changelog": "Gifts were asked about.", "designed_by": "opus", "design_cost": 31 * 10**10}
    context = {"requirements": ["Be quick"], "why": "A person said so."}
    workflow.draft(Examined.of(NEXT, workflow.project), "1.1.0", created_by="alice", design_context=context, **why)
    return workflow


def page_of(version, word="change"):
    return f"/admin/workflows/version/{version.pk}/{word}/"


def test_a_workflow_shows_its_versions_and_what_was_published(workflow):
    shown = member(workflow.project, "viewer").get(f"/admin/workflows/workflow/{workflow.pk}/change/").content.decode()
    assert "Gifts were asked about." in shown
    assert "0.31 USD" in shown
    assert '<span class="state">draft</span>' in shown
    assert '<span class="state good">live</span>' in shown
    assert "none (unproven)" in shown
    assert "scripted:claude-haiku-5-5" in shown
    assert "Try it" not in shown  # a viewer may not


def test_a_version_says_what_it_does(workflow):
    shown = member(workflow.project, "designer").get(page_of(workflow.versions.get(number="1.1.0"))).content.decode()
    for text in (
        "Say whether a customer asks for a refund.",
        "<code>message</code>",
        "It was a gift",
        "escalated to the human",
        "Answer as to the buyer.",
        "The message is empty.",
        "Is this a refund request?",
        "{{ steps.clean.text }}",
        "def run(input, steps):",
        "The message does not speak of a refund.",
        "Be kind.",
        "A person said so.",
        "asked again of: frontier, then human",
    ):
        assert text in shown, text


@pytest.mark.parametrize(("role", "status"), [("viewer", 404), ("reviewer", 404), ("designer", 302), ("owner", 302)])
def test_a_designer_publishes_it(workflow, role, status):
    client, draft = member(workflow.project, role), workflow.versions.get(number="1.1.0")
    before = client.get(page_of(draft)).content.decode()
    assert ("/publish/" in before) == (status == 302)
    assert client.get(page_of(draft, "publish")).status_code == (200 if status == 302 else 404)
    assert client.post(page_of(draft, "publish")).status_code == status
    workflow.refresh_from_db()
    assert workflow.live.version.number == ("1.1.0" if status == 302 else "1.0.0")
    if status == 302:
        assert workflow.live.published_by == "user:rosa"


def test_looking_at_the_question_publishes_nothing(workflow):
    client, draft = member(workflow.project, "designer"), workflow.versions.get(number="1.1.0")
    shown = client.get(page_of(draft, "publish")).content.decode()
    assert "refund 1.0.0 is live now" in shown
    assert not draft.publications.exists()


def test_a_version_that_was_live_is_rolled_back_to(workflow):
    client, first = member(workflow.project, "designer"), workflow.versions.get(number="1.0.0")
    workflow.versions.get(number="1.1.0").publish("alice")
    assert "Roll back to this version" in client.get(page_of(first)).content.decode()
    client.post(page_of(first, "publish"))
    workflow.refresh_from_db()
    assert workflow.live.version == first
    assert [one.published_by for one in first.publications.order_by("pk")] == ["alice", "user:rosa"]


def test_why_it_cannot_be_published_is_a_sentence(workflow):
    client, draft = member(workflow.project, "owner"), workflow.versions.get(number="1.1.0")
    workflow.project.tiers.filter(tier="cheap").delete()
    for answer in (client.get(page_of(draft, "publish")), client.post(page_of(draft, "publish"))):
        shown = answer.content.decode()
        assert "This cannot be done: The project maps no model to the tier cheap" in shown
        assert 'class="buttons"' not in shown
    assert not draft.publications.exists()


def test_what_changed_is_told_place_by_place_and_as_text(workflow):
    client, draft = member(workflow.project, "viewer"), workflow.versions.get(number="1.1.0")
    shown = client.get(page_of(draft, "diff")).content.decode()
    assert '<span class="op">added</span>' in shown
    assert "/edge_cases/1" in shown
    assert '<span class="added">+guidance: Be kind.\n</span>' in shown
    assert client.get(page_of(draft, "diff") + "?from=1.0.0").content.decode().count("Be kind.") == shown.count(
        "Be kind."
    )


def test_the_first_version_has_nothing_to_be_compared_with(workflow):
    shown = (
        member(workflow.project, "viewer").get(page_of(workflow.versions.get(number="1.0.0"), "diff")).content.decode()
    )
    assert "nothing to compare it with" in shown


@pytest.mark.parametrize("wrong", ["9.9.9", "%00", "<b>", "1.1.0"])
def test_a_number_that_there_is_not_is_not_found(workflow, wrong):
    """Nor is a version compared with itself."""
    draft = workflow.versions.get(number="1.1.0")
    answer = member(workflow.project, "viewer").get(page_of(draft, "diff") + f"?from={wrong}")
    assert answer.status_code == 404


@pytest.mark.parametrize("wrong", ["0", "nothing", "99999999999999999999999", "%00", "-1", "a/b"])
@pytest.mark.parametrize("word", ["change", "publish", "diff", "try"])
def test_a_wrong_id_is_not_found(workflow, wrong, word):
    client = member(workflow.project, "owner")
    for kind in ("version", "workflow"):
        assert client.get(f"/admin/workflows/{kind}/{wrong}/{word}/").status_code in (302, 404)


def test_a_page_is_not_posted_to(workflow):
    client = member(workflow.project, "owner")
    assert client.post(page_of(workflow.live.version), {"title": "stolen"}).status_code == 403


def test_many_versions_take_no_more_queries_than_few(workflow):
    client, counts = member(workflow.project, Role.VIEWER), []
    for number in range(2, 14):
        workflow.draft(Examined.of(NEXT, workflow.project), f"1.{number}.0", created_by="alice").publish("alice")
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/admin/workflows/workflow/{workflow.pk}/change/").status_code == 200
        counts.append(len(queries))
    assert counts[-1] == counts[1]


def test_what_a_publication_closes_is_said_before_and_done(workflow):
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    waiting, other = execute(workflow), execute(workflow)
    listed = [str(Flag.objects.get(execution=one).pk) for one in (waiting, other)]
    draft = workflow.draft(Examined.of(NEXT, workflow.project), "1.2.0", listed, created_by="alice")
    control.cancel(other, "alice")
    client = member(workflow.project, "designer")
    page = client.get(page_of(draft)).content.decode()
    assert "<summary>2 flags</summary>" in page
    assert all(f"/admin/executions/flag/{flag}/change/" in page for flag in listed)
    asked = client.get(page_of(draft, "publish")).content.decode()
    assert "It closes 2 flags of the 2 that it lists." in asked
    assert "Executions that wait and are run again on it, from the start: 1." in asked
    assert client.post(page_of(draft, "publish")).status_code == 302
    new = Execution.objects.get(rerun_of=waiting)
    old = client.get(f"/admin/executions/execution/{waiting.pk}/change/").content.decode()
    assert "on the version that closed its flag" in old
    assert f"/admin/executions/execution/{new.pk}/change/" in old


def test_what_goes_on_waiting_is_said_before(workflow):
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    flag = Flag.objects.get(execution=execute(workflow))
    other_input = {**NEXT, "input_schema": {**NEXT["input_schema"], "required": ["message", "order"]}}
    other_input["input_schema"]["properties"] = {"message": {"type": "string"}, "order": {"type": "string"}}
    made = Examined.of(other_input, workflow.project)
    draft = workflow.draft(made, "1.2.0", [str(flag.pk)], created_by="alice")
    asked = member(workflow.project, "designer").get(page_of(draft, "publish")).content.decode()
    assert "It closes 0 flags of the 1 that it lists." in asked
    assert "Executions that go on waiting: 1. Its input does not fit the new version." in asked
