"""Advice through the API, from real rows: what is counted, whose, of which kind, and what is refused."""

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import time_machine

import analytics.advice
from config import urls
from designs.models import Design
from evaluations.models import Evaluation, TierSearch
from executions import feedback
from executions.feedback import Opinion
from executions.models import Execution
from gateway.types import Purpose, Usage
from shadows.models import Shadow
from tests.analytics.learnings import flagged, publish, workflow_at
from tests.analytics.ledgers import HAIKU, NOON, OPUS, REAL, make_answer, make_call, make_execution, use
from tests.analytics.test_api import client_of
from tests.cast import REFUND, make_project
from tests.evaluations.evaluated import add_messages
from wire.money import to_pico
from workflows.models import Examined, Workflow

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
LATER = NOON + 9 * DAY  # the tenth day of the workflow
ON_FRONTIER = {**REFUND, "steps": [REFUND["steps"][0], {**REFUND["steps"][1], "tier": "frontier"}]}


@pytest.fixture(autouse=True)
def now():
    with time_machine.travel(LATER, tick=False):
        yield


@pytest.fixture
def workflow():
    return workflow_at(design_cost="0.04")


def advice_of(workflow, query="", name="refund"):
    came = client_of(workflow.project, "read").get(f"/api/v1/workflows/{name}/advice{query}")
    assert came.status_code == 200, came.content
    return came.json()


def finding(workflow, code, query=""):
    return next(one for one in advice_of(workflow, query)["findings"] if one["code"] == code)


def ran(workflow, count=1, model=HAIKU, **fields):
    """Each costs 0.2 cents on Haiku, 1 on Opus."""
    for _ in range(count):
        make_answer(make_execution(workflow, **fields), model)


def on_frontier(name="refund", project=None):
    """A published workflow whose one model step stands on the frontier."""
    project = project or make_project(tiers=REAL)
    workflow = Workflow.objects.create(project=project, name=name, created_at=NOON)
    with time_machine.travel(NOON, tick=False):
        workflow.draft(Examined.of(ON_FRONTIER, project), "1.0.0", created_by="alice").publish("alice")
    workflow.refresh_from_db()
    return workflow


# What is told.


def test_it_tells_the_fit_with_its_reasons(workflow):
    ran(workflow, 30)
    body = advice_of(workflow)
    assert (body["workflow"], body["since"], body["until"], body["simulated"]) == ("refund", "2026-10-27", None, False)
    assert (body["fit"], body["designed"]) == ("unknown", None)
    assert body["reasons"] == [
        "It has 0 confirmed cases, and its gate asks for 20: nothing shows that it is right.",
        "It has saved 0.200 USD since the beginning; a completed execution saves 0.00800 USD.",
    ]
    assert [(one["code"], one["verdict"]) for one in body["findings"]] == [
        ("too_rare_to_pay", "good"),
        ("changing_too_often", "good"),
        ("no_cases", "bad"),
        ("escalates_too_much", "good"),
        ("saves", "good"),
        ("quality", "unknown"),
    ]
    saved = next(one for one in body["findings"] if one["code"] == "saves")
    assert saved["figures"] == {"savings": "0.20", "gain_per_execution": "0.008", "payback_executions": 5}
    assert (body["next_step"], body["steps"]) == (None, [])


def test_a_workflow_that_was_never_executed_is_unknown(workflow):
    body = advice_of(workflow)
    assert (body["fit"], body["next_step"], body["steps"]) == ("unknown", None, [])
    assert body["reasons"] == ["What it saves is not known: nothing is completed."]


def test_a_workflow_without_a_version_is_unknown():
    project = make_project(tiers=REAL)
    workflow = Workflow.objects.create(project=project, name="refund", created_at=LATER)
    assert advice_of(workflow)["fit"] == "unknown"
    assert finding(workflow, "changing_too_often")["reason"] == "No version of it was ever live."


def test_rates_are_of_the_days_on_which_it_was_there(workflow):
    ran(workflow, 5)
    assert finding(workflow, "too_rare_to_pay")["figures"]["executions_per_month"] == "15.0000"
    query = "?since=2026-11-16&until=2026-11-26"
    assert finding(workflow, "too_rare_to_pay", query)["figures"]["executions_per_month"] == "15.0000"


