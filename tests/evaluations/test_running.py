"""An evaluation: a version over its cases, through the real engine."""

import pytest
from django.utils import timezone

from evaluations import asking, running
from evaluations.asking import Asked
from evaluations.models import Result
from executions import control, worker
from executions.drivers import plain
from executions.models import Execution, Flag, Record
from executions.retention import purge
from gateway.models import Call
from projects.models import AuditEvent
from tests.cast import REFUND, envelope, make_workflow, models_answer
from tests.evaluations.evaluated import add_case, add_messages, complete, draft, evaluate
from tests.neighbours import client_of
from wire.problems import Conflict, Invalid

pytestmark = pytest.mark.django_db

CHEAP, FRONTIER = "claude-haiku-5-5", "claude-opus-5-5"
KNOWS = [
    {"user": "gibberish", "text": envelope(status="uncovered", uncovered="I do not know.")},
    {"user": "refund", "text": envelope({"kind": "refund"})},
    {"user": "other", "text": envelope({"kind": "other"})},
]


def test_it_says_how_many_cases_are_right():
    workflow = make_workflow()
    models_answer(*KNOWS)
    add_messages(workflow, 3)
    add_case(workflow, {"message": "other"}, {"kind": "refund"})
    found = evaluate(workflow.live.version, against="nothing")
    assert found.status == "completed"
    assert found.figures["arms"]["candidate"]["quality"] == {
        "n": 4,
        "count": 3,
        "rate": "0.7500",
        "interval": ["0.3006", "0.9544"],
    }
    assert found.passed is None
    [wrong] = found.results.filter(right=False)
    assert wrong.case.input == {"message": "other"}


def test_its_executions_are_evaluation_and_no_production():
    workflow = make_workflow()
    models_answer(*KNOWS)
    add_messages(workflow, 1)
    found = evaluate(workflow.live.version, against="nothing")
    [execution] = Execution.objects.all()
    assert (execution.purpose, execution.publication_id) == ("evaluation", None)
    assert found.results.get().cost == Call.objects.get().cost > 0


def test_it_is_compared_with_the_frontier_case_by_case():
    workflow = make_workflow()
    models_answer(
        {"model": CHEAP, "user": "number 0", "text": envelope({"kind": "other"})},
        *KNOWS,
    )
    add_messages(workflow, 4)
    found = evaluate(workflow.live.version)
    assert found.against == "frontier"
    pairs = found.figures["pairs"]
    assert [pairs[name] for name in ("both", "candidate_only", "reference_only", "neither")] == [3, 0, 1, 0]
    assert pairs["difference"] == "-0.2500"
    models = {call.model_planned for call in Call.objects.all()}
    assert models == {CHEAP, FRONTIER}
    assert set(Execution.objects.values_list("lane", flat=True)) == {"fast", "quality"}


def test_it_is_compared_with_the_version_that_is_live():
    workflow = make_workflow()
    models_answer(*KNOWS)
    add_messages(workflow, 2)
    found = evaluate(draft(workflow, title="Better"))
    assert (found.against, found.incumbent_id) == ("incumbent", workflow.live_id)
    reference = found.results.filter(arm="reference")
    assert set(reference.values_list("execution__version__number", flat=True)) == {"1.0.0"}


def test_an_uncovered_case_is_right_where_it_is_flagged():
    workflow = make_workflow({**REFUND, "escalation": {"to": ["human"]}})
    models_answer(*KNOWS, {"text": envelope({"kind": "other"})})
    add_messages(workflow, 1)
    add_case(workflow, {"message": "gibberish"})
    add_case(workflow, {"message": "nonsense"})
    found = evaluate(workflow.live.version, against="nothing").figures["arms"]["candidate"]
    assert found["escalation_recall"] == {"n": 2, "count": 1, "rate": "0.5000", "interval": ["0.0945", "0.9055"]}
    assert found["silent_failure"]["count"] == 1
    assert found["detectors"][0]["detector"] == "self_report"
    assert found["detectors"][0]["precision"]["rate"] == "1.0000"


def test_nobody_is_asked_and_nothing_stays_behind():
    """A flag of an evaluation is counted and decided by nobody, and its execution ends."""
    workflow = make_workflow({**REFUND, "escalation": {"to": ["human"]}})
    models_answer(*KNOWS)
    add_case(workflow, {"message": "gibberish"})
    found = evaluate(workflow.live.version, against="nothing")
    assert Execution.objects.get().status == "cancelled"
    assert Flag.objects.get().state == "recorded"
    assert not Flag.objects.filter(state="open").exists()
    assert found.results.get().right is True


