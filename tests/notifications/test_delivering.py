"""Several workers, dead receivers and ended processes: everybody hears everything once at least, and nobody waits for others."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from executions import working
from notifications import delivering, history
from notifications.models import TEST, Delivery
from notifications.outbox import try_out
from service.duties import DUTIES
from tests.cast import make_project, make_workflow
from tests.receiver import Answer, Receiver

from .conftest import due_now, listen, rounds

pytestmark = pytest.mark.django_db(transaction=True)


def waiting(endpoint, count: int) -> None:
    Delivery.objects.bulk_create(
        Delivery(endpoint=endpoint, type=TEST, body=f'{{"type":"endpoint.test","number":{n}}}') for n in range(count)
    )


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the embedded default has one worker")
def test_two_workers_at_once_claim_each_of_them_once():
    endpoint = listen(make_project())
    waiting(endpoint, 60)
    claims, raised, both = [], [], threading.Barrier(2)

    def work() -> None:
        try:
            both.wait(20)
            for _ in range(25):
                claims.extend(delivering.claim_all())
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []
    claimed = [row for claim in claims for row in claim.rows]
    assert len(claimed) == len(set(claimed)) == 60
    assert {attempts for _, attempts in claimed} == {1}


def test_what_an_ended_process_had_in_hands_is_sent_again_with_the_same_id(receiver):
    endpoint = listen(make_project(), receiver)
    waiting(endpoint, 1)
    (lost,) = delivering.claim_all()
    rounds()
    assert receiver.heard == []
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))  # the lease ran out
    rounds()
    assert [one.id for one in receiver.heard] == [str(lost.rows[0][0])]
    assert Delivery.objects.get().attempts == 2


def test_who_comes_late_with_an_outcome_writes_over_nobody(receiver):
    endpoint = listen(make_project(), receiver)
    waiting(endpoint, 1)
    (slow,) = delivering.claim_all()
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    (quick,) = delivering.claim_all()
    delivering._ended.append((slow, delivering.Outcome(500, error="It answered 500.")))
    delivering.settle()
    assert Delivery.objects.get().error == ""
    delivering._ended.append((quick, delivering.Outcome(200)))
    delivering.settle()
    assert (Delivery.objects.get().state, Delivery.objects.get().attempts) == ("delivered", 2)


def test_a_receiver_that_hangs_delays_no_other(monkeypatch, receiver):
    monkeypatch.setattr("notifications.posting.TIMEOUT", 5.0)
    project = make_project()
    with Receiver(Answer(delay=60)) as dead:
        hangs = listen(project, dead)
        waiting(hangs, 50)
        lives = listen(project, receiver)
        waiting(lives, 10)
        began = time.monotonic()
        while len(receiver.heard) < 10:
            delivering.deliver()
            assert time.monotonic() - began < 4, "it waited for the dead one"
            time.sleep(0.02)
        assert len(dead.heard) == delivering.EACH
        dead.over.set()


def test_a_receiver_that_failed_last_gets_one_at_a_time(receiver):
    endpoint = listen(make_project(), receiver, failing_since=None)
    endpoint.failing_since = timezone.now()
    endpoint.save()
    waiting(endpoint, 5)
    assert len(delivering.claim_all()) == 1


def test_a_round_claims_no_more_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(delivering, "AT_ONCE", 6)
    project = make_project()
    for number in range(4):
        waiting(listen(project, address=f"https://hooks.example/{number}"), 10)
    assert len(delivering.claim_all()) == 6


def test_a_round_with_receivers_that_hang_takes_no_time(monkeypatch):
    with Receiver(Answer(delay=60)) as dead:
        waiting(listen(make_project(), dead), 10)
        began = time.monotonic()
        assert delivering.deliver() == 4
        assert delivering.deliver() == 0
        assert time.monotonic() - began < 3
        dead.over.set()
        while delivering._in_flight:
            time.sleep(0.02)


def test_what_cannot_be_written_down_is_written_down_in_the_next_round(receiver, monkeypatch):
    endpoint = listen(make_project(), receiver)
    waiting(endpoint, 1)
    (claim,) = delivering.claim_all()
    delivering._ended.append((claim, delivering.Outcome(200)))
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(delivering, "_judge", lambda *_: (_ for _ in ()).throw(RuntimeError))
        delivering.settle()
    assert Delivery.objects.get().state == "waiting"
    delivering.settle()
    assert Delivery.objects.get().state == "delivered"


def test_a_worker_tells_by_itself(receiver):
    """The whole of it: an execution through the worker's own loop, and its housekeeping."""
    workflow = make_workflow()
    listen(workflow.project, receiver, "execution.completed", "execution.failed", "flag.waiting")
    from executions.queue import submit
    from tests.cast import envelope, models_answer

    models_answer({"text": envelope({"kind": "refund"})})
    with working.working(DUTIES):
        execution = submit(workflow.live.version, workflow.live, {"message": "A refund"}, actor="test")
        until = time.monotonic() + 30
        while not Delivery.objects.filter(state="delivered").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
    (heard,) = receiver.heard
    assert (heard.verified, heard.payload["type"]) == (True, "execution.completed")
    assert heard.payload["data"]["execution"] == str(execution.pk)


def test_a_test_is_told_at_once(receiver):
    endpoint = listen(make_project(), receiver)
    delivery = try_out(endpoint, "alice")
    rounds()
    assert receiver.heard[0].payload["type"] == "endpoint.test"
    assert receiver.heard[0].payload["data"]["endpoint"] == str(endpoint.pk)
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    assert history.collect() == 0


def failing_for(endpoint, **ago):
    endpoint.failing_since = timezone.now() - timedelta(**ago)
    endpoint.save(update_fields=["failing_since"])


def test_who_takes_nothing_for_days_is_disabled_with_the_reason(receiver):
    receiver.answers = [Answer(500)]
    endpoint = listen(make_project(), receiver)
    failing_for(endpoint, days=5, minutes=1)
    waiting(endpoint, 1)
    rounds()
    endpoint.refresh_from_db()
    assert endpoint.enabled is False
    assert endpoint.disabled_because.startswith(f"It took nothing since {endpoint.failing_since:%Y-%m-%d}")
    assert endpoint.disabled_because.endswith("It answered 500.")
    delivering.give_up()
    assert Delivery.objects.get().state == "failed"
    endpoint.change("alice", enabled=True)
    assert (endpoint.disabled_because, endpoint.failing_since) == ("", None)


def test_until_then_it_is_asked_and_who_takes_something_is_well(receiver):
    receiver.answers = [Answer(500), Answer(200)]
    endpoint = listen(make_project(), receiver)
    failing_for(endpoint, days=4, hours=23)
    waiting(endpoint, 1)
    rounds()
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.failing_since is None) == (True, False)
    due_now()
    rounds()
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.failing_since) == (True, None)


def test_an_e_mail_is_not_disabled_because_its_server_is_away(settings):
    settings.EMAIL_CONFIGURED, settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = (
        True,
        "127.0.0.1",
        9,
        2,
    )
    endpoint = listen(make_project(), kind="email", address="support@example.com")
    failing_for(endpoint, days=9)
    waiting(endpoint, 1)
    rounds(lambda: Delivery.objects.exclude(error="").exists())
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_because) == (True, "")
