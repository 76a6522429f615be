"""An execution from its acceptance to its end, as the engine, the driver and the store do it together."""

import pytest

from executions.models import Event, Execution, Flag, StepResult
from gateway.models import Call, Intent
from tests.cast import envelope, execute, make_workflow, models_answer

pytestmark = pytest.mark.django_db


def test_it_executes_a_covered_input_on_the_cheap_model():
    models_answer({"text": envelope({"kind": "refund"}), "input_tokens": 1000, "output_tokens": 100})
    execution = execute(make_workflow())
    assert (execution.status, execution.resolved_by, execution.output) == ("completed", "workflow", {"kind": "refund"})
    assert [(row.step, row.status, row.tier) for row in execution.steps.order_by("pk")] == [
        ("clean", "done", ""),
        ("classify", "done", "cheap"),
    ]
    call = Call.objects.get()
    assert (call.outcome, call.model_served, call.cost, call.baseline_cold) == (
        "ok",
        "claude-haiku-5-5",
        150_000_000,
        6_000_000_000,
    )
    assert Intent.objects.get().upper_bound > call.cost
    assert not Flag.objects.exists()


def test_its_history_is_one_event_for_each_change():
    models_answer({"text": envelope({"kind": "refund"})})
    execution = execute(make_workflow())
    assert list(Event.objects.filter(execution=execution).order_by("pk").values_list("before", "after")) == [
        ("", "queued"),
        ("queued", "running"),
        ("running", "completed"),
    ]


def test_an_uncovered_answer_goes_to_the_frontier_and_asks_for_review():
    models_answer(
        {"model": "opus", "text": envelope({"kind": "other"})},
        {"text": envelope(status="uncovered", uncovered="A question about the moon.")},
    )
    execution = execute(make_workflow(), "What is the moon made of?")
    assert (execution.status, execution.resolved_by, execution.output) == ("completed", "frontier", {"kind": "other"})
    flag = Flag.objects.get()
    assert (flag.reason, flag.detector, flag.waiting, flag.answered_by) == (
        "uncovered",
        "self_report",
        False,
        "frontier",
    )
    assert "A question about the moon." in flag.explanation
    assert list(Call.objects.order_by("intended_at").values_list("purpose", "tier")) == [
        ("step", "cheap"),
        ("escalation", "frontier"),
    ]


def test_what_the_frontier_cannot_cover_waits_for_a_person():
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    execution = execute(make_workflow(), "Hm.")
    flag = Flag.objects.get()
    assert (execution.status, execution.output, flag.waiting) == ("escalated", None, True)
    assert flag.explanation.count("Nothing fits.") == 2


def test_a_failed_check_is_repaired_once_and_named():
    models_answer(
        {"user": "does not speak of a refund", "text": envelope({"kind": "other"})},
        {"text": envelope({"kind": "refund"})},
    )
    execution = execute(make_workflow(), "Where is my parcel?")
    assert (execution.status, execution.resolved_by, execution.output) == ("completed", "workflow", {"kind": "other"})
    assert list(Call.objects.order_by("intended_at").values_list("purpose", "attempt")) == [("step", 1), ("repair", 2)]
    statuses = StepResult.objects.filter(step="classify").order_by("attempt").values_list("status", flat=True)
    assert list(statuses) == ["rejected", "done"]


def test_a_repair_that_does_not_heal_is_flagged_with_the_output_kept():
    models_answer({"text": envelope({"kind": "refund"})})
    execution = execute(make_workflow(), "Where is my parcel?")
    flag = Flag.objects.get()
    assert (execution.status, flag.reason, flag.detector) == ("escalated", "check_failed", "check")
    kept = StepResult.objects.get(step=flag.step, attempt=flag.attempt)
    assert (kept.has_output, kept.output) == (True, {"kind": "refund"})
    assert list(Call.objects.order_by("intended_at").values_list("purpose", flat=True)) == [
        "step",
        "repair",
        "escalation",
    ]


