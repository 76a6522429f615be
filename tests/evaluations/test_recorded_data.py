"""Recorded answers of real models, through the whole engine: each is what was recorded, and the arms rank as they did."""

import json

import pytest

from executions import worker
from executions.drivers import plain
from executions.models import Execution
from executions.queue import submit
from gateway.models import Call
from tests.cast import make_project, make_workflow
from tests.evaluations.recorded_data import (
    HAIKU_INPUT,
    HAIKU_OUTPUT,
    LABELS,
    SOLVERS,
    SUM,
    TICKET,
    arms,
    disagreements,
    final_number,
    maths_cases,
    maths_recordings,
    needs_them,
    solved_right,
    ticket_cases,
    ticket_recordings,
    with_recordings,
)


def run(definition: dict, model: str, inputs: list[dict]) -> list[Execution]:
    """Executes each with this model in every tier, in a project of its own."""
    tiers = dict.fromkeys(("cheap", "standard", "frontier"), f"recorded:{model}")
    workflow = make_workflow(definition, project=make_project(model, tiers), name="recorded")
    done = []
    for given in inputs:
        execution = submit(workflow.live.version, workflow.live, given, actor="test")
        plain.advance(execution.pk, worker.current())
        execution.refresh_from_db()
        done.append(execution)
    return done


def right(done: list[Execution], cases: list[dict]) -> list[bool]:
    return [execution.output == case["expected"] for execution, case in zip(done, cases, strict=True)]


# Through the engine.


@needs_them
@pytest.mark.django_db
def test_an_execution_answers_what_haiku_answered_to_a_ticket(tmp_path):
    with_recordings(tmp_path, ticket_recordings())
    cases = ticket_cases()[:5]

    simple = run(TICKET, "haiku-p1-t0.0", [case["input"] for case in cases])
    best = run(TICKET, "haiku-p3-t0.0", [case["input"] for case in cases])

    assert {one.status for one in simple + best} == {"completed"}
    assert {one.resolved_by for one in simple + best} == {"workflow"}
    assert [one.simulated for one in simple] == [True] * 5
    assert simple[3].output == {"category": "Coverage Explanations"}
    assert best[3].output == cases[3]["expected"] == {"category": "Policy Administration"}
    assert Call.objects.count() == 10


@needs_them
@pytest.mark.django_db
def test_an_execution_answers_what_gpt_4_and_mixtral_answered_to_a_question(tmp_path):
    with_recordings(tmp_path, maths_recordings())
    cases = maths_cases()[:6]

    strong = run(SUM, "gpt-4-1106-preview", [case["input"] for case in cases])
    weak = run(SUM, "mixtral-8x7b", [case["input"] for case in cases])

    assert {one.status for one in strong + weak} == {"completed"}
    assert strong[0].output == weak[0].output == {"answer": "18"}
    assert right(strong, cases) == [True, True, True, True, True, False]
    assert right(weak, cases) == [True, True, False, True, True, False]
    assert {call.cost_state for call in Call.objects.all()} == {"priced"}


# What the records say.


@needs_them
def test_it_ranks_the_fifteen_arms_by_their_accuracy():
    ranked = sorted(arms(), key=lambda arm: (-arm.right, arm.model))

    assert [(arm.model, arm.right) for arm in ranked] == [
        ("haiku-p3-t0.0", 65),
        ("haiku-p3-t0.2", 65),
        ("haiku-p3-t0.8", 65),
        ("haiku-p2-t0.0", 64),
        ("haiku-p2-t0.4", 64),
        ("haiku-p2-t0.6", 64),
        ("haiku-p3-t0.4", 64),
        ("haiku-p3-t0.6", 64),
        ("haiku-p2-t0.2", 63),
        ("haiku-p2-t0.8", 61),
        ("haiku-p1-t0.6", 49),
        ("haiku-p1-t0.0", 48),
        ("haiku-p1-t0.2", 48),
        ("haiku-p1-t0.8", 48),
        ("haiku-p1-t0.4", 47),
    ]
    assert len(ticket_cases()) == 68


@needs_them
def test_the_recordings_of_an_arm_are_right_as_often_as_the_records_say():
    expected = [case["expected"] for case in ticket_cases()]
    recordings = ticket_recordings()

    assert len(recordings) == 15 * 68
    for arm in arms():
        own = [one for one in recordings if one.model_served == arm.model]
        outputs = [json.loads(one.response)["output"] for one in own]
        assert sum(map(dict.__eq__, outputs, expected)) == arm.right
        assert {output["category"] for output in outputs} <= {*LABELS}
        assert sum(one.usage.input for one in own) == arm.prompt_tokens
        assert sum(one.usage.output for one in own) == arm.output_tokens


@needs_them
def test_the_best_arm_costs_nearly_three_times_the_simplest():
    cost = {
        arm.model: float(HAIKU_INPUT) * arm.prompt_tokens + float(HAIKU_OUTPUT) * arm.output_tokens for arm in arms()
    }

    assert cost["haiku-p1-t0.0"] == 13_551.0  # millionths of a dollar, as recorded: 0.013551
    assert cost["haiku-p2-t0.0"] == 18_286.0
    assert cost["haiku-p3-t0.0"] == 39_104.75


@needs_them
def test_the_answers_to_the_questions_are_right_as_often_as_the_records_say():
    expected = [case["expected"] for case in maths_cases()]
    recordings = maths_recordings()

    assert len(expected) == 674
    assert {model: solved_right(model) for model in SOLVERS} == {"gpt-4-1106-preview": 584, "mixtral-8x7b": 436}
    for model in SOLVERS:
        outputs = [json.loads(one.response)["output"] for one in recordings if one.model_served == model]
        assert sum(map(dict.__eq__, outputs, expected)) == solved_right(model)


@needs_them
def test_it_says_where_the_records_and_the_number_that_it_reads_disagree():
    assert disagreements("gpt-4-1106-preview") == {"right by value": 23, "wrong by value": 0}
    assert disagreements("mixtral-8x7b") == {"right by value": 5, "wrong by value": 4}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("so 9 * $2 = $<<9*2=18>>18.\n#### 18", "18"),
        ("#### $1,250", "1250"),
        ("#### 7 packs and 2 extra glue sticks", "7"),
        ("She made 20 tires x $0.25 = $5.00 that day.", "5.00"),
        ("It falls to -3.", "-3"),
        ("She has none.", ""),
    ],
)
def test_it_reads_the_final_number(text, number):
    assert final_number(text) == number
