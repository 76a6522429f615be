"""Whether an answer was right: who may say so, what is kept of it, and which answers can be judged at all."""

from datetime import timedelta

import pytest
from django.utils import timezone

from executions import retention
from executions.models import Event, Execution, Feedback
from projects.models import Scope
from tests.cast import envelope, execute, make_workflow, models_answer
from tests.neighbours import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def execution():
    models_answer({"text": envelope({"kind": "refund"})})
    return execute(make_workflow())


@pytest.fixture
def client(execution):
    return client_of(execution.project, Scope.EXECUTE, Scope.READ)


def say(client, execution, body, status=200, **headers):
    path = f"/api/v1/executions/{execution.pk}/feedback"
    came = client.post(path, body, content_type="application/json", headers=headers)
    assert came.status_code == status, came.content
    return came.json()


def test_the_caller_says_that_an_answer_was_wrong_and_what_it_should_have_been(client, execution):
    said = say(client, execution, {"accepted": False, "output": {"kind": "other"}, "note": "He only asked."})
    shown = said["feedback"]
    assert shown.pop("at")
    assert shown.pop("by").startswith("key:")
    assert shown == {"accepted": False, "output": {"kind": "other"}, "note": "He only asked."}
    assert (said["status"], said["output"], said["tracking"]["update_suggested"]) == (
        "completed",
        {"kind": "refund"},
        True,
    )
    row = Feedback.objects.get()
    assert (row.accepted, row.output, row.has_output) == (False, {"kind": "other"}, True)
    assert (
        Event.objects.filter(execution=execution, kind="feedback").values_list("detail", flat=True).get() == "rejected"
    )
    assert client.get(f"/api/v1/executions/{execution.pk}").json()["feedback"]["note"] == "He only asked."


def test_the_newest_feedback_holds_and_all_of_it_is_kept(client, execution):
    say(client, execution, {"accepted": False})
    reviewer = client_of(execution.project, Scope.REVIEW)
    assert say(reviewer, execution, {"accepted": True, "note": "It was right."})["feedback"]["accepted"] is True
    assert list(Feedback.objects.order_by("pk").values_list("accepted", flat=True)) == [False, True]
    assert Execution.objects.get().judged_right is True


def test_without_feedback_there_is_none(client, execution):
    assert client.get(f"/api/v1/executions/{execution.pk}").json()["feedback"] is None


@pytest.mark.parametrize("status", ["queued", "running", "waiting", "escalated", "failed", "cancelled"])
def test_only_a_completed_execution_is_judged(client, execution, status):
    Execution.objects.update(status=status)
    assert say(client, execution, {"accepted": True}, 409)["state"] == status
    assert not Feedback.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"accepted": False, "output": {"kind": 7}}, "/output/kind"),
        ({"accepted": False, "output": None}, "/output"),
        ({"accepted": True, "output": {"kind": "refund"}}, "/output"),
        ({"accepted": "yes"}, "/accepted"),
        ({"accepted": True, "note": "x" * 10_001}, "/note"),
        ({"accepted": True, "rating": 5}, "/rating"),
        ({}, "/accepted"),
    ],
)
def test_what_is_wrong_with_it_is_said_and_nothing_kept(client, execution, body, pointer):
    assert [one["pointer"] for one in say(client, execution, body, 422)["errors"]] == [pointer]
    assert not Feedback.objects.exists()
    assert Execution.objects.get().judged_right is None


def test_a_key_that_may_only_read_or_design_judges_nothing(execution):
    key = client_of(execution.project, Scope.READ, Scope.DESIGN)
    said = say(key, execution, {"accepted": True}, 403)
    assert said["detail"] == "This needs a key with the scope 'execute' or 'review'."


def test_feedback_that_is_sent_again_is_kept_once(client, execution):
    key = {"Idempotency-Key": "once"}
    assert say(client, execution, {"accepted": False}, **key) == say(client, execution, {"accepted": False}, **key)
    assert say(client, execution, {"accepted": True}, 422, **key)
    assert Feedback.objects.count() == 1


def test_secrets_in_it_are_replaced(client, execution):
    token = "sk-ant-api03-" + "a1B2" * 20
    shown = say(client, execution, {"accepted": False, "output": {"kind": token}, "note": token})["feedback"]
    assert (shown["output"], shown["note"]) == ({"kind": "[redacted:api-key]"}, "[redacted:api-key]")
    assert token not in str(list(Feedback.objects.values()))


def test_its_texts_go_with_those_of_its_execution_and_none_come_after(client, execution):
    say(client, execution, {"accepted": False, "output": {"kind": "other"}, "note": "He only asked."})
    retention.purge(execution.project_id, timezone.now() + timedelta(days=1), "test")
    shown = client.get(f"/api/v1/executions/{execution.pk}").json()["feedback"]
    assert (shown["accepted"], shown["output"], shown["note"]) == (False, None, None)
    assert "say accepted alone" in say(client, execution, {"accepted": True, "note": "No."}, 409)["detail"]
    assert say(client, execution, {"accepted": True})["feedback"]["accepted"] is True


@pytest.mark.parametrize(("word", "expected"), [("accepted", [1]), ("rejected", [2]), ("none", [0])])
def test_executions_are_found_by_their_feedback(client, execution, word, expected):
    rows = [execution, execute(execution.workflow), execute(execution.workflow)]
    say(client, rows[1], {"accepted": True})
    say(client, rows[2], {"accepted": False})
    found = client.get(f"/api/v1/executions?feedback={word}").json()["results"]
    assert [one["id"] for one in found] == [str(rows[number].pk) for number in expected]
