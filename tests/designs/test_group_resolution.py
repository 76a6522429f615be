"""A group is decided once: each of its flags as by itself, and each can be taken back, by itself or with the others."""

import pytest

from designs import group_resolution
from designs.group_resolution import examine
from designs.grouping import gather
from designs.models import Group, GroupDecision
from executions import resolution
from executions.models import Execution, Flag
from executions.resolution import Decision
from projects.models import AuditEvent
from tests.cast import envelope, execute, make_workflow, models_answer
from wire.problems import Conflict, Invalid

pytestmark = pytest.mark.django_db

ALICE, ROSA = "user:alice", "user:rosa"


@pytest.fixture
def group():
    """Three executions that stand still because nothing covers a gift card."""
    models_answer({"text": envelope(status="uncovered", uncovered="It was paid with a gift card.")})
    workflow = make_workflow()
    for thing in ("kettle", "lamp", "chair"):
        execute(workflow, f"Please refund the {thing} to my gift card")
    gather()
    return Group.objects.get()


@pytest.fixture
def unsure():
    """The same, of a step whose answer was kept: it can be confirmed."""
    models_answer({"text": envelope({"kind": "refund"}, confidence=0.4)})
    workflow = make_workflow()
    for thing in ("kettle", "lamp", "chair"):
        execute(workflow, f"Please refund the {thing} to my gift card")
    gather()
    return Group.objects.get()


def decide(group, word, actor=ALICE, **given) -> GroupDecision:
    return group_resolution.resolve(group, Decision(word, actor, **given))


def states(group) -> list[str]:
    return [flag.state for flag in group.flags()]


def test_an_answer_is_given_to_all_of_them(group):
    decision = decide(group, "answered", output={"kind": "other"}, note="Gift cards are refunded by hand.")
    assert (decision.resolved, decision.refused, decision.left) == (3, [], 0)
    assert {str(flag.pk) for flag in group.flags()} == {*decision.flags}
    found = Execution.objects.values_list("status", "output__kind", "resolved_by")
    assert [*found] == [("completed", "other", "human")] * 3
    assert {(flag.resolved_by, flag.note) for flag in group.flags()} == {(ALICE, "Gift cards are refunded by hand.")}


@pytest.mark.parametrize(("word", "state"), [("redesign", "in_redesign"), ("retry", "resolved")])
def test_it_is_marked_for_redesign_or_tried_again(group, word, state):
    decide(group, word)
    assert states(group) == [state] * 3


def test_what_was_kept_is_taken_where_the_flags_are_dismissed(unsure):
    decide(unsure, "dismissed")
    assert states(unsure) == ["dismissed"] * 3
    assert {execution.status for execution in Execution.objects.all()} == {"queued"}


def test_a_step_output_goes_on_behind_the_step(unsure):
    decide(unsure, "answered", step_output={"kind": "other"})
    assert states(unsure) == ["resolved"] * 3


def test_a_decision_that_fits_none_is_refused_as_a_whole(group):
    for given in ({"output": {"sort": "other"}}, {"step_output": {"sort": "other"}}, {}):
        with pytest.raises(Invalid):
            decide(group, "answered", **given)
    with pytest.raises(Invalid, match="'forget' is not available"):
        decide(group, "forget")
    assert states(group) == ["open"] * 3
    assert not GroupDecision.objects.exists()


def test_what_does_not_fit_one_of_them_is_said_of_that_one(unsure):
    """One is about a gift certificate, so the check of the step refuses what the others take."""
    models_answer({"text": envelope({"kind": "other"}, confidence=0.4)})
    execution = execute(unsure.workflow, "Please put the money for the chair back on my gift card")
    gather()
    odd = execution.flags.get()
    assert odd.membership.group == unsure
    decision = decide(unsure, "answered", step_output={"kind": "refund"})
    assert (decision.resolved, decision.refused) == (
        3,
        [{"flag": str(odd.pk), "detail": "/step_output: The message does not speak of a refund."}],
    )
    assert states(unsure) == ["resolved", "resolved", "resolved", "open"]


def test_what_another_decided_meanwhile_stays_and_is_told(group):
    ready = examine(group, Decision("redesign", ALICE))
    first = group.flags().first()
    resolution.resolve(first, Decision("answered", ROSA, output={"kind": "other"}))
    decision = group_resolution.decide(ready)
    assert (decision.resolved, decision.refused) == (
        2,
        [{"flag": str(first.pk), "detail": "This flag is resolved already."}],
    )
    assert states(group) == ["resolved", "in_redesign", "in_redesign"]


