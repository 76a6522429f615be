"""What a worker does beside executing: its heartbeat depends on nothing else that it does."""

import threading
import time

import pytest

from executions import worker, working
from executions.models import Worker
from executions.working import Heartbeat

pytestmark = pytest.mark.django_db(transaction=True)


def seen():
    return Worker.objects.get(pk=worker.current()).seen_at


def test_a_duty_that_takes_longer_than_a_lease_keeps_nobody_from_beating(monkeypatch):
    monkeypatch.setattr(worker, "HEARTBEAT", 0.2)
    monkeypatch.setattr(working, "ROUND", 0.05)
    begun, over = threading.Event(), threading.Event()

    def endless():
        begun.set()
        over.wait(30)

    with working.working([endless]):
        assert begun.wait(30)
        beats = {seen()}
        until = time.monotonic() + 20
        while len(beats) < 4:
            assert time.monotonic() < until
            time.sleep(0.05)
            beats.add(seen())
        over.set()
    assert Worker.objects.get().ended_at is not None


@pytest.mark.parametrize(
    ("seconds_ago", "may"),
    [(0.0, True), (9.0, True), (11.0, False), (-3600.0, False)],
)
def test_who_is_not_heard_itself_calls_nobody_dead(seconds_ago, may):
    heart = Heartbeat()
    assert heart.may_judge() is False
    heart._last = time.time() - seconds_ago
    assert heart.may_judge() is may


def test_after_a_silence_the_others_are_heard_first():
    heart = Heartbeat()
    heart._last = time.time() - 60
    heart._beat()
    assert heart.may_judge() is False
    heart._judges_from = time.monotonic()  # as it is a heartbeat later
    assert heart.may_judge() is True
