"""How good a version is at noticing what it should not answer: by its cases, and by what people said of its production."""

from decimal import Decimal

import pytest

from evaluations import escalation_quality
from evaluations.escalation_quality import Counted, estimated_recall, window
from executions import control, coverage, feedback, resolution
from executions.feedback import Opinion
from executions.models import Flag
from executions.resolution import Decision
from projects.models import Scope
from tests.cast import REFUND, envelope, execute, make_workflow, models_answer
from tests.evaluations.evaluated import add_case, add_messages, draft, evaluate
from tests.neighbours import client_of
from workflows.models import Workflow

pytestmark = pytest.mark.django_db

TO_PEOPLE = {"escalation": {"to": ["human"]}}
INJURY = {"id": "injury", "case": "Somebody was hurt", "handling": "escalate", "when": "'hurt' in input['message']"}
NEVER_ADMITS_A_GAP = (
    {"user": "parcel", "text": envelope({"kind": "refund"}, confidence=0.97)},
    {"user": "invoice", "text": envelope({"kind": "invoice"}, confidence=0.97)},
    {"user": "refund", "text": envelope({"kind": "refund"}, confidence=0.97)},
    {"text": envelope({"kind": "other"}, confidence=0.97)},
)


@pytest.fixture
def workflow():
    return make_workflow({**REFUND, **TO_PEOPLE})


@pytest.fixture
def boastful():
    """Ten cases that are not covered, two that are, and a model that is always sure."""
    models_answer(*NEVER_ADMITS_A_GAP)
    found = make_workflow({**REFUND, **TO_PEOPLE, "edge_cases": [INJURY]})
    add_messages(found, 2)
    uncovered = [" ", "  ", "a parcel", "another parcel", "my parcel", "an invoice", "I was hurt", "a poem", "the moon"]
    for message in (*uncovered, "the weather"):
        add_case(found, {"message": message})
    return found


def probes(version):
    return escalation_quality.probes(version, simulated=True)


def of(share):
    return f"{share['count']}/{share['n']}"


def test_a_model_that_never_admits_a_gap_shows_which_detectors_catch_it(boastful):
    evaluate(boastful.live.version, against="nothing")
    found = probes(boastful.live.version)
    assert [(one["detector"], of(one["caught"]), of(one["precision"])) for one in found["detectors"]] == [
        ("check", "3/10", "3/3"),
        ("precondition", "2/10", "2/2"),
        ("edge_case", "1/10", "1/1"),
        ("schema", "1/10", "1/1"),
    ]
    assert (of(found["recall"]), of(found["precision"]), of(found["silent_failure"])) == ("7/10", "7/7", "3/5")
    assert found["detectors"][0]["caught"]["interval"] == ["0.1078", "0.6032"]


@pytest.mark.parametrize(("detector", "recall"), [("by_check", "4/10"), ("by_confidence", "7/10")])
def test_without_a_detector_recall_falls_by_what_it_caught(boastful, detector, recall, monkeypatch):
    left = tuple(one for one in coverage.DETECTORS if one.__name__ != detector)
    monkeypatch.setattr(coverage, "DETECTORS", left)
    evaluate(boastful.live.version, against="nothing")
    assert of(probes(boastful.live.version)["recall"]) == recall


def test_a_model_that_admits_it_is_caught_by_what_it_says(workflow):
    models_answer(
        {"user": "poem", "text": envelope(status="uncovered", uncovered="A poem.")},
        {"user": "moon", "text": envelope({"kind": "other"}, confidence=0.4)},
        {"text": envelope({"kind": "refund"}, confidence=0.7)},
    )
    add_messages(workflow, 1)
    for message in ("a poem", "the moon"):
        add_case(workflow, {"message": message})
    evaluate(workflow.live.version, against="nothing")
    found = probes(workflow.live.version)
    assert [(one["detector"], of(one["caught"]), of(one["precision"])) for one in found["detectors"]] == [
        ("confidence", "1/2", "1/2"),
        ("self_report", "1/2", "1/1"),
    ]
    assert of(found["false_escalation"]) == "1/1"


