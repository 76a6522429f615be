"""What is said of an answer afterwards, and the spot checks that ask for it."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from analytics import reconcile, rollups
from analytics.costs import summarise
from analytics.extent import Extent
from executions import feedback, resolution, retention, spot_checks
from executions.models import Feedback, Flag
from executions.representation import represent_executions
from executions.resolution import Decision
from projects.models import Project, Scope
from tests.cast import envelope, execute, make_workflow, models_answer
from tests.neighbours import client_of
from wire.ids import new_id
from wire.problems import Conflict, Invalid

pytestmark = pytest.mark.django_db

SURE = {"text": envelope({"kind": "refund"})}
UNSURE = {"text": envelope({"kind": "refund"}, confidence=0.1)}


@pytest.fixture
def workflow():
    models_answer(SURE)
    return make_workflow()


@pytest.fixture
def checked(workflow):
    Project.objects.update(spot_check_percent=100)
    spot_checks._share.clear()
    return workflow


def summary(workflow):
    return summarise(Extent(workflow.project, workflow, simulated=True))


def books_hold(project):
    return not [found for check in reconcile.checks(project) for found in check()]


def resolve(flag, word, **given):
    return resolution.resolve(flag, Decision(word, "user:lea", **given))


def test_the_last_word_counts_and_all_are_kept(workflow):
    execution = execute(workflow)
    feedback.give(execution, True, "key:a")
    feedback.give(execution, False, "user:lea", {"kind": "other"}, "It is a complaint.")
    execution.refresh_from_db()
    assert execution.rejected is True
    assert [(one.accepted, one.given_by) for one in Feedback.objects.order_by("pk")] == [
        (True, "key:a"),
        (False, "user:lea"),
    ]
    [shown] = represent_executions([execution])
    assert {**shown["feedback"], "at": None} == {
        "accepted": False,
        "output": {"kind": "other"},
        "note": "It is a complaint.",
        "given_by": "user:lea",
        "at": None,
    }


def test_a_rejected_answer_is_no_completed_execution_and_saves_nothing(workflow):
    execute(workflow)
    wrong = execute(workflow)
    before = summary(workflow)
    rollups.fold()
    feedback.give(wrong, False, "key:a")
    after = summary(workflow)
    assert (before.balance.completed, before.rates.rejected, before.rates.finished) == (2, 0, 2)
    assert (after.balance.completed, after.rates.rejected, after.rates.finished) == (1, 1, 2)
    assert after.balance.if_all_frontier * 2 == before.balance.if_all_frontier
    assert after.balance.execution_cost == before.balance.execution_cost
    assert books_hold(workflow.project)
    rollups.fold()
    assert summary(workflow) == after
    assert books_hold(workflow.project)
    feedback.give(wrong, True, "key:a")
    assert summary(workflow).balance == before.balance
    assert books_hold(workflow.project)


def test_only_an_answer_can_be_judged(workflow):
    models_answer({"text": envelope(status="uncovered", uncovered="No rule.")})
    execution = execute(workflow)
    with pytest.raises(Conflict) as refused:
        feedback.give(execution, True, "key:a")
    assert refused.value.extra["state"] == "escalated"


def test_what_would_have_been_right_follows_the_schema(workflow):
    with pytest.raises(Invalid, match="kind"):
        feedback.give(execute(workflow), False, "key:a", {"sort": "other"})
    assert not Feedback.objects.exists()


def test_its_texts_go_with_those_of_the_execution(workflow):
    execution = execute(workflow)
    feedback.give(execution, False, "key:a", {"kind": "other"}, "A note.")
    retention.purge(workflow.project_id, timezone.now() + timedelta(days=1), "test")
    said = Feedback.objects.get()
    assert (said.accepted, said.output, said.note) == (False, None, "")
    with pytest.raises(Conflict, match="were deleted"):
        feedback.give(execution, True, "key:a", note="Another.")
    feedback.give(execution, True, "key:a")


@pytest.mark.parametrize("scope, status", [("execute", 201), ("review", 201), ("read", 403), ("design", 403)])
def test_callers_and_reviewers_say_it_by_rest(workflow, scope, status):
    execution = execute(workflow)
    body = {"accepted": False, "note": "No."}
    client = client_of(workflow.project, scope)
    path = f"/api/v1/executions/{execution.pk}/feedback"
    came = [
        client.post(path, body, content_type="application/json", headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert [one.status_code for one in came] == [status] * 2
    assert Feedback.objects.count() == (1 if status == 201 else 0)


def test_executions_are_found_by_what_was_said(workflow):
    right, wrong, neither = (execute(workflow) for _ in range(3))
    feedback.give(right, True, "key:a")
    feedback.give(wrong, False, "key:a")
    client = client_of(workflow.project, Scope.READ)
    for word, one in (("accepted", right), ("rejected", wrong), ("none", neither)):
        found = client.get(f"/api/v1/executions?feedback={word}").json()["results"]
        assert [row["id"] for row in found] == [str(one.pk)]
    assert client.get("/api/v1/executions?feedback=maybe").status_code == 400


def test_a_share_of_what_nobody_flagged_stands_before_a_reviewer(checked):
    execution = execute(checked)
    flag = Flag.objects.get()
    assert (execution.status, flag.reason, flag.detector, flag.waiting, flag.state) == (
        "completed",
        "spot_check",
        "sample",
        False,
        "open",
    )
    assert (summary(checked).rates.escalated, summary(checked).rates.finished) == (0, 1)
    [shown] = represent_executions([execution])
    assert shown["tracking"] == {"followed": True, "unexpected": [], "update_suggested": False}
    assert books_hold(checked.project)


def test_what_was_flagged_is_looked_at_anyway_and_trials_are_not(checked):
    models_answer({"model": "haiku", **UNSURE}, {"model": "opus", **SURE})
    execute(checked)
    assert {flag.reason for flag in Flag.objects.all()} == {"low_confidence"}


def test_a_spot_check_is_dismissed_where_the_answer_is_right(checked):
    execution = execute(checked)
    resolve(Flag.objects.get(), "dismissed", note="Fine.")
    execution.refresh_from_db()
    assert execution.rejected is False
    assert (Feedback.objects.get().accepted, Feedback.objects.get().note) == (True, "Fine.")


def test_or_answered_with_what_would_have_been_and_taken_back(checked):
    execution = execute(checked)
    flag = resolve(Flag.objects.get(), "answered", output={"kind": "other"})
    execution.refresh_from_db()
    assert (execution.rejected, execution.output, Feedback.objects.get().output) == (
        True,
        {"kind": "refund"},
        {"kind": "other"},
    )
    resolution.reopen(flag, "user:lea")
    execution.refresh_from_db()
    assert (execution.rejected, Flag.objects.get().state) == (None, "open")


@pytest.mark.parametrize(
    "word, given",
    [
        ("retry", {}),
        ("redesign", {}),
        ("answered", {"step_output": {}}),
        ("answered", {}),
        ("dismissed", {"output": {}}),
    ],
)
def test_it_is_decided_in_no_other_way(checked, word, given):
    execute(checked)
    with pytest.raises(Invalid):
        resolve(Flag.objects.get(), word, **given)
    with pytest.raises(Invalid):
        resolve(Flag.objects.get(), "answered", output={"sort": 1})
    assert Flag.objects.get().state == "open" and not Feedback.objects.exists()


@pytest.mark.parametrize("accepted, state", [(True, "dismissed"), (False, "resolved")])
def test_feedback_closes_the_spot_check_that_asks_for_it(checked, accepted, state):
    feedback.give(execute(checked), accepted, "key:a")
    assert Flag.objects.get().state == state


def test_who_is_chosen_follows_from_the_id_alone():
    ids = [new_id() for _ in range(4000)]
    chosen = [one for one in ids if spot_checks.is_chosen(one, 5)]
    assert 120 < len(chosen) < 280
    assert all(spot_checks.is_chosen(one, 50) for one in chosen)
    assert not any(spot_checks.is_chosen(one, 0) for one in ids)
    assert all(spot_checks.is_chosen(one, 100) for one in ids)
    known = UUID("0190a000-0000-7000-8000-000000000000")  # 0.86172271 of the way
    assert spot_checks.is_chosen(known, 86.18) and not spot_checks.is_chosen(known, 86.17)


def test_without_a_share_nobody_is_asked(workflow):
    execute(workflow)
    assert not Flag.objects.exists()