def test_payback_is_from_the_beginning_whatever_the_window(workflow):
    ran(workflow, 10)
    one = finding(workflow, "too_rare_to_pay", "?since=2026-11-19")
    assert (one["figures"]["completed"], one["figures"]["executions_per_month"]) == (10, "0.0000")
    assert one["verdict"] == "good"


def test_too_rare_is_said_from_the_ledger():
    """20 USD are paid by 2500 executions that save 0.8 cents each; 30 come in a month."""
    workflow = workflow_at(design_cost="20.00")
    ran(workflow, 10)
    one = finding(workflow, "too_rare_to_pay")
    assert (one["verdict"], one["figures"]["payback_executions"], one["figures"]["months"]) == ("bad", 2500, "83.0000")
    assert advice_of(workflow)["fit"] == "keep_on_frontier"


def test_escalations_and_what_they_cost_are_counted(workflow):
    for _ in range(10):
        flag = flagged(workflow)
        make_answer(flag.execution, OPUS, purpose=Purpose.ESCALATION, answered_by=Execution.Resolver.FRONTIER)
        Execution.objects.filter(pk=flag.execution_id).update(resolved_by="frontier")
    ran(workflow, 20)
    one = finding(workflow, "escalates_too_much")
    assert (one["verdict"], one["figures"]["interval"]) == ("unknown", ["0.1923", "0.5122"])
    assert (one["figures"]["finished"], one["figures"]["escalated"]) == (30, 10)
    assert one["figures"]["break_even_share"] == "0.8667"  # (1 cent − 4 ÷ 30 cents) ÷ 1 cent


def test_every_tenth_answer_of_a_person_makes_it_a_hybrid(workflow):
    ran(workflow, 28)
    ran(workflow, 1, resolved_by="human")
    ran(workflow, 1, resolved_by="human", simulated=True)
    ran(workflow, 1, resolved_by="workflow")
    assert advice_of(workflow)["fit"] == "unknown"
    ran(workflow, 1, resolved_by="human")
    ran(workflow, 2, resolved_by="frontier")
    assert advice_of(workflow)["fit"] == "hybrid"


def test_cases_and_evidence_are_those_of_the_workflow(workflow):
    add_messages(workflow, 19)
    assert finding(workflow, "no_cases")["figures"] == {"confirmed_cases": 19, "min_cases": 20, "evidence": "none"}
    add_messages(workflow, 1, first=19)
    assert finding(workflow, "no_cases")["reason"] == (
        "It has 20 confirmed cases, but what is live has not passed: it went live without a verdict."
    )


def test_new_versions_are_counted_when_they_go_live_first(workflow):
    for number in range(1, 6):
        publish(workflow, f"1.{number}.0", at=NOON + number * DAY)
        if number == 4:
            assert finding(workflow, "changing_too_often")["verdict"] == "good"
    one = finding(workflow, "changing_too_often")
    assert (one["verdict"], one["figures"]["new_versions"]) == ("bad", 5)
    first = workflow.versions.get(number="1.0.0")
    first.publish("alice")  # a roll-back is no new version
    assert finding(workflow, "changing_too_often")["figures"]["new_versions"] == 5


def test_a_redesign_before_the_design_has_paid_is_bad(workflow):
    ran(workflow, 4)  # saved 3.2 cents of 4
    with time_machine.travel(NOON + DAY, tick=False):
        made = Examined.of(REFUND, workflow.project)
        workflow.draft(made, "1.1.0", created_by="alice", design_cost=to_pico(Decimal("0.01")))
    one = finding(workflow, "changing_too_often")
    assert (one["verdict"], one["figures"]["redesigned_on"], one["figures"]["savings_before"]) == (
        "bad",
        "2026-11-17",
        "-0.008",
    )
    make_answer(make_execution(workflow, version=workflow.live.version))
    assert finding(workflow, "changing_too_often")["verdict"] == "good"


def test_feedback_is_counted_by_what_was_judged(workflow):
    for accepted in (True, False, False):
        feedback.give(make_execution(workflow), Opinion(accepted, "rita"))
    figures = finding(workflow, "quality")["figures"]
    assert (figures["rejected"], figures["judged"], figures["rejected_rate"]) == (2, 3, "0.6667")


