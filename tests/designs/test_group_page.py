"""The pages of groups: what they show, and how a group is decided there and taken back."""

import pytest

from designs.grouping import gather
from designs.models import Group
from executions.models import Execution, Flag
from projects.models import AuditEvent
from tests.cast import envelope, execute, make_project, make_workflow, member, models_answer

pytestmark = pytest.mark.django_db

LIST = "/admin/designs/group/"


@pytest.fixture
def workflow():
    models_answer({"text": envelope(status="uncovered", uncovered="No rule is for it.")})
    workflow = make_workflow()
    for thing in ("kettle", "lamp", "chair"):
        execute(workflow, f"Please refund the {thing} to my gift card")
    execute(workflow, "Is there another parking space in the garage")
    gather()
    return workflow


@pytest.fixture
def group(workflow):
    return Group.objects.earliest("pk")


@pytest.fixture
def reviewer(workflow):
    return member(workflow.project, "reviewer")


def page(client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


def of(group) -> str:
    return f"{LIST}{group.pk}/change/"


def decide(client, group, decision: str, status: int = 200, sure: bool = True, **typed: str) -> str:
    data = {"decision": decision, **({"sure": "on"} if sure else {}), **typed}
    answer = client.post(f"{LIST}{group.pk}/decide/", data, follow=True)
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


def test_the_list_says_why_a_group_stands_where_it_does(reviewer, group):
    text = page(reviewer, LIST)
    assert text.index("gift card") < text.index("parking space")
    assert "3 open, 0 in redesign, 3 in all" in text
    assert "an execution stands still for 3 of them, which count twice" in text
    assert of(group) in text


def test_the_list_is_of_a_workflow_and_a_state_where_that_is_asked_for(reviewer, workflow, group):
    other = make_workflow(project=workflow.project, name="other")
    assert "gift card" in page(reviewer, f"{LIST}?workflow={workflow.pk}")
    assert "gift card" not in page(reviewer, f"{LIST}?workflow={other.pk}")
    assert "No group is like that" in page(reviewer, f"{LIST}?state=closed")
    assert "gift card" in page(reviewer, f"{LIST}?state=nothing&workflow=nothing&page=nothing")


def test_the_page_says_why_its_flags_belong_together(reviewer, group):
    text = page(reviewer, of(group))
    assert "80%" in text
    assert "In both inputs: “please”, “refund”, “card”, “gift”." in text
    assert "The first of its group: the others are compared with it." in text
    for flag in group.flags():
        assert f"/admin/queue/{flag.pk}/" in text
    assert "I decide all 3 open flags of this group; an execution stands still for 3 of them." in text
    assert 'value="redesign" data-key="r" checked' in text


def test_the_queue_leads_to_the_groups_and_a_flag_to_its_own(reviewer, group):
    text = page(reviewer, f"/admin/queue/{group.first_id}/")
    assert f'<a href="{LIST}">in groups</a>' in text
    assert f'<a href="{of(group)}">Its group</a>' in text


def test_all_of_them_are_decided_at_once(reviewer, group):
    text = decide(reviewer, group, "redesign", note="Gift cards are a way to pay.")
    assert "3 flags are marked for redesign now." in text
    assert "3 flags marked for redesign at once by rosa, 0 min ago." in text
    assert {(flag.state, flag.note) for flag in group.flags()} == {("in_redesign", "Gift cards are a way to pay.")}
    assert AuditEvent.objects.filter(kind="group", verb="resolved", actor="user:rosa").count() == 1


def test_an_answer_is_typed_into_the_form_of_the_design(reviewer, group):
    decide(reviewer, group, "whole", **{"whole-0": "other"})
    assert [*Execution.objects.order_by("pk").values_list("status", flat=True)] == [*["completed"] * 3, "escalated"]


def test_one_has_to_say_that_all_of_them_are_meant(reviewer, group):
    assert "Say that you mean all of them." in decide(reviewer, group, "redesign", 422, sure=False)
    assert "Select a valid choice" in decide(reviewer, group, "forget", 422)
    assert group.open_flags().count() == 3


def test_what_joined_since_the_page_was_loaded_is_not_meant(reviewer, workflow, group):
    seen = group.latest
    execute(workflow, "Please refund the table to my gift card")
    gather()
    decide(reviewer, group, "redesign", upto=str(seen))
    assert [flag.state for flag in group.flags()] == [*["in_redesign"] * 3, "open"]


def test_it_is_taken_back_and_said_what_is_not(reviewer, group):
    decide(reviewer, group, "redesign")
    reviewer.post(f"/admin/queue/{group.first_id}/undo/")
    text = " ".join(reviewer.post(f"{LIST}{group.pk}/reopen/", follow=True).content.decode().split())
    assert "Taken back: 2 flags are open again." in text
    assert "Not taken back: 1 flag. This flag is open; there is nothing to take back." in text
    assert "taken back by rosa" in text
    assert group.open_flags().count() == 3
    again = reviewer.post(f"{LIST}{group.pk}/reopen/", follow=True).content.decode()
    assert "Not taken back. Nothing was decided of this group at once" in again


def test_where_the_last_one_was_decided_meanwhile_that_is_said(reviewer, group):
    seen = page(reviewer, of(group))
    assert "Decide them" in seen
    Flag.objects.update(state="dismissed")
    text = decide(reviewer, group, "redesign")
    assert "Decide them" not in text
    assert "closed" in text


def test_a_viewer_reads_and_decides_nothing(workflow, group):
    viewer = member(workflow.project, "viewer", "vera")
    assert "Decide them" not in page(viewer, of(group))
    for word in ("decide", "reopen"):
        assert viewer.post(f"{LIST}{group.pk}/{word}/", {"decision": "redesign", "sure": "on"}).status_code == 404
    assert group.open_flags().count() == 3


def test_another_projects_group_is_404(group):
    stranger = member(make_project("bob"), "owner", "bob")
    assert "gift card" not in page(stranger, LIST)
    page(stranger, of(group), 404)
    for word in ("decide", "reopen"):
        assert stranger.post(f"{LIST}{group.pk}/{word}/", {"decision": "redesign", "sure": "on"}).status_code == 404
