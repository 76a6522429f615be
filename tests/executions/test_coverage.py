"""The detectors, pure; and what slips through where one of them is taken away."""

import pytest

from executions import coverage
from executions.coverage import Observation, find
from gateway.types import Completion, Stop, Usage
from tests.cast import envelope, execute, make_workflow, models_answer
from wire.problems import Fault
from workflows.definition import EdgeCase
from workflows.envelope import Envelope

OK = Envelope("ok", {"kind": "refund"}, 0.9, "It is plain.")
RECITAL = "You carry out one step of a workflow that was designed in advance. Do exactly what it says."
INJURY = EdgeCase(id="injury", case="Somebody was hurt", handling="escalate")


def seen(envelope=OK, stop=Stop.END, **fields):
    return Observation(Completion("", "claude-haiku-5-5", Usage(), stop), envelope, **fields)


@pytest.mark.parametrize(
    ("observation", "reason", "detector", "keeps"),
    [
        (seen(), None, None, None),
        (seen(stop=Stop.REFUSAL), "refused", "provider", False),
        (seen(stop=Stop.MAX_TOKENS), "invalid_output", "schema", False),
        (seen(stop=Stop.OTHER), "invalid_output", "schema", False),
        (seen(envelope=None, broken="Not JSON."), "invalid_output", "schema", False),
        (seen(output_faults=[Fault("/kind", "It is missing.")]), "invalid_output", "schema", False),
        (seen(Envelope("uncovered", None, 0.2, "", "A poem.")), "uncovered", "self_report", False),
        (
            seen(Envelope("escalate", None, 0.9, "", edge_case="injury"), edge_cases=[INJURY]),
            "rule",
            "edge_case",
            False,
        ),
        (seen(complaints=["Too long."]), "check_failed", "check", True),
        (seen(leak="It recites."), "check_failed", "leak", True),
        (seen(min_confidence=0.95), "low_confidence", "confidence", True),
        (seen(min_confidence=0.9), None, None, None),
    ],
)
def test_each_observation_has_one_finding(observation, reason, detector, keeps):
    finding = find(observation)
    assert (finding and (finding.reason, finding.detector, finding.keeps)) == (reason and (reason, detector, keeps))


def test_a_leak_names_the_failed_checks_too():
    """Whoever dismisses the flag takes the output with all that is wrong with it."""
    assert find(seen(leak="It recites.", complaints=["Too long."])).explanation == "It recites. Too long."


def test_a_failed_check_is_named_before_a_low_confidence_because_it_can_be_repaired():
    finding = find(seen(complaints=["Too long."], min_confidence=1.0))
    assert (finding.reason, finding.repairable) == ("check_failed", True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("detector", "answer"),
    [
        ("by_provider", {"text": envelope({"kind": "refund"}), "stop": "refusal"}),
        ("by_schema", {"text": envelope({"kind": "moon"})}),
        ("by_leak", {"text": envelope({"kind": "refund"}, rationale=RECITAL)}),
        ("by_check", {"user": "parcel", "text": envelope({"kind": "refund"})}),
        ("by_confidence", {"text": envelope({"kind": "refund"}, confidence=0.1)}),
    ],
)
def test_without_a_detector_its_case_slips_through(detector, answer, monkeypatch):
    """The same answer is flagged with all detectors, and completes unflagged where this one is gone."""
    workflow, said = make_workflow(), "My parcel" if "user" in answer else "A refund"
    models_answer(answer)
    assert execute(workflow, said).flags.count() == 1
    left = tuple(one for one in coverage.DETECTORS if one.__name__ != detector)
    monkeypatch.setattr(coverage, "DETECTORS", left)
    execution = execute(workflow, said)
    assert (execution.status, execution.flags.count()) == ("completed", 0)


@pytest.mark.parametrize(
    ("detector", "observation"),
    [
        ("by_self_report", seen(Envelope("uncovered", None, 0.9, "", "A poem."))),
        ("by_edge_case", seen(Envelope("escalate", None, 0.9, "", edge_case="injury"), edge_cases=[INJURY])),
    ],
)
def test_what_a_model_reports_itself_is_seen_by_one_detector_alone(detector, observation):
    left = [one for one in coverage.DETECTORS if one.__name__ != detector]
    assert find(observation) is not None
    assert find(observation, left) is None