def shadow(workflow, same, subject="workflow", model=OPUS, **fields):
    past = make_execution(workflow, simulated=fields.get("simulated", False))
    said = {"project": workflow.project, "version": workflow.live.version, "flagged": False, "day": date(2026, 11, 16)}
    said |= {"model": model, "subject": subject, "simulated": False, "status": "completed", "cost": 1, "same": same}
    return Shadow.objects.create(workflow=workflow, past=past, **{**said, **fields})


def test_shadows_say_how_far_it_agrees(workflow):
    for number in range(30):
        shadow(workflow, same=number > 0)
    shadow(workflow, same=None)
    shadow(workflow, same=False, simulated=True)
    shadow(workflow, same=False, subject="task")
    figures = finding(workflow, "quality")["figures"]
    assert (figures["workflow_same"], figures["workflow_compared"], figures["workflow_agreement"]) == (29, 30, "0.9667")
    assert figures["workflow_interval"] == ["0.8333", "0.9941"]
    assert (figures["task_compared"], figures["task_interval"]) == (1, None)


def test_the_fit_that_the_design_expected_stands_beside_it(workflow):
    fit = {"verdict": "hybrid", "reasons": ["Angry customers go to a person."]}
    of = {"project": workflow.project, "workflow": workflow, "brief": {}, "target": OPUS, "simulated": False}
    design = Design.objects.create(**of, answer={"fit": fit}, status="completed", created_by="alice")
    Design.objects.create(**of, answer=None, status="failed", created_by="alice")
    of["simulated"] = True
    Design.objects.create(**of, answer={"fit": {**fit, "verdict": "great"}}, status="completed", created_by="alice")
    ran(workflow, 1)
    assert advice_of(workflow)["designed"] == {"design": str(design.pk), **fit}


# The next step.


def test_a_step_on_the_frontier_could_move_down():
    workflow = on_frontier()
    ran(workflow, 10, OPUS)
    body = advice_of(workflow)
    assert [(one["to_tier"], one["saving"]) for one in body["steps"]] == [("cheap", "0.08"), ("standard", "0.04")]
    assert body["next_step"] == {
        "step": "classify",
        "kind": "move_down",
        "advised": True,
        "reason": "classify on anthropic:claude-haiku-4-5 (cheap) instead of anthropic:claude-opus-4-5 would cost less for "
        "the same tokens. Nothing was tested.",
        "tier": "frontier",
        "model": OPUS,
        "to_tier": "cheap",
        "to_model": HAIKU,
        "calls": 10,
        "cost": "0.10",
        "cost_now": "0.10",
        "cost_then": "0.02",
        "saving": "0.08",
        "saving_per_month": "0.24",
        "estimated": True,
        "evidence": "price_only",
        "test": None,
        "sample": None,
        "do": {"say": "Search the tiers of classify.", "address": "POST workflows/refund/tier-searches"},
    }


def test_what_counts_are_the_calls_of_the_live_version_on_its_own_model():
    workflow = on_frontier()
    execution = make_execution(workflow)
    make_answer(execution, OPUS)
    make_call(execution, HAIKU)  # of another lane
    make_call(execution, OPUS, purpose=Purpose.ESCALATION)
    make_call(execution, OPUS, reported=True)
    make_call(execution, OPUS, at=NOON - 40 * DAY)
    make_call(execution, OPUS, purpose=Purpose.REPAIR)
    assert advice_of(workflow)["next_step"]["calls"] == 2


def test_a_model_without_a_price_is_unknown_and_no_other_price_stands_in_for_it():
    tiers = {**REAL, "cheap": "anthropic:claude-nobody-1"}
    workflow = on_frontier(project=make_project(tiers=tiers))
    ran(workflow, 1, OPUS)
    standard, cheap = advice_of(workflow)["steps"]
    assert (standard["to_tier"], standard["advised"]) == ("standard", True)
    assert (cheap["to_tier"], cheap["advised"], cheap["cost_then"], cheap["saving"]) == ("cheap", False, None, None)


