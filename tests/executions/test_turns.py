"""How long an execution may have the thread: not for as long as all its steps together take."""

import time

import pytest
from django.utils import timezone

from executions import queue, run, store, turns
from executions.effects import Pause
from executions.models import Execution, StepResult, Worker
from executions.working import working
from tests.cast import make_project, make_workflow

PLAIN = "def run(input, steps):\n    return 1"
BUSY = "def run(input, steps):\n    n = 0\n    while n < 600_000: n += 1\n    return n"


def of_code(steps: int, code: str) -> dict:
    written = [{"id": f"s{number}", "kind": "code", "code": code} for number in range(steps)]
    return {"title": "Code", "purpose": "Compute.", "input_schema": {"type": "object"}, "steps": written}


def accepted(workflow) -> Execution:
    return queue.submit(workflow.live.version, workflow.live, {}, actor="test")


@pytest.mark.django_db
def test_steps_leave_the_thread_to_others_and_what_is_done_is_kept(monkeypatch):
    monkeypatch.setattr(run, "TURN", 0)
    execution = accepted(make_workflow(of_code(3, PLAIN)))
    held = turns.Held(store.claim(execution.pk, Worker.objects.create(name="gone", ended_at=timezone.now()).pk))
    for done in (1, 2, 3):
        assert turns.turn(held) == Pause(0)
        assert StepResult.objects.filter(status="done").count() == done
    assert turns.turn(held) is None
    execution.refresh_from_db()
    assert (execution.status, execution.output) == ("completed", 1)


@pytest.mark.django_db
def test_what_waited_for_an_answer_has_a_whole_turn_again(monkeypatch):
    monkeypatch.setattr(run, "TURN", 60)
    execution = accepted(make_workflow(of_code(3, PLAIN)))
    held = turns.Held(store.claim(execution.pk, Worker.objects.create(name="gone", ended_at=timezone.now()).pk))
    held.run = store.begin(held.lease)
    held.run.turn_began -= 120
    held.advance = turns.engine.advance(held.run)
    assert turns.turn(held) is None


@pytest.mark.django_db(transaction=True)
def test_slow_steps_of_one_execution_hold_up_no_other(settings):
    settings.WORKER_THREADS = 1
    project = make_project()
    slow = accepted(make_workflow(of_code(25, BUSY), project=project, name="slow"))
    quick = make_workflow(of_code(1, PLAIN), project=project, name="quick")
    with working():
        until = time.monotonic() + 60
        while not StepResult.objects.filter(execution=slow).exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        other = accepted(quick)
        queue.ring(other.pk)
        while Execution.objects.filter(status="completed").count() < 2:
            assert time.monotonic() < until
            time.sleep(0.02)
    slow.refresh_from_db()
    other.refresh_from_db()
    assert other.finished_at < slow.finished_at