def test_the_curve_is_of_confidences_and_of_who_was_right(workflow):
    """Refund 1 was stopped at 0.7, so that nobody knows whether it was right; the frontier's cost is measured."""
    models_answer(
        {"user": "moon", "text": envelope({"kind": "other"}, confidence=0.85)},
        {"user": "number 0", "text": envelope({"kind": "other"}, confidence=0.9)},
        {"user": "number 1", "text": envelope({"kind": "refund"}, confidence=0.7)},
        {"text": envelope({"kind": "refund"}, confidence=0.99)},
    )
    add_messages(workflow, 3)
    add_case(workflow, {"message": "the moon"})
    evaluate(workflow.live.version)
    curve = probes(workflow.live.version)["curves"]["classify"]
    assert (curve["min_confidence"], curve["answers"], curve["unknown"]) == ("0.8000", 4, 1)
    shares = [
        (one["min_confidence"], of(one["flagged"]), of(one["recall"]), of(one["false_escalation"]))
        for one in curve["points"]
    ]
    assert shares == [
        ("0.7000", "0/4", "0/2", "0/1"),
        ("0.8500", "1/4", "0/2", "0/1"),
        ("0.9000", "2/4", "1/2", "0/1"),
        ("0.9900", "3/4", "2/2", "0/1"),
    ]
    costs = [Decimal(one["cost_per_case"]) for one in curve["points"]]
    assert costs == sorted(costs)
    assert len(set(costs)) == 4


def test_it_is_the_newest_evaluation_of_that_version_that_counts(workflow):
    models_answer({"text": envelope({"kind": "refund"})})
    add_messages(workflow, 1)
    version = draft(workflow)
    assert probes(version) is None
    evaluate(workflow.live.version, against="nothing")
    assert probes(version) is None
    first, second = (evaluate(version, against="nothing") for _ in range(2))
    assert probes(version)["evaluation"] == str(second.pk) != str(first.pk)
    assert escalation_quality.probes(version, simulated=False) is None


def production(workflow, **days):
    return escalation_quality.production(window(workflow.live.version, **days))


def flagged(workflow, message):
    return Flag.objects.get(execution=execute(workflow, message))


def decide(flag, resolution_, **said):
    resolution.resolve(flag, Decision(resolution_, "rosa", **said))


def test_what_people_said_of_flags_is_precision_by_detector(workflow):
    """Unsure answers: one wrongly stopped, one rightly, one that waits, one that was tried again, one that was cancelled."""
    models_answer(
        {"user": "poem", "text": envelope(status="uncovered", uncovered="A poem.")},
        {"text": envelope({"kind": "other"}, confidence=0.4)},
    )
    wrong, right, _, again, ended = (flagged(workflow, f"message {n}") for n in range(5))
    decide(wrong, "dismissed")
    decide(right, "answered", output={"kind": "refund"})
    decide(again, "retry")
    control.cancel(ended.execution, "alice")
    decide(flagged(workflow, "a poem"), "redesign")
    found = production(workflow)
    assert [
        (one["detector"], one["flagged"], one["undecided"], of(one["precision"])) for one in found["detectors"]
    ] == [
        ("confidence", 5, 3, "1/2"),
        ("self_report", 1, 0, "1/1"),
    ]
    assert (found["flagged"], found["undecided"], of(found["precision"])) == (6, 3, "2/3")
    assert (found["executions"], found["unflagged"]) == (5, 0)


def test_closing_a_flag_that_the_frontier_has_answered_says_nothing_of_it():
    workflow = make_workflow()
    models_answer(
        {"model": "claude-haiku-5-5", "text": envelope({"kind": "other"}, confidence=0.4)},
        {"text": envelope({"kind": "other"})},
    )
    decide(flagged(workflow, "a parcel"), "dismissed")
    [found] = production(workflow)["detectors"]
    assert (found["flagged"], found["undecided"], of(found["precision"])) == (1, 1, "0/0")