@pytest.mark.parametrize(
    ("answer", "reason", "detector"),
    [
        ({"text": envelope({"kind": "refund"}, confidence=0.5)}, "low_confidence", "confidence"),
        ({"text": "I think it is a refund."}, "invalid_output", "schema"),
        ({"text": envelope({"kind": "refund"}), "stop": "max_tokens"}, "invalid_output", "schema"),
        ({"text": envelope({"kind": "moon"})}, "invalid_output", "schema"),
        ({"text": "", "stop": "refusal"}, "refused", "provider"),
        ({"text": envelope(status="escalate", edge_case="injury")}, "rule", "edge_case"),
    ],
)
def test_each_detector_says_which_one_it_was(answer, reason, detector):
    models_answer(answer)
    execution = execute(make_workflow())
    flag = Flag.objects.get()
    assert (execution.status, flag.reason, flag.detector, flag.waiting) == ("escalated", reason, detector, True)


def test_a_designed_escalation_goes_straight_to_the_person_it_names():
    models_answer({"text": envelope(status="escalate", edge_case="injury")})
    execute(make_workflow(), "The refund cut my hand")
    assert list(Call.objects.values_list("purpose", flat=True)) == ["step"]
    assert Flag.objects.get().edge_case == "injury"


def test_a_precondition_is_judged_before_anything_is_paid():
    models_answer({"text": envelope({"kind": "refund"})})
    execution = execute(make_workflow(), "   ")
    flag = Flag.objects.get()
    assert (execution.status, flag.reason, flag.detector, flag.step) == ("escalated", "uncovered", "precondition", "")
    assert flag.explanation == "The message is empty."
    assert not Intent.objects.exists()


def test_the_model_that_was_named_is_the_model_that_answered_or_the_execution_fails():
    models_answer({"text": envelope({"kind": "refund"}), "model_served": "claude-opus-5-5", "input_tokens": 1000})
    execution = execute(make_workflow())
    assert (execution.status, execution.error["code"]) == ("failed", "model_mismatch")
    call = Call.objects.get()
    assert (call.outcome, call.model_served) == ("model_mismatch", "claude-opus-5-5")
    assert call.cost >= 4_000_000_000  # priced at the dearer of the two


def test_an_outage_delays_and_fails_nothing():
    models_answer({"error": "throttled", "retry_after": 90})
    execution = execute(make_workflow())
    assert (execution.status, execution.waiting_for) == ("waiting", "provider")
    assert execution.resume_at is not None
    call = Call.objects.get()
    assert (call.outcome, call.cost) == ("throttled", 0)


def test_what_the_provider_rejects_fails_with_its_reason():
    models_answer({"error": "rejected"})
    execution = execute(make_workflow())
    assert (execution.status, execution.error["code"]) == ("failed", "provider_rejected")


def test_a_call_that_could_break_the_cap_is_not_made():
    models_answer({"text": envelope({"kind": "refund"})})
    workflow = make_workflow()
    workflow.project.execution_cap = 1
    workflow.project.save()
    execution = execute(workflow)
    flag = Flag.objects.get()
    assert (execution.status, flag.reason, flag.detector) == ("escalated", "budget", "cap")
    assert not Intent.objects.exists()


def test_an_answer_that_names_no_price_is_unpriced_and_never_zero():
    models_answer({"text": envelope({"kind": "refund"})})
    workflow = make_workflow()
    workflow.project.tiers.filter(tier="cheap").update(model="a-model-nobody-lists")
    workflow.versions.get().publish("alice")
    workflow.refresh_from_db()
    execution = execute(workflow)
    call = Call.objects.get()
    assert (execution.status, call.cost, call.cost_state) == ("completed", None, "unpriced")


def test_an_execution_keeps_the_models_it_was_published_with():
    models_answer({"text": envelope({"kind": "refund"})})
    workflow = make_workflow()
    workflow.project.tiers.filter(tier="cheap").update(model="claude-opus-5-5")
    execute(workflow)
    assert Call.objects.get().model_planned == "claude-haiku-5-5"
    assert Execution.objects.get().tier_map["cheap"] == "scripted:claude-haiku-5-5"