def test_a_step_is_tried_on_another_model():
    workflow = make_workflow()
    models_answer(*KNOWS)
    add_messages(workflow, 1)
    evaluate(workflow.live.version, against="nothing", models={"classify": "scripted:claude-sonnet-5-5"})
    assert Call.objects.get().model_planned == "claude-sonnet-5-5"


def test_steps_are_judged_by_what_is_expected_of_them():
    workflow = make_workflow()
    models_answer(*KNOWS)
    add_case(workflow, {"message": "refund"}, {"kind": "refund"}, steps={"clean": {"text": "refund"}})
    add_case(workflow, {"message": "a  refund"}, {"kind": "refund"}, steps={"clean": {"text": "refund"}})
    steps = evaluate(workflow.live.version, against="nothing").figures["arms"]["candidate"]["steps"]
    assert steps["clean"]["quality"]["rate"] == "0.5000"
    assert steps["classify"]["models"] == [CHEAP]


def test_repeats_show_what_is_unstable():
    workflow = make_workflow()
    models_answer(
        {"user": "refund", "text": envelope({"kind": "refund"}), "times": 2},
        {"user": "refund", "text": envelope({"kind": "other"}), "times": 1},
    )
    add_messages(workflow, 1)
    found = evaluate(workflow.live.version, against="nothing", repeats=3).figures["arms"]["candidate"]
    assert found["unstable"]["count"] == 1
    assert found["quality"]["count"] == 1, "two of three were right"


def test_it_waits_for_its_budget_and_goes_on_when_that_is_raised():
    workflow = make_workflow()
    models_answer(*KNOWS)
    add_messages(workflow, 4)
    asked = Asked(workflow.live.version, against="nothing", at_once=1, budget=1)
    evaluation = complete(asking.begin(asking.examine(asked, "alice")))
    assert evaluation.status == "waiting"
    assert evaluation.results.filter(finished_at__isnull=False).count() == 1, "the first one was on its way"
    running.raise_budget(evaluation, None, "alice")
    assert complete(evaluation).status == "completed"


def test_one_that_was_interrupted_begins_no_case_twice():
    workflow = make_workflow()
    models_answer(*KNOWS)
    add_messages(workflow, 5)
    evaluation = asking.begin(asking.examine(Asked(workflow.live.version, against="nothing", at_once=2), "alice"))
    running.advance(evaluation)
    running.advance(evaluation)
    assert Execution.objects.count() == 2
    complete(evaluation)
    assert Execution.objects.count() == Call.objects.count() == 5


def test_an_input_that_the_version_does_not_take_is_wrong():
    workflow = make_workflow()
    models_answer(*KNOWS)
    add_case(workflow, {"text": "refund"}, {"kind": "refund"})
    [result] = evaluate(workflow.live.version, against="nothing").results.all()
    assert (result.right, result.execution) == (False, None)
    assert "does not take its input" in result.said


def test_it_is_cancelled_with_what_is_on_its_way():
    workflow = make_workflow()
    add_messages(workflow, 2)
    evaluation = asking.begin(asking.examine(Asked(workflow.live.version, against="nothing"), "alice"))
    running.advance(evaluation)
    running.cancel(evaluation, "alice")
    assert set(Execution.objects.values_list("status", flat=True)) == {"cancelled"}
    with pytest.raises(Conflict):
        running.cancel(evaluation, "alice")
    running.advance(evaluation)
    evaluation.refresh_from_db()
    assert (evaluation.status, evaluation.figures) == ("cancelled", None)


def test_what_cannot_be_tried_is_said_before():
    workflow = make_workflow()
    version = workflow.live.version
    with pytest.raises(Conflict, match="no confirmed cases"):
        asking.examine(Asked(version), "alice")
    add_messages(workflow, 1)
    with pytest.raises(Conflict, match="refund has no confirmed cases like that"):
        asking.examine(Asked(version, tags=["none"]), "alice")
    with pytest.raises(Invalid) as refused:
        asking.examine(
            Asked(version, models={"clean": "scripted:a", "classify": "nobody:b"}, tiers={"huge": "scripted:a"}),
            "alice",
        )
    assert [fault.pointer for fault in refused.value.faults] == ["/models/clean", "/models/classify", "/tiers/huge"]


def test_real_and_simulated_models_are_never_compared():
    workflow = make_workflow()
    add_messages(workflow, 1)
    with pytest.raises(Conflict, match="simulated"):
        asking.examine(Asked(workflow.live.version, models={"classify": "anthropic:claude-haiku-5-5"}), "alice")