def test_spot_checks_and_feedback_are_kept_apart(workflow):
    """Three are drawn: right, wrong, not looked at. Two are not: of one the caller says that it was wrong."""
    models_answer({"text": envelope({"kind": "refund"})})
    Workflow.objects.filter(pk=workflow.pk).update(spot_check_share=1)
    right, wrong, _ = (flagged(workflow, f"refund {n}") for n in range(3))
    decide(right, "dismissed")
    decide(wrong, "answered", output={"kind": "other"})
    Workflow.objects.filter(pk=workflow.pk).update(spot_check_share=0)
    complained, _ = (execute(workflow, f"refund {n}") for n in range(2))
    feedback.give(complained, Opinion(False, "alice"))
    found = production(workflow)
    assert (found["unflagged"], found["flagged"]) == (5, 0)
    assert (found["spot_checks"]["undecided"], of(found["spot_checks"]["silent_failure"])) == (1, "1/2")
    assert of(found["feedback"]["silent_failure"]) == "1/1"
    assert found["recall"] == {"rate": None, "interval": None, "spot_checks": 2, "min_spot_checks": 30}


@pytest.mark.parametrize(
    ("counted", "unflagged", "right", "wrong", "rate", "interval"),
    [
        (Counted(20, 10, 5), 100, 29, 1, "0.7500", ["0.2211", "0.9627"]),
        (Counted(20, 10, 5), 100, 28, 1, None, None),
        (Counted(20, 0, 0), 100, 29, 1, None, None),
        (Counted(0, 0, 0), 100, 29, 1, "0.0000", ["0.0000", "0.0000"]),
        (Counted(0, 0, 0), 100, 30, 0, None, None),
        (Counted(20, 10, 5), 100, 30, 0, "1.0000", ["0.2942", "1.0000"]),
    ],
)
def test_recall_of_production_is_estimated_by_spot_checks(counted, unflagged, right, wrong, rate, interval):
    found = estimated_recall(counted, unflagged, right, wrong)
    assert (found["rate"], found["interval"], found["spot_checks"]) == (rate, interval, right + wrong)


@pytest.fixture
def alice(workflow):
    models_answer({"text": envelope({"kind": "refund"}, confidence=0.4)})
    execute(workflow)
    return client_of(workflow.project, Scope.READ)


ADDRESS = "/api/v1/workflows/refund/escalation-quality"


def test_it_is_read_through_rest(alice):
    found = alice.get(ADDRESS).json()
    assert (found["workflow"], found["version"], found["simulated"], found["probes"]) == ("refund", "1.0.0", True, None)
    assert found["production"]["detectors"] == [
        {
            "detector": "confidence",
            "reason": "low_confidence",
            "flagged": 1,
            "undecided": 1,
            "precision": {"n": 0, "count": 0, "rate": None, "interval": None},
        }
    ]


@pytest.mark.parametrize(
    ("query", "flagged"),
    [
        ("since=2000-01-01", 1),
        ("until=2001-01-01", 0),
        ("until=0001-01-01", 0),
        ("since=9999-12-31", 0),
        ("simulated=false", 0),
        ("simulated=true&version=1.0.0", 1),
    ],
)
def test_it_is_of_a_version_and_of_days(alice, query, flagged):
    assert alice.get(f"{ADDRESS}?{query}").json()["production"]["flagged"] == flagged


@pytest.mark.parametrize(
    ("query", "status"), [("version=9.9.9", 404), ("since=2026-02-02&until=2026-02-02", 400), ("since=yesterday", 400)]
)
def test_what_cannot_be_asked_is_refused(alice, query, status):
    assert alice.get(f"{ADDRESS}?{query}").status_code == status


def test_a_workflow_without_a_version_has_none_to_ask_of(alice, workflow):
    Workflow.objects.create(project=workflow.project, name="empty")
    assert alice.get("/api/v1/workflows/empty/escalation-quality").status_code == 409