def evaluation_of(workflow, cheap=HAIKU, passed=True, count=19, **fields):
    """Of what is live, with its step on another model."""
    quality = {"count": count, "n": 20, "rate": "0.9500", "interval": ["0.7639", "0.9911"]}
    arm = {"quality": quality, "steps": {"classify": {"quality": {**quality, "count": count - 1}}}}
    said = {"project": workflow.project, "version": workflow.live.version, "rules": {}, "total": 40, "simulated": False}
    said |= {"tier_map": {**REAL, "steps.classify": cheap}, "against": "incumbent", "status": "completed"}
    said |= {"figures": {"arms": {"candidate": arm}}, "passed": passed, "created_by": "alice"}
    return Evaluation.objects.create(workflow=workflow, **{**said, **fields})


def test_exactly_this_has_passed():
    workflow = on_frontier()
    ran(workflow, 1, OPUS)
    evaluation = evaluation_of(workflow)
    step = advice_of(workflow)["next_step"]
    assert (step["evidence"], step["do"]["address"]) == ("gate_passed", "POST workflows/refund/versions")
    assert step["test"] == {
        "right": 19,
        "n": 20,
        "rate": "0.9500",
        "interval": ["0.7639", "0.9911"],
        "passed": True,
        "address": f"GET evaluations/{evaluation.pk}",
    }


def test_a_step_that_failed_its_test_is_told_and_not_advised():
    workflow = on_frontier()
    ran(workflow, 1, OPUS)
    with time_machine.travel(NOON, tick=False):
        evaluation_of(workflow)
    evaluation_of(workflow, passed=False, count=11)  # the newest says it
    body = advice_of(workflow)
    assert [(one["to_tier"], one["advised"]) for one in body["steps"]] == [("standard", True), ("cheap", False)]
    assert body["next_step"]["to_tier"] == "standard"
    assert body["steps"][1]["reason"].endswith("It failed its test, and is not advised: 11 of 20 right or the same.")


@pytest.mark.parametrize(("passed", "advised"), [(True, True), (False, False)])
def test_a_tier_search_has_compared_the_step(passed, advised):
    workflow = on_frontier()
    ran(workflow, 1, OPUS)
    quality = {"count": 18, "n": 20, "rate": "0.9000", "interval": ["0.6990", "0.9721"]}
    evidence = {"steps": {"classify": {"models": [{"model": HAIKU, "quality": quality, "passed": passed}]}}, "ways": {}}
    said = {"candidates": {}, "tier_map": REAL, "rules": {}, "simulated": False, "status": "completed"}
    search = TierSearch.objects.create(
        project=workflow.project, workflow=workflow, version=workflow.live.version, evidence=evidence, **said
    )
    cheap = next(one for one in advice_of(workflow)["steps"] if one["to_tier"] == "cheap")
    assert (cheap["evidence"], cheap["advised"], cheap["test"]["right"]) == ("agreement_tested", advised, 18)
    assert cheap["test"]["address"] == f"GET tier-searches/{search.pk}"


def test_an_evaluation_without_a_verdict_has_compared_the_step():
    workflow = on_frontier()
    ran(workflow, 1, OPUS)
    evaluation_of(workflow, passed=None, against="nothing")
    step = advice_of(workflow)["next_step"]
    assert (step["evidence"], step["test"]["right"], step["test"]["passed"]) == ("price_only", 18, None)  # of twenty


def test_shadows_on_that_model_have_compared_the_step():
    workflow = on_frontier()
    ran(workflow, 1, OPUS)
    for number in range(30):
        same = number > 0
        shadow(workflow, same=same, model=HAIKU, steps={"classify": {"same": same, "said": ""}})
    step = advice_of(workflow)["next_step"]
    assert (step["evidence"], step["test"]["right"], step["test"]["n"]) == ("agreement_tested", 29, 30)
    assert step["test"]["address"] == "GET workflows/refund/shadows"


def test_a_step_that_differs_too_often_on_that_model_is_not_advised():
    workflow = on_frontier()
    ran(workflow, 1, OPUS)
    for number in range(30):
        same = number < 3
        shadow(workflow, same=same, model=HAIKU, steps={"classify": {"same": same, "said": ""}})
    body = advice_of(workflow)
    cheap = next(one for one in body["steps"] if one["to_tier"] == "cheap")
    assert (cheap["advised"], cheap["test"]["passed"]) == (False, False)
    assert body["next_step"] is None or body["next_step"]["to_model"] != HAIKU