def test_the_estimate_is_of_both_arms():
    workflow = make_workflow()
    add_messages(workflow, 3)
    found = asking.estimate(asking.examine(Asked(workflow.live.version, repeats=2), "alice"))
    alone = asking.estimate(asking.examine(Asked(workflow.live.version, against="nothing"), "alice"))
    assert (found.executions, found.calls, alone.executions) == (12, 12, 3)
    assert found.expected > 2 * alone.expected > 0
    assert not Result.objects.exists()


def test_what_a_result_says_goes_with_the_texts_of_its_execution():
    workflow = make_workflow()
    models_answer(*KNOWS)
    add_case(workflow, {"message": "other"}, {"kind": "refund"}, steps={"clean": {"text": "another"}})
    found = evaluate(workflow.live.version, against="nothing")
    assert found.results.get().said
    assert purge(workflow.project_id, timezone.now(), "alice") == 1
    result = found.results.get()
    assert (result.right, result.said, result.steps["clean"]["said"]) == (False, "", "")
    assert not Record.objects.exists()


def test_the_audit_says_who_begins_one_who_raises_its_budget_and_who_ends_it():
    workflow = make_workflow()
    add_messages(workflow, 1)
    evaluation = asking.begin(asking.examine(Asked(workflow.live.version), "user:rosa"))
    running.raise_budget(evaluation, 10**12, "user:rosa")
    running.cancel(evaluation, "user:rosa")
    events = AuditEvent.objects.filter(kind="evaluation", actor="user:rosa").order_by("pk")
    assert [event.verb for event in events] == ["created", "changed", "changed"]
    assert events[0].detail["version"] == "1.0.0"


def test_what_is_deleted_before_it_was_judged_could_not_be_tried():
    workflow = make_workflow()
    models_answer(*KNOWS)
    add_messages(workflow, 1)
    evaluation = asking.begin(asking.examine(Asked(workflow.live.version, against="nothing"), "alice"))
    running.advance(evaluation)
    plain.advance(Execution.objects.get().pk, worker.current())
    assert purge(workflow.project_id, timezone.now(), "alice") == 1
    result = complete(evaluation).results.get()
    assert (result.right, result.said) == (None, "Its texts are deleted.")


def test_one_that_breaks_holds_up_no_other(caplog):
    workflow = make_workflow()
    models_answer(*KNOWS)
    add_messages(workflow, 1)
    broken, fine = (
        asking.begin(asking.examine(Asked(workflow.live.version, against="nothing"), "alice")) for _ in range(2)
    )
    broken.rules = {}
    broken.save(update_fields=["rules"])
    for _ in range(3):
        running.advance_all()
        for execution in Execution.objects.filter(status="queued"):
            plain.advance(execution.pk, worker.current())
    running.advance_all()
    fine.refresh_from_db()
    assert fine.status == "completed"
    assert "could not go on" in caplog.text


def test_a_budget_lets_one_go_first_and_then_as_many_as_fit():
    workflow = make_workflow()
    models_answer(*KNOWS)
    add_messages(workflow, 6)
    alone = asking.begin(asking.examine(Asked(workflow.live.version, against="nothing", budget=10**12), "alice"))
    running.advance(alone)
    assert Execution.objects.count() == 1
    plain.advance(Execution.objects.get().pk, worker.current())
    running.advance(alone)
    cost = Call.objects.get().cost
    assert Execution.objects.count() == 6
    running.raise_budget(alone, 3 * cost, "alice")
    assert complete(alone).status == "completed", "what was on its way is finished"


def test_an_execution_of_an_evaluation_is_not_tried_again():
    workflow = make_workflow()
    models_answer({"user": "refund", "error": "rejected"})
    add_messages(workflow, 1)
    evaluate(workflow.live.version, against="nothing")
    failed = Execution.objects.get()
    assert not control.can_be_retried(failed)
    with pytest.raises(Conflict, match="evaluate again"):
        control.retry(failed, "alice")


def test_flags_of_evaluations_are_listed_where_they_are_asked_for():
    workflow = make_workflow({**REFUND, "escalation": {"to": ["human"]}})
    models_answer(*KNOWS)
    add_case(workflow, {"message": "gibberish"})
    evaluate(workflow.live.version, against="nothing")
    reader = client_of(workflow.project, "read")
    assert reader.get("/api/v1/flags").json()["results"] == []
    assert len(reader.get("/api/v1/flags?state=recorded").json()["results"]) == 1
