"""Past executions on a draft, through the real engine: what would change."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from evaluations import gate_rules, replaying, running
from evaluations.models import Replay
from evaluations.replaying import Wanted
from executions import worker
from executions.drivers import plain
from executions.models import Execution, Flag
from executions.queue import submit
from executions.retention import purge
from gateway.models import Call
from projects import tools
from projects.models import AuditEvent, Scope
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, models_answer
from tests.evaluations.evaluated import complete, draft, replay
from tests.neighbours import client_of
from wire.problems import Conflict, Invalid

pytestmark = pytest.mark.django_db

CHEAP, STANDARD = "claude-haiku-5-5", "claude-sonnet-5-5"
UNCOVERED = envelope(status="uncovered", uncovered="I do not know.")
KNOWS = [
    {"user": "gibberish", "text": UNCOVERED},
    {"user": "refund", "text": envelope({"kind": "refund"})},
    {"user": "other", "text": envelope({"kind": "other"})},
]
TO_HUMAN = {**REFUND, "escalation": {"to": ["human"]}}


def on_standard(workflow):
    """A draft whose model step asks a dearer model."""
    return draft(workflow, steps=[REFUND["steps"][0], {**REFUND["steps"][1], "tier": "standard"}])


def share(n: int, count: int, rate: str | None, *interval: str) -> dict:
    return {"n": n, "count": count, "rate": rate, "interval": list(interval) or None}


def answer(flag: Flag, output: object) -> None:
    """As a person does."""
    client = client_of(flag.execution.project, Scope.REVIEW)
    body = {"resolution": "answered", "output": output}
    came = client.post(f"/api/v1/flags/{flag.pk}/resolution", body, "application/json")
    assert came.status_code == 200, came.content


def test_it_says_what_would_change():
    workflow = make_workflow()
    models_answer(*KNOWS)
    for message in ("refund 1", "refund 2", "refund 3", "other 4"):
        execute(workflow, message)
    models_answer({"model": STANDARD, "user": "refund 3", "text": envelope({"kind": "other"})}, *KNOWS)
    found = replay(on_standard(workflow))
    assert found.status == "completed"
    figures = found.figures
    assert figures["results"] == {
        "changed": share(4, 1, "0.2500", "0.0456", "0.6994"),
        "answered": 0,
        "unanswered": 0,
    }
    assert figures["steps"]["clean"]["changed"]["count"] == 0
    step = figures["steps"]["classify"]
    assert (step["changed"]["n"], step["changed"]["count"]) == (4, 1)
    assert step["models"] == {"before": [CHEAP], "after": [STANDARD]}
    cost = figures["cost"]["per_execution"]
    assert 0 < float(cost["before"]) < float(cost["after"])
    assert step["cost"]["per_execution"] == cost, "there is no other step that costs"
    [changed] = found.results.filter(same=False)
    assert changed.past.input == {"message": "refund 3"}
    assert changed.execution.output == {"kind": "other"}
    assert "other" in changed.said
    assert (changed.steps["classify"]["same"], changed.steps["clean"]["same"]) == (False, True)


def test_its_executions_are_evaluation_and_no_production():
    workflow = make_workflow()
    models_answer(*KNOWS)
    past = execute(workflow, "a refund")
    found = replay(draft(workflow))
    [execution] = Execution.objects.exclude(pk=past.pk)
    assert (execution.purpose, execution.publication_id, execution.version.number) == ("evaluation", None, "1.1.0")
    result = found.results.get()
    assert (result.same, result.past, result.execution) == (True, past, execution)
    assert result.cost == Call.objects.get(execution=execution.pk).cost > 0


def test_the_graders_of_the_gate_say_what_is_the_same():
    workflow = make_workflow()
    models_answer({"text": envelope({"kind": "refund"}), "times": 1}, {"text": envelope({"kind": "other"})})
    execute(workflow, "a refund")
    gate_rules.state(workflow, {"graders": [{"grade": "schema", "schema": {"required": ["kind"]}}]}, "alice")
    found = replay(draft(workflow))
    assert found.results.get().same is True
    assert found.results.get().steps["classify"]["same"] is False, "a step has no grader, and is compared exactly"


def test_flags_are_compared_before_and_after():
    workflow = make_workflow(TO_HUMAN)
    models_answer(*KNOWS)
    for message in ("gibberish 1", "gibberish 2", "refund 3", "refund 4"):
        execute(workflow, message)
    models_answer(
        {"user": "gibberish 1", "text": envelope({"kind": "other"})},
        {"user": "refund 3", "text": UNCOVERED},
        *KNOWS,
    )
    version = draft(workflow)
    completed, flagged = replay(version), replay(version, flagged=True)
    assert completed.figures["flags"] | {"before": 0, "after": 0} == {"before": 0, "after": 0, "fewer": 0, "more": 1}
    assert completed.figures["results"]["unanswered"] == 1
    assert flagged.figures["flags"] == {
        "before": share(2, 2, "1.0000", "0.3424", "1.0000"),
        "after": share(2, 1, "0.5000", "0.0945", "0.9055"),
        "fewer": 1,
        "more": 0,
    }
    assert flagged.figures["results"]["answered"] == 1
    assert flagged.figures["results"]["changed"]["count"] == 1, "that it would wait again is no change"
    assert flagged.figures["steps"]["classify"]["flagged"] == {"before": 2, "after": 1}
    [changed] = flagged.results.filter(same=False)
    assert changed.said == "It is answered, and was escalated before."
    assert (changed.before["status"], changed.after["status"]) == ("escalated", "completed")
    [unanswered] = completed.results.filter(same=False)
    assert unanswered.said == "It stands before a person (uncovered), and was answered before."
    assert unanswered.execution.status == "cancelled", "nobody is asked"
    assert unanswered.after["status"] == "escalated"
    assert not Flag.objects.filter(execution=unanswered.execution, state="open").exists()


def test_what_a_person_answered_is_counted_apart():
    workflow = make_workflow(TO_HUMAN)
    models_answer(*KNOWS)
    for message, kind in (("gibberish 1", "refund"), ("gibberish 2", "other"), ("gibberish 3", "other")):
        execute(workflow, message)
        answer(Flag.objects.get(state="open"), {"kind": kind})
    execute(workflow, "other 4")
    models_answer(
        {"user": "gibberish [12]", "text": envelope({"kind": "other"})},
        *KNOWS,
    )
    figures = replay(draft(workflow)).figures
    assert figures["people"] == {
        "executions": 3,
        "agreement": share(2, 1, "0.5000", "0.0945", "0.9055"),
        "asked_again": 1,
    }
    assert figures["results"]["changed"] == share(1, 0, "0.0000", "0.0000", "0.7935")


@pytest.fixture
def bought(monkeypatch):
    """What the one tool there is was called with."""
    monkeypatch.setattr(tools, "_registry", tools.registered())
    seen = []

    @tools.tool(
        "shop.buy", description="Buys.", side_effects=True, input_schema={"type": "object", "properties": {"what": {}}}
    )
    def buy(what: str) -> dict:
        seen.append(what)
        return {"number": len(seen)}

    return seen


BUYS = {
    "title": "Buy",
    "purpose": "Buys things.",
    "input_schema": {"type": "object", "required": ["things"], "properties": {"things": {"type": "array"}}},
    "steps": [
        {
            "id": "buy",
            "kind": "tool",
            "tool": "shop.buy",
            "for_each": "input['things']",
            "arguments": {"what": "item"},
        }
    ],
    "result": {"numbers": "[one['number'] for one in steps['buy']]"},
}


def test_nothing_happens_again_and_tools_answer_what_they_did(bought):
    workflow = make_workflow(BUYS, tools=("shop.buy",))
    past = submit(workflow.live.version, workflow.live, {"things": ["a", "b"]}, actor="test")
    plain.advance(past.pk, worker.current())
    past.refresh_from_db()
    assert (past.output, bought) == ({"numbers": [1, 2]}, ["a", "b"])
    found = replay(draft(workflow))
    assert found.results.get().same is True
    assert bought == ["a", "b"], "nothing was bought again"
    twice = draft(workflow, "1.2.0", steps=[*BUYS["steps"], {**BUYS["steps"][0], "id": "again"}])
    found = replay(twice)
    assert found.figures["not_tried"] == {"count": 1, "codes": {"no_record": 1}}
    assert found.figures["results"]["changed"]["n"] == 0
    assert bought == ["a", "b"]


def test_a_step_that_only_one_of_them_has_is_named():
    workflow = make_workflow()
    models_answer(*KNOWS)
    execute(workflow, "a refund")
    steps = [
        {**REFUND["steps"][0], "id": "tidy"},
        {**REFUND["steps"][1], "prompt": "{{ steps.tidy.text }}", "checks": []},
    ]
    figures = replay(draft(workflow, steps=steps)).figures["steps"]
    assert list(figures) == ["tidy", "classify", "clean"]
    assert [(one["only_before"], one["only_after"], one["changed"]["n"]) for one in figures.values()] == [
        (0, 1, 0),
        (0, 0, 1),
        (1, 0, 0),
    ]


def test_an_input_that_the_draft_does_not_take_could_not_be_tried():
    workflow = make_workflow()
    models_answer(*KNOWS)
    execute(workflow, "a refund")
    schema = {**REFUND["input_schema"], "required": ["message", "customer"]}
    schema = {**schema, "properties": {"message": {"type": "string"}, "customer": {"type": "string"}}}
    found = replay(draft(workflow, input_schema=schema))
    result = found.results.get()
    assert (result.same, result.code, result.execution) == (None, "input", None)
    assert "does not take its input" in result.said
    assert found.figures["not_tried"] == {"count": 1, "codes": {"input": 1}}
    assert found.figures["results"]["changed"] == share(0, 0, None)


def test_a_sample_is_the_same_for_every_version_and_grows_by_its_end():
    workflow = make_workflow()
    models_answer(*KNOWS)
    for n in range(8):
        execute(workflow, f"refund {n}")
    three = replaying.examine(Wanted(workflow.live.version, sample=3), "alice").past
    five = replaying.examine(Wanted(draft(workflow), sample=5), "alice").past
    assert len(three) == 3
    assert five[:3] == three


def test_only_what_is_past_and_there_is_replayed():
    """Neither what was accepted on other days, nor what has no texts, nor what ran elsewhere, nor a trial."""
    workflow = make_workflow()
    models_answer(*KNOWS)
    version, today = workflow.live.version, timezone.now().date()
    with pytest.raises(Conflict, match="refund has no past executions that can be replayed: completed"):
        replaying.examine(Wanted(version), "alice")
    old, gone, real, kept = (execute(workflow, f"refund {n}") for n in range(4))
    Execution.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=100))
    Execution.objects.filter(pk=gone.pk).update(purged_at=timezone.now())
    Execution.objects.filter(pk=real.pk).update(simulated=False)
    assert replaying.examine(Wanted(version), "alice").past == [kept.pk]
    earlier = Wanted(version, since=today - timedelta(days=120), until=today - timedelta(days=80))
    assert replaying.examine(earlier, "alice").past == [old.pk]
    with pytest.raises(Conflict, match="flagged"):
        replaying.examine(Wanted(version, flagged=True), "alice")
    with pytest.raises(Invalid) as refused:
        replaying.examine(Wanted(version, since=date(2026, 1, 2), until=date(2026, 1, 2)), "alice")
    assert [fault.pointer for fault in refused.value.faults] == ["/until"]


def test_texts_that_are_deleted_meanwhile_are_not_compared():
    workflow = make_workflow()
    models_answer(*KNOWS)
    first, second = execute(workflow, "refund 1"), execute(workflow, "refund 2")
    begun = replaying.begin(replaying.examine(Wanted(draft(workflow), at_once=1), "alice"))
    running.advance(begun)
    assert purge(workflow.project_id, timezone.now(), "alice") == 2
    found = complete(begun)
    assert found.figures["not_tried"] == {"count": 2, "codes": {"forgotten": 2}}
    assert Execution.objects.exclude(pk__in=[first.pk, second.pk]).count() == 1, "the other one was not begun"


def test_what_it_says_of_answers_goes_with_their_texts():
    workflow = make_workflow()
    models_answer({"text": envelope({"kind": "refund"}), "times": 1}, {"text": envelope({"kind": "other"})})
    execute(workflow, "a refund")
    found = replay(draft(workflow))
    result = found.results.get()
    assert result.said
    assert result.steps["classify"]["said"]
    assert purge(workflow.project_id, timezone.now(), "alice") == 2
    result.refresh_from_db()
    assert (result.same, result.said, result.steps["classify"]["said"]) == (False, "", "")
    client = client_of(workflow.project, Scope.READ)
    [shown] = client.get(f"/api/v1/replays/{found.pk}/results").json()["results"]
    assert (shown["before"]["output"], shown["after"]["output"], shown["same"]) == (None, None, False)


def test_one_that_was_interrupted_begins_nothing_twice():
    workflow = make_workflow()
    models_answer(*KNOWS)
    for n in range(5):
        execute(workflow, f"refund {n}")
    begun = replaying.begin(replaying.examine(Wanted(draft(workflow), at_once=2), "alice"))
    running.advance(begun)
    running.advance(begun)
    assert Execution.objects.filter(purpose="evaluation").count() == 2
    complete(begun)
    assert Execution.objects.filter(purpose="evaluation").count() == 5
    assert Call.objects.count() == 10


def test_workers_take_it_to_its_end():
    workflow = make_workflow()
    models_answer(*KNOWS)
    execute(workflow, "a refund")
    begun = replaying.begin(replaying.examine(Wanted(draft(workflow)), "alice"))
    running.advance_all()
    assert begun.results.get().execution.status == "queued"
    complete(begun)
    assert begun.status == "completed"


def test_it_waits_for_its_budget_and_goes_on_when_that_is_raised():
    workflow = make_workflow()
    models_answer(*KNOWS)
    for n in range(4):
        execute(workflow, f"refund {n}")
    found = replay(draft(workflow), at_once=1, budget=1)
    assert found.status == "waiting"
    assert found.results.filter(finished_at__isnull=False).count() == 1, "the first one was on its way"
    running.raise_budget(found, None, "alice")
    assert complete(found).status == "completed"
    events = AuditEvent.objects.filter(kind="replay").order_by("pk")
    assert [event.verb for event in events] == ["created", "changed"]
    assert events[0].detail == {"version": "1.1.0", "executions": 4, "flagged": False}


def test_it_is_begun_and_cancelled_through_rest_and_is_nobody_elses():
    workflow = make_workflow()
    models_answer(*KNOWS)
    for n in range(3):
        execute(workflow, f"refund {n}")
    draft(workflow)
    alice = client_of(workflow.project, Scope.READ, Scope.DESIGN)
    address = "/api/v1/workflows/refund/replays"
    estimate = alice.post(f"{address}/estimate", {"sample": 2}, "application/json")
    assert (estimate.status_code, estimate.json()["executions"], estimate.json()["simulated"]) == (200, 2, True)
    assert not Replay.objects.exists()
    again = {"Idempotency-Key": "once"}
    made = alice.post(address, {"budget": "1.00"}, "application/json", headers=again)
    assert (made.status_code, made.json()["status"], made.json()["version"]) == (201, "running", "1.1.0")
    assert made.json()["progress"] == {"done": 0, "moving": 0, "total": 3}
    assert alice.post(address, {"budget": "1.00"}, "application/json", headers=again).json() == made.json()
    one = f"/api/v1/replays/{made.json()['id']}"
    assert alice.get(one).json() == made.json() == alice.get(address).json()["results"][0]
    other = client_of(make_project("mallory"), Scope.READ, Scope.DESIGN)
    assert other.get(one).status_code == other.get(f"{one}/results").status_code == 404
    running.advance(Replay.objects.get())
    assert alice.put(f"{one}/budget", {"budget": None}, "application/json").json()["budget"] is None
    assert alice.post(f"{one}/cancellation", {}, "application/json").json()["status"] == "cancelled"
    assert set(Execution.objects.filter(purpose="evaluation").values_list("status", flat=True)) == {"cancelled"}
    assert alice.post(f"{one}/cancellation", {}, "application/json").status_code == 409
    assert alice.post(address, {"sample": 501}, "application/json").status_code == 422


def test_its_results_are_shown_before_and_after_and_filtered():
    workflow = make_workflow()
    models_answer(*KNOWS)
    same, changed = execute(workflow, "refund 1"), execute(workflow, "refund 2")
    models_answer({"user": "refund 2", "text": envelope({"kind": "other"})}, *KNOWS)
    found = replay(draft(workflow))
    alice = client_of(workflow.project, Scope.READ)
    address = f"/api/v1/replays/{found.pk}/results"
    assert len(alice.get(address).json()["results"]) == 2
    [shown] = alice.get(f"{address}?same=false").json()["results"]
    assert shown["past_execution"] == str(changed.pk)
    assert (shown["before"]["output"], shown["after"]["output"]) == ({"kind": "refund"}, {"kind": "other"})
    assert (shown["before"]["version"], shown["after"]["version"]) == ("1.0.0", "1.1.0")
    assert shown["before"]["cost"] == shown["steps"]["classify"]["before"]["cost"] > "0"
    assert [one["past_execution"] for one in alice.get(f"{address}?same=true").json()["results"]] == [str(same.pk)]
    assert alice.get(f"{address}?human=true").json()["results"] == []
