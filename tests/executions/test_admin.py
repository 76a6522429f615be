"""A reviewer's page: it says what an answer has to follow, and offers nothing that would be refused."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from executions.models import Feedback, Flag
from gateway.models import Call
from tests.cast import REFUND, envelope, execute, make_workflow, models_answer
from workflows.models import Workflow

pytestmark = pytest.mark.django_db

UNCOVERED = {"text": envelope(status="uncovered", uncovered="Nothing fits.")}
UNSURE = {"text": envelope({"kind": "refund"}, confidence=0.1)}


@pytest.fixture
def reviewer():
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("rosa", password="a long password"))
    return client


def page(reviewer):
    return reviewer.get(f"/admin/executions/flag/{Flag.objects.get().pk}/resolve/").content.decode()


@pytest.mark.parametrize(
    ("answers", "offered"),
    [
        ([UNCOVERED], ["answered", "retry"]),
        ([UNSURE], ["answered", "dismissed", "retry"]),
        ([{"model": "opus", "text": envelope({"kind": "refund"})}, UNSURE], ["dismissed"]),
    ],
)
def test_it_offers_what_can_be_done(reviewer, answers, offered):
    models_answer(*answers)
    execute(make_workflow())
    shown = page(reviewer)
    assert [word for word in ("answered", "dismissed", "retry") if f'<option value="{word}"' in shown] == offered
    assert ('name="step_output"' in shown) == ("answered" in offered)


def test_it_says_what_an_answer_has_to_follow(reviewer):
    models_answer(UNCOVERED)
    execute(make_workflow())
    shown = page(reviewer)
    assert "Is this a refund request?" in shown
    assert "The message does not speak of a refund." in shown


def test_a_wrong_answer_is_said_once_and_nothing_is_lost(reviewer):
    models_answer(UNCOVERED)
    execute(make_workflow())
    typed = {"resolution": "answered", "step_output": '{"sort": "refund"}', "output": "", "note": "as they wrote"}
    answer = reviewer.post(f"/admin/executions/flag/{Flag.objects.get().pk}/resolve/", typed).content.decode()
    assert answer.count("is missing.") == 1
    assert "as they wrote" in answer
    assert Flag.objects.get().state == "open"


def test_a_resolved_flag_says_what_was_decided_and_by_whom(reviewer):
    models_answer(UNSURE)
    execute(make_workflow())
    reviewer.post(f"/admin/executions/flag/{Flag.objects.get().pk}/resolve/", {"resolution": "dismissed"})
    shown = page(reviewer)
    assert "Dismissed by user:rosa" in shown
    assert "<form method" not in shown.split('id="content-main"')[1]


def test_what_comes_from_outside_is_inert_on_every_page(reviewer):
    models_answer({"text": envelope(status="uncovered", uncovered="<script>alert(1)</script>")})
    execution = execute(
        make_workflow({**REFUND, "title": "<img src=x onerror=alert(2)>"}), "<script>alert(3)</script> refund"
    )
    flag = Flag.objects.get()
    for path in (
        f"flag/{flag.pk}/resolve/",
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
    models_answer(UNCOVERED)
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


def test_a_spot_check_shows_the_answer_and_asks_whether_it_is_right(reviewer):
    models_answer({"text": envelope({"kind": "refund"})})
    workflow = make_workflow()
    Workflow.objects.update(spot_check_share=1)
    execute(workflow)
    shown = page(reviewer)
    assert "The answer is right" in shown
    assert "&quot;kind&quot;: &quot;refund&quot;" in shown
    assert 'name="step_output"' not in shown
    typed = {"resolution": "answered", "output": '{"kind": "other"}', "note": ""}
    reviewer.post(f"/admin/executions/flag/{Flag.objects.get().pk}/resolve/", typed)
    assert Feedback.objects.values_list("accepted", "output").get() == (False, {"kind": "other"})
