"""Stating what savings are measured against: the method measured, and the prompt of the task that shadows are asked by."""

import pytest

from projects.models import AuditEvent
from tests.cast import make_workflow, member
from tests.neighbours import client_of
from workflows.models import Baseline

pytestmark = pytest.mark.django_db

BASELINE = "/api/v1/workflows/refund/baseline"
PROMPT = "Decide whether this refund is due:\n{{ input.message }}"


@pytest.fixture
def workflow():
    return make_workflow()


def put(workflow, **body):
    return client_of(workflow.project, "design", "read").put(BASELINE, body, "application/json")


@pytest.mark.parametrize("method", ["measured", "repriced_warm", "repriced_cold"])
def test_a_prompt_of_the_task_goes_with_any_method(workflow, method):
    answer = put(workflow, method=method, prompt=PROMPT)
    assert (answer.status_code, answer.json()["method"], answer.json()["prompt"]) == (200, method, PROMPT)
    assert client_of(workflow.project, "design", "read").get(BASELINE).json() == answer.json()
    assert list(workflow.baselines.values_list("method", "prompt")) == [(method, PROMPT)]


def test_without_a_prompt_there_is_none(workflow):
    assert put(workflow, method="measured").json()["prompt"] is None
    assert put(workflow, method="declared", cost_per_execution="0.02", prompt=None).json()["prompt"] is None


@pytest.mark.parametrize("prompt", ["", " \n ", "ü" * 32_769, 7])
def test_a_prompt_is_a_text_of_at_most_64_kib(workflow, prompt):
    answer = put(workflow, method="measured", prompt=prompt)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/prompt")
    assert not Baseline.objects.exists()


def test_a_prompt_may_have_64_kib(workflow):
    assert put(workflow, method="measured", prompt="ü" * 32_768).status_code == 200


def test_a_measured_baseline_has_no_declared_cost(workflow):
    answer = put(workflow, method="measured", cost_per_execution="1.00")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/cost_per_execution")


def test_a_secret_is_taken_out_of_a_prompt(workflow):
    answer = put(workflow, method="measured", prompt=f"Use sk-ant-{'a1B2' * 5} for it.")
    assert answer.json()["prompt"] == Baseline.objects.get().prompt == "Use [redacted:api-key] for it."


def test_the_audit_knows_a_prompt_by_its_length_and_hash(workflow):
    put(workflow, method="measured", prompt="Decide.")
    [event] = AuditEvent.objects.filter(kind="baseline")
    assert event.detail["prompt"] == {
        "characters": 7,
        "sha256": "55f749c89b4597ba5fcf532d1985f09acd0991511704eb48cb8a93a094312ff2",
    }
    assert "Decide" not in str(event.detail)


def test_the_page_of_a_workflow_shows_the_prompt(workflow):
    put(workflow, method="measured", prompt="Decide <it>.")
    page = member(workflow.project).get(f"/admin/workflows/workflow/{workflow.pk}/change/").content.decode()
    assert "Measured" in page
    assert "Decide &lt;it&gt;." in page
