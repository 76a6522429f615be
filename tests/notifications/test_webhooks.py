"""From an execution to a receiver over HTTP, which knows the specification and not us."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from executions import control
from executions.models import Event, Execution, Flag
from executions.queue import submit
from notifications import delivering, history
from notifications.models import Cursor, Delivery, Endpoint, Type
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, models_answer
from tests.receiver import Answer, is_genuine
from workflows.models import Budget, Examined

from .conftest import due_now, listen, rounds

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = {"text": envelope({"kind": "refund"})}
UNCOVERED = {"text": envelope(status="uncovered", uncovered="Nothing fits.")}


@pytest.fixture
def workflow():
    models_answer(GOOD)
    return make_workflow()


def test_it_tells_that_an_execution_completed(workflow, receiver):
    listen(workflow.project, receiver)
    execution = execute(workflow)
    rounds()
    (heard,) = receiver.heard
    event = Event.objects.get(after="completed")
    assert heard.verified
    assert heard.payload == {
        "type": "execution.completed",
        "timestamp": event.at.isoformat().replace("+00:00", "Z"),
        "data": {
            "execution": str(execution.pk),
            "workflow": "refund",
            "version": "1.0.0",
            "purpose": "production",
            "simulated": True,
            "status": "completed",
            "resolved_by": "workflow",
            "url": f"http://127.0.0.1:8000/api/v1/executions/{execution.pk}",
        },
    }
    assert (heard.path, heard.headers["content-type"]) == ("/hooks", "application/json")
    delivery = Delivery.objects.get()
    assert (str(delivery.pk), delivery.state, delivery.attempts) == (heard.id, "delivered", 1)
    assert (delivery.response_code, delivery.error, delivery.event) == (200, "", event.pk)
    assert delivery.delivered_at is not None


def test_it_tells_of_failures_cancellations_and_flags(workflow, receiver):
    listen(workflow.project, receiver)
    models_answer({"error": "rejected"})
    failed = execute(workflow)
    models_answer(UNCOVERED)
    escalated = execute(workflow)
    cancelled = submit(workflow.live.version, workflow.live, {"message": "A refund"}, actor="test")
    control.cancel(cancelled, "alice")
    rounds()
    told = {one.payload["type"]: one.payload["data"] for one in receiver.heard}
    assert set(told) == {"execution.failed", "execution.cancelled", "flag.waiting"}
    assert told["execution.failed"]["execution"] == str(failed.pk)
    assert told["execution.failed"]["error"] == failed.error["code"]
    assert (told["execution.cancelled"]["status"], told["execution.cancelled"]["superseded_by"]) == ("cancelled", None)
    flag = Flag.objects.get()
    said = told["flag.waiting"]
    assert (said["flag"], said["execution"], said["reason"]) == (str(flag.pk), str(escalated.pk), "uncovered")
    assert (said["detector"], said["step"], said["status"]) == ("self_report", "classify", "escalated")
    assert said["url"].endswith(f"/api/v1/flags/{flag.pk}")


def test_no_text_of_an_execution_is_told(workflow, receiver):
    listen(workflow.project, receiver)
    models_answer({"text": envelope(status="uncovered", uncovered="A canary", rationale="A canary")})
    submit(workflow.live.version, workflow.live, {"message": "x"}, actor="test", metadata={"who": "A canary"})
    execute(workflow, "A canary asks for a refund")
    rounds()
    assert receiver.heard
    assert not any(b"canary" in one.body for one in receiver.heard)


@pytest.mark.parametrize(("cap", "told"), [(1, ["budget.parked"]), (10**12, ["execution.completed"])])
def test_it_tells_that_a_budget_parked_an_execution(workflow, receiver, cap, told):
    listen(workflow.project, receiver)
    Budget.objects.create(project=workflow.project, period="total", cap=cap, stated_by="alice")
    execution = execute(workflow)
    rounds()
    assert receiver.types == told
    if cap == 1:
        data = receiver.heard[0].payload["data"]
        assert (data["execution"], data["status"], data["waiting_for"]) == (str(execution.pk), "waiting", "budget")
        assert data["resume_at"] is None


def test_an_execution_that_goes_on_in_seconds_was_not_parked(workflow, receiver):
    """Only what is reserved for others was in its way."""
    listen(workflow.project, receiver)
    Budget.objects.create(project=workflow.project, period="total", cap=1, stated_by="alice")
    execution = execute(workflow)
    Execution.objects.filter(pk=execution.pk).update(resume_at=timezone.now() + timedelta(seconds=5))
    rounds()
    assert receiver.heard == []


def test_it_tells_an_endpoint_what_it_wants_to_hear_of_its_workflow_and_its_project(workflow, receiver):
    other = make_workflow(project=workflow.project, name="other")
    foreign = make_workflow(project=make_project("bob"))
    for events, of in [
        (["execution.completed"], None),
        (["execution.failed"], None),
        (["execution.completed"], other),
    ]:
        listen(workflow.project, None, *events, workflow=of)
    listen(foreign.project, None, "execution.failed")
    execute(workflow)
    execute(foreign)
    history.collect()
    (made,) = Delivery.objects.all()
    assert (made.endpoint.events, made.endpoint.workflow) == (["execution.completed"], None)


def test_it_tells_nothing_of_what_was_before_it(workflow):
    execute(workflow)
    listen(workflow.project)
    history.collect()
    assert not Delivery.objects.exists()
    execute(workflow)
    history.collect()
    assert Delivery.objects.count() == 1


def test_where_nobody_listens_nothing_is_read(workflow, django_assert_num_queries):
    execute(workflow)
    with django_assert_num_queries(1):
        history.collect()
    endpoint = listen(workflow.project)
    endpoint.change("alice", enabled=False)
    execute(workflow)
    history.collect()
    assert Cursor.objects.get().position is None
    with django_assert_num_queries(1):
        history.collect()


def test_who_is_enabled_again_is_told_of_what_comes_then(workflow):
    endpoint = listen(workflow.project)
    endpoint.change("alice", enabled=False)
    execute(workflow)
    history.collect()
    endpoint.change("alice", enabled=True)
    execute(workflow)
    history.collect()
    assert Delivery.objects.count() == 1


def test_an_execution_costs_no_statement_more_where_somebody_listens(workflow):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counted = []
    for _ in range(2):
        execute(workflow)
        with CaptureQueriesContext(connection) as queries:
            execute(workflow)
        counted.append(len(queries))
        listen(workflow.project)
    assert counted[0] == counted[1]


# Signatures.


def test_a_receiver_with_another_secret_refuses_it(workflow, receiver):
    listen(workflow.project, receiver)
    receiver.secret = "whsec_" + "A" * 32
    execute(workflow)
    rounds()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.response_code, delivery.error) == ("waiting", 401, "It answered 401.")


def test_both_secrets_sign_while_one_is_rotated(workflow, receiver):
    endpoint = listen(workflow.project, receiver)
    old = receiver.secret
    new = endpoint.rotate("alice").text
    execute(workflow)
    rounds()
    receiver.secret = new
    execute(workflow)
    rounds()
    assert [one.verified for one in receiver.heard] == [True, True]
    assert len(receiver.heard[0].headers["webhook-signature"].split(" ")) == 2
    assert old != new


def test_a_secret_that_was_rotated_away_at_once_signs_nothing(workflow, receiver):
    endpoint = listen(workflow.project, receiver)
    old, receiver.secret = receiver.secret, endpoint.rotate("alice", keep_hours=0).text
    execute(workflow)
    rounds()
    (heard,) = receiver.heard
    assert heard.verified
    assert not is_genuine(old, heard.headers, heard.body, heard.at)


def test_an_old_one_that_is_sent_again_by_a_stranger_is_told_by_its_time(workflow, receiver):
    listen(workflow.project, receiver)
    execute(workflow)
    rounds()
    (heard,) = receiver.heard
    assert is_genuine(receiver.secret, heard.headers, heard.body, heard.at + 299)
    assert not is_genuine(receiver.secret, heard.headers, heard.body, heard.at + 302)
    moved = {**heard.headers, "webhook-timestamp": str(int(heard.at) + 302)}
    assert not is_genuine(receiver.secret, moved, heard.body, heard.at + 302)


def test_a_process_with_another_secret_key_sends_nothing_unsigned(workflow, receiver, settings):
    listen(workflow.project, receiver)
    execute(workflow)
    settings.SECRET_KEY = "x" * 50
    rounds()
    assert receiver.heard == []
    assert "SECRET_KEY is not the one" in Delivery.objects.get().error


# What receivers do.


@pytest.mark.parametrize(
    ("answer", "code", "error"),
    [
        (500, 500, "It answered 500."),
        (404, 404, "It answered 404."),
        (Answer(302, {"Location": "/elsewhere"}), 302, "redirects are not followed"),
        (Answer(silent=True), None, "closed the connection"),
        (Answer(raw=b"SSH-2.0-OpenSSH_9.6\r\n"), None, "not HTTP"),
        (Answer(raw=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000), None, "not HTTP"),
        (Answer(delay=10), None, "did not answer within"),
    ],
)
def test_it_is_told_again_with_the_same_id_until_it_takes_it(workflow, receiver, monkeypatch, answer, code, error):
    monkeypatch.setattr("notifications.posting.TIMEOUT", 0.5)
    endpoint = listen(workflow.project, receiver)
    receiver.answers = [answer, 200]
    execute(workflow)
    rounds()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.response_code) == ("waiting", 1, code)
    assert error in delivery.error
    assert timedelta(seconds=4) < delivery.due_at - timezone.now() < timedelta(seconds=6)
    endpoint.refresh_from_db()
    assert endpoint.failing_since is not None
    due_now()
    rounds()
    delivery.refresh_from_db()
    endpoint.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.error, endpoint.failing_since) == ("delivered", 2, "", None)
    assert {one.id for one in receiver.heard} == {str(delivery.pk)}
    assert {one.path for one in receiver.heard} == {"/hooks"}
    assert len({one.body for one in receiver.heard}) == 1


@pytest.mark.parametrize("answer", [Answer(200, endless=True), Answer(204), Answer(201, body=b"taken")])
def test_a_status_of_2xx_is_enough(workflow, receiver, answer):
    listen(workflow.project, receiver)
    receiver.answers = [answer]
    execute(workflow)
    rounds()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.response_code) == ("delivered", answer.status)
    assert len(delivery.answer) <= delivering.ANSWER


def test_of_an_answer_its_beginning_is_kept_without_secrets(workflow, receiver):
    listen(workflow.project, receiver)
    said = "No.\x00 Your key sk-ant-" + "api03-" + "Ab3dEf6hIj9lMn2pQr5t is known. " + "é" * 5000
    receiver.answers = [Answer(500, body=said.encode())]
    execute(workflow)
    rounds()
    answer = Delivery.objects.get().answer
    assert answer.startswith("No. Your key [redacted:api-key] is known. é")
    assert len(answer) == 500


def test_who_answers_410_is_not_told_any_more(workflow, receiver):
    endpoint = listen(workflow.project, receiver)
    receiver.answers = [410]
    execute(workflow)
    execute(workflow)
    endpoint.failing_since = timezone.now()
    endpoint.save()  # one at a time
    rounds(until=lambda: not Endpoint.objects.get().enabled)
    delivering.give_up()
    endpoint.refresh_from_db()
    assert endpoint.disabled_because == "It answered 410 Gone."
    assert [one.state for one in Delivery.objects.all()] == ["failed", "failed"]
    assert len(receiver.heard) == 1
    assert Delivery.objects.filter(error="Its endpoint was disabled.").count() == 1


@pytest.mark.parametrize(("said", "least"), [("60", 59), ("999999999", 23 * 3600), ("soon", 4)])
def test_a_receiver_may_put_us_off_and_not_for_ever(workflow, receiver, said, least):
    listen(workflow.project, receiver)
    receiver.answers = [Answer(429, {"Retry-After": said})]
    execute(workflow)
    rounds()
    wait = (Delivery.objects.get().due_at - timezone.now()).total_seconds()
    assert least < wait < 25 * 3600


def test_it_is_tried_ten_times_in_three_days_and_then_failed(workflow, receiver):
    listen(workflow.project, receiver)
    receiver.answers = [500]
    execute(workflow)
    waits = []
    for _ in range(10):
        rounds()
        waits.append((Delivery.objects.get().due_at - timezone.now()).total_seconds())
        due_now()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, len(receiver.heard)) == ("failed", 10, 10)
    usual = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    for wait, least in zip(waits, usual, strict=False):
        assert least - 2 < wait < least * 1.1 + 1
    assert sum(usual) == 75 * 3600 + 35 * 60 + 5


def test_the_schedule_is_that_of_standard_webhooks():
    assert [delivering.pause(n) is None for n in (1, 9, 10, 11)] == [False, False, True, True]
    assert all(5 <= delivering.pause(1) <= 5.5 for _ in range(100))
    assert delivering.pause(1, 3600.0) == 3600.0


def test_what_was_delivered_or_failed_is_sent_again_when_a_person_asks(workflow, receiver):
    listen(workflow.project, receiver)
    execute(workflow)
    rounds()
    delivery = Delivery.objects.get()
    delivery.again("alice")
    rounds()
    assert [one.id for one in receiver.heard] == [str(delivery.pk)] * 2
    Delivery.objects.update(state="failed", attempts=10)
    receiver.answers = [500]
    delivery.again("alice")
    rounds()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("failed", 11)


def test_one_that_was_run_again_says_as_what(workflow, receiver):
    models_answer(UNCOVERED)
    old = execute(workflow)
    listen(workflow.project, receiver)
    listed = [str(Flag.objects.get().pk)]
    workflow.draft(Examined.of(REFUND, workflow.project), "1.1.0", listed, created_by="alice").publish("alice")
    rounds()
    [told] = [one.payload["data"] for one in receiver.heard]
    new = Execution.objects.get(rerun_of=old)
    assert (told["execution"], told["superseded_by"]) == (str(old.pk), str(new.pk))


def test_what_is_told_stays_small(workflow):
    listen(workflow.project)
    execute(workflow)
    history.collect()
    assert len(Delivery.objects.get().body) < 1000
    assert set(json.loads(Delivery.objects.get().body)) == {"type", "timestamp", "data"}
    assert set(Type.values) == {
        *("execution.completed", "execution.failed", "execution.cancelled"),
        *("flag.waiting", "budget.parked", "flags.overdue", "summary.due"),
    }
