"""What workers put away beside executing: keys that nobody sends again, and rows of workers that ended long ago."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from executions import queue, store, worker
from executions.models import Execution, Worker
from gateway import pressure
from gateway.types import Throttled
from projects import idempotency
from projects.models import IdempotencyKey
from service.duties import DUTIES, rarely, tell_gates
from tests.cast import make_project, make_workflow

pytestmark = pytest.mark.django_db


def keep(project, key: str, hours: float) -> None:
    at = timezone.now() - timedelta(hours=hours)
    IdempotencyKey.objects.create(project=project, key=key, fingerprint="", result="", created_at=at)


def ended(days: float) -> Worker:
    return Worker.objects.create(name="gone", ended_at=timezone.now() - timedelta(days=days))


def test_a_key_is_kept_for_two_days():
    project = make_project()
    keep(project, "old", hours=48.1)
    keep(project, "young", hours=47.9)
    idempotency.forget_the_old()
    assert [one.key for one in IdempotencyKey.objects.all()] == ["young"]


def test_the_oldest_go_first_and_a_batch_at_a_time(monkeypatch):
    monkeypatch.setattr(idempotency, "FORGOTTEN_AT_ONCE", 2)
    project = make_project()
    for hours in (100, 300, 200):
        keep(project, f"{hours} hours", hours)
    idempotency.forget_the_old()
    assert [one.key for one in IdempotencyKey.objects.all()] == ["100 hours"]


def test_a_worker_is_remembered_for_a_week_after_its_end():
    alive, lately = Worker.objects.create(name="alive"), ended(days=6.9)
    ended(days=7.1)
    worker.forget_the_ended()
    assert set(Worker.objects.all()) == {alive, lately}


def test_what_a_forgotten_worker_held_is_taken_over_all_the_same():
    """It never comes to that, because what it held was taken over in seconds: but nothing leans on its row."""
    workflow = make_workflow()
    execution = queue.submit(workflow.live.version, workflow.live, {"message": "A refund"}, actor="alice")
    store.claim(execution.pk, ended(days=8).pk)
    worker.forget_the_ended()
    assert queue.dropped(worker.current(), in_hands=set()) == [execution.pk]
    assert store.claim(execution.pk, worker.current()).token == 2
    assert Execution.objects.get().deaths == 1


def test_what_a_living_worker_holds_is_not():
    workflow = make_workflow()
    execution = queue.submit(workflow.live.version, workflow.live, {"message": "A refund"}, actor="alice")
    store.claim(execution.pk, Worker.objects.create(name="alive").pk)
    assert queue.dropped(worker.current(), in_hands=set()) == []
    assert store.claim(execution.pk, worker.current()) is None


def test_a_duty_is_done_at_once_and_then_rarely(monkeypatch):
    clock, done = [100.0], []
    monkeypatch.setattr("service.duties.time.monotonic", lambda: clock[0])
    duty = rarely(60, lambda: done.append(clock[0]))
    for at in (100, 101, 159, 160, 161, 230):
        clock[0] = at
        duty()
    assert done == [100, 160, 230]


def test_the_log_tells_when_a_model_is_left_alone_and_when_it_is_asked_again(caplog):
    gate = pressure.gate("scripted", "claude-haiku-5-5")
    gate.enter("a call", tokens=1).leave(error=Throttled("Come again later.", retry_after=2))
    tell_gates()
    tell_gates()
    while gate.state().state != "open":
        time.sleep(0.05)
    tell_gates()
    told = [record.getMessage() for record in caplog.records if record.name == "service.duties"]
    assert told == [
        "scripted:claude-haiku-5-5 is left alone by this worker: 0 calls in flight, 0 in line",
        "scripted:claude-haiku-5-5 is asked again by this worker",
    ]


def test_two_endpoints_of_one_name_are_told_apart(caplog):
    one, other = (f"https://{host}.example.com/v1 GATEWAY_KEY" for host in ("one", "other"))
    pressure.gate("gateway", "m", one).enter("a call", tokens=1).leave(error=Throttled("Later.", retry_after=60))
    pressure.gate("gateway", "m", other)
    for _ in range(3):
        tell_gates()
    told = [record.getMessage() for record in caplog.records if record.name == "service.duties"]
    assert told == ["gateway:m at one.example.com is left alone by this worker: 0 calls in flight, 0 in line"]


def test_every_worker_does_all_of_it():
    done = ["advance_all", "advance_all"]  # evaluations and replays, and tier searches
    done += ["draw_all", "advance_all"]  # shadows
    done += ["advance_all", "let_go", "forget_the_old"]  # designs
    done += ["gather_flags"]
    done += ["fold", "forget_the_old", "purge_the_old", "forget_answers", "forget_the_ended", "tell_gates"]
    done += ["collect", "deliver", "remind", "give_up", "forget_the_old_ones"]
    done += ["send_due"]  # summaries
    assert [duty.__name__ for duty in DUTIES] == done