def answered(workflow, count, outputs, **fields):
    """So many answers, each output to an input of its own, in turn."""
    for number in range(count):
        execution = make_execution(workflow, **fields)
        asked = number % len(outputs)
        call = make_call(execution, HAIKU, request_hash=f"{asked:064}")
        use(call, output=outputs[asked]).save()


def test_a_step_that_always_says_the_same_of_the_same_may_be_code(workflow):
    outputs = [{"kind": "refund"}, {"kind": "other"}, {"kind": "refund"}]
    answered(workflow, 49, outputs)
    assert advice_of(workflow)["steps"] == []
    answered(workflow, 1, outputs)
    step = advice_of(workflow)["next_step"]
    assert (step["kind"], step["to_tier"], step["evidence"]) == ("make_code", "code", "price_only")
    assert step["sample"] == {"answers": 50, "repeats": 47, "same": 47, "distinct_outputs": 2}
    assert (step["cost_now"], step["cost_then"], step["estimated"]) == ("0.10", "0.00", False)
    answered(workflow, 1, [{"kind": "other"}])  # to an input that was answered otherwise before
    assert advice_of(workflow)["steps"] == []


def test_texts_that_are_deleted_are_not_read(workflow):
    answered(workflow, 60, [{"kind": "refund"}], purged_at=LATER)
    assert advice_of(workflow)["steps"] == []


# Kinds, projects, lists.


def test_simulated_and_real_stand_beside_each_other_and_are_never_added(workflow):
    ran(workflow, 3)
    for _ in range(2):
        make_answer(make_execution(workflow, simulated=True), usage=Usage(input=1_000_000))
    real, story = (advice_of(workflow, f"?simulated={kind}") for kind in ("false", "true"))
    completed = [one["findings"][0]["figures"]["completed"] for one in (real, story)]
    assert (completed, real["simulated"], story["simulated"]) == ([3, 2], False, True)
    assert advice_of(workflow) == real


def test_nothing_crosses_a_project(workflow):
    bob = make_project("bob", tiers=REAL)
    theirs = workflow_at(name="refund", project=bob)
    ran(theirs, 30)
    assert advice_of(workflow)["fit"] == "unknown"
    assert client_of(workflow.project, "read").get("/api/v1/workflows/theirs/advice").status_code == 404
    assert [one["fit"] for one in client_of(bob, "read").get("/api/v1/advice").json()["results"]] == ["unknown"]


def test_a_project_without_a_workflow_has_no_advice():
    assert client_of(make_project(), "read").get("/api/v1/advice").json() == {"results": [], "next": None}


def test_a_project_has_all_that_are_not_archived_by_name(workflow):
    for name in ("apply", "zip"):
        workflow_at(name=name, project=workflow.project)
    Workflow.objects.get(name="zip").archive("alice")
    ran(workflow, 10)
    client = client_of(workflow.project, "read")
    first = client.get("/api/v1/advice?limit=1").json()
    second = client.get(first["next"]).json()
    assert [one["workflow"] for one in first["results"] + second["results"]] == ["apply", "refund"]
    assert second["next"] is None
    assert second["results"] == [advice_of(workflow)]


@pytest.mark.parametrize(
    "query",
    ["since=2026-11-18&until=2026-11-18", "since=2026-11-27", "until=0001-01-02", "simulated=perhaps", "by=step"],
)
def test_a_filter_that_makes_no_sense_is_refused(query, workflow):
    client = client_of(workflow.project, "read")
    for address in ("/api/v1/workflows/refund/advice", "/api/v1/advice"):
        assert client.get(f"{address}?{query}").status_code in (400, 422)


def test_what_it_says_to_do_has_an_address_that_there_is():
    folder = Path(analytics.advice.__file__).parent
    named = set(re.findall(r'"(GET|POST|PUT)", "([a-z-]+)', (folder / "rules.py").read_text()))
    named |= {("POST", word) for word in re.findall(r'\{path\}/([a-z-]+)"', (folder / "next_step.py").read_text())}
    words = {"cases", "costs", "evaluations", "groups", "redesigns", "shadow-plan", "shadows", "tier-searches"}
    assert {word for _, word in named} == words | {"versions"}
    known = {(method, str(one.pattern)) for one in urls.api for method in one.callback.view_class.scopes}
    assert {one for one in named if (one[0], f"workflows/<str:name>/{one[1]}") not in known} == set()
