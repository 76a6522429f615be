"""What happened, in the admin: it can be read, and is text."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from executions.models import Feedback, Flag
from gateway.models import Call
from tests.cast import REFUND, envelope, execute, make_workflow, models_answer

pytestmark = pytest.mark.django_db

UNSURE = {"text": envelope({"kind": "refund"}, confidence=0.1)}


@pytest.fixture
def reviewer():
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("rosa", password="a long password"))
    return client


def test_what_comes_from_outside_is_inert_on_every_page(reviewer):
    models_answer({"text": envelope(status="uncovered", uncovered="<script>alert(1)</script>")})
    execution = execute(
        make_workflow({**REFUND, "title": "<img src=x onerror=alert(2)>"}), "<script>alert(3)</script> refund"
    )
    flag = Flag.objects.get()
    for path in (
        f"flag/{flag.pk}/change/",
        "flag/",
        f"execution/{execution.pk}/change/",
        "execution/",
    ):
        answer = reviewer.get(f"/admin/executions/{path}")
        assert answer.status_code == 200
        assert "<script>alert" not in answer.content.decode()
        assert "<img src=x" not in answer.content.decode()


@pytest.mark.parametrize(
    "model", ["gateway/call", "gateway/intent", "workflows/version", "workflows/workflow", "projects/apikey"]
)
def test_every_list_can_be_opened(reviewer, model):
    models_answer(UNSURE)
    execute(make_workflow())
    assert reviewer.get(f"/admin/{model}/").status_code == 200


def test_the_ledger_can_be_read_and_not_written(reviewer):
    models_answer(UNSURE)
    execution = execute(make_workflow())
    call = Call.objects.filter(execution=execution.pk).first()
    shown = reviewer.get(f"/admin/gateway/call/{call.pk}/change/").content.decode()
    assert "USD (simulated)" in shown
    for action in ("change", "delete"):
        assert (
            reviewer.post(f"/admin/gateway/call/{call.pk}/{action}/", {"cost": "0", "post": "yes"}).status_code == 403
        )
    assert reviewer.post("/admin/gateway/call/add/", {}).status_code == 403


def judge(reviewer, execution, **typed):
    path = f"/admin/executions/execution/{execution.pk}/feedback/"
    return reviewer.post(path, {"output": "", "note": "", **typed}).content.decode()


def test_a_reviewer_says_that_an_answer_was_wrong(reviewer):
    models_answer({"text": envelope({"kind": "refund"})})
    execution = execute(make_workflow())
    shown = reviewer.get(f"/admin/executions/execution/{execution.pk}/change/").content.decode()
    assert f"/admin/executions/execution/{execution.pk}/feedback/" in shown
    assert "I want a refund" in reviewer.get(f"/admin/executions/execution/{execution.pk}/feedback/").content.decode()
    judge(reviewer, execution, accepted="no", output='{"kind": "other"}', note="He only asked.")
    row = Feedback.objects.get()
    assert (row.accepted, row.output, row.note, row.given_by) == (
        *(False, {"kind": "other"}),
        *("He only asked.", "user:rosa"),
    )
    assert "rejected" in reviewer.get(f"/admin/executions/execution/{execution.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "This field is required."),
        ({"accepted": "no", "output": "{"}, "errorlist"),
        ({"accepted": "no", "output": '{"sort": "x"}'}, "is missing."),
        ({"accepted": "yes", "output": '{"kind": "refund"}'}, "has its output already"),
    ],
)
def test_feedback_that_cannot_be_is_said_and_not_kept(reviewer, typed, said):
    models_answer({"text": envelope({"kind": "refund"})})
    assert said in judge(reviewer, execute(make_workflow()), **typed)
    assert not Feedback.objects.exists()


def test_what_is_not_completed_cannot_be_judged(reviewer):
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    execution = execute(make_workflow())
    assert "Only a completed execution" in judge(reviewer, execution, accepted="yes")
    assert not Feedback.objects.exists()


def test_a_viewer_judges_nothing():
    models_answer({"text": envelope({"kind": "refund"})})
    execution = execute(make_workflow())
    viewer = Client()
    account = get_user_model().objects.create_user("vera", is_staff=True)
    execution.project.members.create(account=account, role="viewer")
    viewer.force_login(account)
    path = f"/admin/executions/execution/{execution.pk}/feedback/"
    assert viewer.get(path).status_code == 404
    assert viewer.post(path, {"accepted": "no"}).status_code == 404
    assert not Feedback.objects.exists()