def test_where_nothing_is_open_there_is_nothing_to_decide(group):
    decide(group, "redesign")
    with pytest.raises(Conflict, match="No flag of this group is open"):
        decide(group, "redesign")


def test_what_joined_since_is_left_out(group):
    upto = group.flags().last().pk
    execute(group.workflow, "Please refund the table to my gift card")
    gather()
    group_resolution.resolve(group, Decision("redesign", ALICE), upto)
    assert states(group) == ["in_redesign", "in_redesign", "in_redesign", "open"]


def test_a_large_group_is_decided_in_portions_that_are_one_decision(group, monkeypatch):
    monkeypatch.setattr(group_resolution, "AT_ONCE", 2)
    assert [decide(group, "redesign").left for _ in range(2)] == [1, 0]
    [decision] = GroupDecision.objects.all()
    assert (decision.resolved, len(decision.flags)) == (3, 3)
    assert len(group_resolution.reopen(group, ROSA).flags) == 3


def test_it_is_taken_back_as_a_whole(group):
    decide(group, "redesign")
    found = group_resolution.reopen(group, ROSA)
    assert ([*found.flags], found.refused) == ([flag.pk for flag in group.flags()], [])
    assert states(group) == ["open"] * 3
    with pytest.raises(Conflict, match="or it was taken back"):
        group_resolution.reopen(group, ROSA)


def test_one_is_taken_back_by_itself_and_the_others_then(group):
    decide(group, "redesign")
    first, second, third = group.flags()
    resolution.reopen(first, ROSA)
    assert states(group) == ["open", "in_redesign", "in_redesign"]
    found = group_resolution.reopen(group, ROSA)
    assert ({*found.flags}, [one.row for one in found.refused]) == (
        {second.pk, third.pk},
        [{"flag": str(first.pk), "detail": "This flag is open; there is nothing to take back."}],
    )
    assert states(group) == ["open"] * 3


def test_what_was_decided_anew_by_itself_stays(group):
    decide(group, "redesign")
    first = group.flags().first()
    resolution.reopen(first, ROSA)
    resolution.resolve(first, Decision("redesign", ROSA))
    found = group_resolution.reopen(group, ALICE)
    assert [one.detail for one in found.refused] == ["It was decided anew since, by itself: take it back by itself."]
    assert states(group) == ["in_redesign", "open", "open"]


def test_what_has_gone_on_cannot_be_taken_back(group):
    decide(group, "answered", output={"kind": "other"})
    found = group_resolution.reopen(group, ROSA)
    said = "The execution has gone on since; this resolution cannot be taken back."
    assert ([*found.flags], [one.detail for one in found.refused]) == ([], [said] * 3)
    assert GroupDecision.objects.get().reopened_at is None


def test_nothing_is_taken_back_where_nothing_was_decided_at_once(group):
    resolution.resolve(group.flags().first(), Decision("redesign", ROSA))
    with pytest.raises(Conflict, match="Nothing was decided of this group at once"):
        group_resolution.reopen(group, ROSA)


def test_both_stand_in_the_audit_beside_what_became_of_each_flag(group):
    decide(group, "redesign")
    group_resolution.reopen(group, ROSA)
    found = AuditEvent.objects.filter(kind="group").order_by("pk").values_list("actor", "verb", "name", "detail")
    assert [*found] == [
        (ALICE, "resolved", str(group), {"workflow": "refund", "resolution": "redesign", "resolved": 3, "refused": 0}),
        (ROSA, "reopened", str(group), {"workflow": "refund", "reopened": 3, "refused": 0}),
    ]
    assert AuditEvent.objects.filter(kind="flag").count() == 6


def test_two_flags_of_one_execution_are_decided_one_after_the_other(group):
    """What the first answer ends, the second cannot end again."""
    first = group.flags().first()
    other = Flag.objects.create(
        execution=first.execution,
        **{"step": "classify", "reason": "uncovered", "detector": "self_report", "waiting": True, "iteration": 3},
        explanation=first.explanation,
    )
    gather()
    assert other.membership.group == group
    decision = decide(group, "answered", output={"kind": "other"})
    assert (decision.resolved, [one["flag"] for one in decision.refused]) == (3, [str(other.pk)])
    assert "No execution stands still for this flag" in decision.refused[0]["detail"]
    assert Flag.objects.get(pk=other.pk).state == "open"
