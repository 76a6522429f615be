"""Shadows and their plans in the admin."""

import pytest

from executions.retention import purge
from shadows.models import Plan, Shadow
from tests.cast import envelope, make_project, make_workflow, member, models_answer
from tests.shadows.shadowed import execute_past, plan, shadow

pytestmark = pytest.mark.django_db

OTHER = {"model": "claude-opus-5-5", "user": "odd", "text": envelope({"kind": "other"})}
FORM = {"enabled": "on", "subject": "workflow", "share": "0.05", "monthly_budget": "2.5"}


@pytest.fixture
def workflow():
    models_answer(OTHER, {"text": envelope({"kind": "refund"})})
    return make_workflow()


def page_of(workflow) -> str:
    return f"/admin/shadows/plan/{workflow.pk}/change/"


def test_a_designer_states_the_plan_of_a_workflow(workflow):
    client = member(workflow.project, "designer")
    page = client.get(page_of(workflow)).content.decode()
    assert "Nothing is drawn." in page and "State it" in page
    assert client.post(page_of(workflow), FORM).status_code == 302
    row = Plan.objects.get()
    assert (row.enabled, f"{row.share:.2f}", row.monthly_budget, row.stated_by) == (
        True,
        "0.05",
        2_500_000_000_000,
        "user:rosa",
    )
    assert "5% of the completed executions" in client.get(page_of(workflow)).content.decode()
    assert "refund" in client.get("/admin/shadows/plan/").content.decode()


def test_what_is_wrong_stands_on_the_page(workflow):
    client = member(workflow.project, "designer")
    page = client.post(page_of(workflow), {**FORM, "subject": "task"}).content.decode()
    assert "none is in force" in page
    assert client.post(page_of(workflow), {**FORM, "share": "2"}).status_code == 200
    assert client.post(page_of(workflow), {**FORM, "monthly_budget": ""}).status_code == 200
    assert not Plan.objects.exists()


def test_a_viewer_reads_it_and_states_nothing(workflow):
    client = member(workflow.project, "viewer")
    assert "State it" not in client.get(page_of(workflow)).content.decode()
    assert client.post(page_of(workflow), FORM).status_code == 403
    assert not Plan.objects.exists()


def test_somebody_of_another_project_sees_neither(workflow):
    execute_past(workflow)
    plan(workflow)
    [row] = shadow(workflow)
    client = member(make_project("mallory"), "owner")
    assert client.get(page_of(workflow)).status_code == 404
    assert client.get(f"/admin/shadows/shadow/{row.pk}/change/").status_code == 404
    assert str(row.pk) not in client.get("/admin/shadows/shadow/").content.decode()


def test_a_shadow_stands_beside_what_it_repeats(workflow):
    past = execute_past(workflow, "an odd refund")
    plan(workflow)
    [row] = shadow(workflow)
    client = member(workflow.project, "viewer")
    address = f"/admin/shadows/shadow/{row.pk}/change/"
    page = client.get(address).content.decode()
    assert "The result differs." in page and str(past.pk) in page and "an odd refund" in page
    assert "claude-opus-5-5" in page and "classify" in page
    assert client.post(address, {}).status_code == 403
    listed = client.get(f"/admin/shadows/shadow/?q={past.pk}").content.decode()
    assert str(row.pk) in listed and "differs" in listed
    page = client.get(page_of(workflow)).content.decode()
    assert "0 of 1" in page
    purge(workflow.project_id, row.finished_at, "test")
    page = client.get(address).content.decode()
    assert "an odd refund" not in page and "Deleted on" in page
    assert Shadow.objects.get().same is False


def test_the_page_of_a_workflow_leads_there(workflow):
    client = member(workflow.project, "viewer")
    assert page_of(workflow) in client.get(f"/admin/workflows/workflow/{workflow.pk}/change/").content.decode()
