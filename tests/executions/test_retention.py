"""How long texts are kept: what goes, what stays, what never goes, and what a purged execution still says."""

import json
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from executions import queue, retention, states, store, worker
from executions.drivers import plain
from executions.models import Event, Execution, Flag, StepResult
from executions.run import Journal
from gateway.models import Call, Payload
from projects.models import ApiKey, Project
from tests.cast import REFUND, envelope, make_project, make_workflow, models_answer
from workflows.models import Version

pytestmark = pytest.mark.django_db

CANARY = "canary"
GOOD = {"text": envelope({"kind": "refund"}, rationale=CANARY)}
UNSURE = {"model": "haiku", "text": envelope({"kind": "refund"}, confidence=0.1, rationale=CANARY)}
UNCOVERED = {"text": envelope(status="uncovered", uncovered=CANARY)}
MESSAGE = f"A refund for the {CANARY}"


@pytest.fixture
def workflow():
    document = {**REFUND, "result": {"kind": "steps['classify']['kind']", "said": "input['message']"}}
    workflow = make_workflow(document)
    Project.objects.filter(pk=workflow.project_id).update(retention_days=30)
    return workflow


@pytest.fixture
def client(workflow):
    _, token = ApiKey.objects.issue(workflow.project, ["admin"])
    return Client(headers={"Authorization": f"Bearer {token}"})


def run(workflow, *answers, days_ago: float = 0.0, then=None) -> Execution:
    """An execution, so many days ago; `then` is what happened to it at the same time."""
    models_answer(*answers)
    with time_machine.travel(timezone.now() - timedelta(days=days_ago)):
        execution = queue.submit(
            workflow.live.version, workflow.live, {"message": MESSAGE}, actor="alice", metadata={"who": CANARY}
        )
        plain.advance(execution.pk, worker.current())
        if then:
            then(execution)
    execution.refresh_from_db()
    return execution


def fail(execution: Execution) -> None:
    error = {"code": "provider_rejected", "detail": CANARY}
    Execution.objects.filter(pk=execution.pk).update(status="failed", error=error)


def get(client, path, status=200):
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == status, answer.content
    return answer.json()


def texts() -> str:
    """All that may be a text of an execution, as the database has it."""
    tables = (Execution, StepResult, Flag, Event, Call, Payload)
    return str([list(table.objects.values()) for table in tables])


def test_what_ended_longer_ago_than_texts_are_kept_loses_them_all(workflow, client):
    execution = run(workflow, UNSURE, GOOD, days_ago=30.1)
    before = get(client, f"executions/{execution.pk}")
    assert texts().count(CANARY) > 8
    retention.purge_the_old()
    assert CANARY not in texts()
    after = get(client, f"executions/{execution.pk}")
    assert after.pop("purged_at")
    assert (after.pop("input"), after.pop("output"), after.pop("metadata")) == (None, None, {})
    assert after.pop("tracking") == {"followed": False, "unexpected": [], "update_suggested": True}
    assert [(flag["reason"], flag["explanation"]) for flag in after["flags"]] == [("low_confidence", None)]
    assert [(step["status"], step["output"], step["rationale"]) for step in after["steps"]] == [
        ("done", None, None),
        ("flagged", None, None),
        ("done", None, None),
    ]
    kept = (
        "cost",
        "tokens",
        "status",
        "resolved_by",
        "latency_ms",
        "created_at",
        "finished_at",
        "simulated",
        "redacted",
    )
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_what_is_left_are_hashes_money_counts_and_times(workflow, client):
    execution = run(workflow, GOOD, days_ago=31)
    calls, hashes = get(client, f"executions/{execution.pk}/model-calls"), list(Call.objects.values("request_hash"))
    retention.purge_the_old()
    assert get(client, f"executions/{execution.pk}/model-calls") == calls
    assert list(Call.objects.values("request_hash")) == hashes
    assert not Payload.objects.exists()
    event = Event.objects.get(kind="purged")
    assert (event.execution_id, event.actor, event.detail) == (execution.pk, "retention", "")


def test_what_is_younger_and_what_another_project_keeps_stays(workflow):
    young = run(workflow, GOOD, days_ago=29.9)
    keeps = run(make_workflow(project=make_project("bob")), GOOD, days_ago=1000)
    old = run(workflow, GOOD, days_ago=31)
    retention.purge_the_old()
    assert [one.pk for one in Execution.objects.filter(purged_at=None).order_by("pk")] == sorted([young.pk, keeps.pk])
    assert Execution.objects.get(pk=old.pk).input is None


def test_a_project_that_says_nothing_keeps_its_texts():
    assert make_project().retention_days is None


def test_what_waits_for_a_person_is_kept_however_long_it_waits(workflow, client):
    execution = run(workflow, UNCOVERED, days_ago=400)
    retention.purge_the_old()
    assert get(client, f"executions/{execution.pk}")["input"] == {"message": MESSAGE}
    # Even should it have ended meanwhile, in whatever way: the flag is not decided yet.
    Execution.objects.update(status="cancelled", finished_at=timezone.now() - timedelta(days=100))
    retention.purge_the_old()
    assert not Execution.objects.filter(purged_at__isnull=False).exists()


def test_a_flag_that_only_asks_for_review_does_not_keep_it(workflow):
    run(workflow, UNSURE, GOOD, days_ago=31)
    assert Flag.objects.get().state == "open"
    retention.purge_the_old()
    assert Flag.objects.get().explanation == ""


def test_of_a_failure_the_word_stays_and_the_sentence_goes(workflow, client):
    execution = run(workflow, GOOD, days_ago=31, then=fail)
    retention.purge_the_old()
    assert get(client, f"executions/{execution.pk}")["error"] == {"code": "provider_rejected", "detail": None}


@pytest.mark.parametrize("body", [{}, {"version": "1.0.0"}])
def test_what_is_purged_is_not_run_again(workflow, client, body):
    execution = run(workflow, GOOD, days_ago=31, then=fail)
    retention.purge_the_old()
    answer = client.post(
        f"/api/v1/executions/{execution.pk}/retries", json.dumps(body), content_type="application/json"
    )
    today = timezone.now().date()
    assert answer.status_code == 409
    assert (
        answer.json()["detail"]
        == f"The texts of this execution were deleted on {today}: there is no input to run again."
    )
    assert answer.json()["state"] == "failed"
    assert Execution.objects.get().status == "failed"
    assert not queue.requeue(execution.pk, "failed", "anybody")
    assert not states.move(execution.pk, "failed", "queued", actor="anybody")


def test_no_text_comes_back_to_what_is_purged(workflow, client):
    """A note on its flag, or the late answer of a worker that was thought dead."""
    run(workflow, UNSURE, GOOD, days_ago=31)
    retention.purge_the_old()
    flag = Flag.objects.get()

    def dismiss(**more):
        body = json.dumps({"resolution": "dismissed", **more})
        return client.post(f"/api/v1/flags/{flag.pk}/resolution", body, content_type="application/json").status_code

    assert (dismiss(note=CANARY), dismiss()) == (409, 200)
    paid = Call.objects.first()
    late = Call(**{name: getattr(paid, name) for name in Call.SHARED}, outcome="ok", cost=1)
    store.discard(Journal(calls=[(late, Payload(call=late, request={}, response=CANARY))]))
    assert Call.objects.filter(outcome="discarded").exists()
    assert CANARY not in texts()


def test_versions_are_never_purged(workflow):
    run(workflow, GOOD, days_ago=31)
    before = list(Version.objects.values())
    retention.purge_the_old()
    assert list(Version.objects.values()) == before


def test_a_batch_is_bounded_and_the_oldest_go_first(workflow, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    ages = (40, 60, 50)
    by_age = {age: run(workflow, GOOD, days_ago=age).pk for age in ages}
    assert retention.purge(workflow.project_id, timezone.now(), "alice") == 2
    assert Execution.objects.get(purged_at=None).pk == by_age[40]
    retention.purge_the_old()
    assert not Execution.objects.filter(purged_at=None).exists()


def test_finding_a_batch_reads_what_is_not_purged_and_no_history(workflow):
    with connection.cursor() as cursor:
        rows = Execution.objects.to_purge(workflow.project_id, timezone.now()).order_by("finished_at")[:5]
        query, values = rows.query.sql_with_params()
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {'' if connection.vendor == 'postgresql' else 'QUERY PLAN'} {query}", values)
        assert "execution_unpurged" in str(cursor.fetchall())


# Projects that keep no texts of calls.


@pytest.fixture
def private(workflow):
    workflow.project.store_payload = "none"
    workflow.project.save()
    return workflow


def test_a_prompt_is_never_written_and_an_answer_goes_with_the_end(private):
    execution = run(private, GOOD)
    payload = Payload.objects.get()
    assert (payload.request, payload.transient) == ({}, True)
    retention.forget_answers()
    assert not Payload.objects.exists()
    execution.refresh_from_db()
    assert (execution.output["kind"], execution.purged_at) == ("refund", None)
    assert len(Call.objects.get().request_hash) == 64


def test_while_a_crash_could_need_it_an_answer_is_there_and_nothing_is_paid_twice(private):
    """The worker ends between the cheap model's answer and the frontier's: the first is judged again, not asked again."""
    models_answer(UNSURE, GOOD)
    execution = queue.submit(private.live.version, private.live, {"message": MESSAGE}, actor="alice")
    lease = store.claim(execution.pk, worker.current())
    run_, paid = store.begin(lease), []
    crash_after_the_first_answer(lease, run_, paid)
    retention.forget_answers()
    assert Payload.objects.count() == 1
    Execution.objects.update(worker=None)
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    assert (execution.status, execution.resolved_by) == ("completed", "frontier")
    assert list(Call.objects.order_by("pk").values_list("purpose", flat=True)) == ["step", "escalation"]


def crash_after_the_first_answer(lease, run_, paid) -> None:
    from executions import engine, turns
    from executions.effects import AskModel, Evaluate, RunCode
    from gateway import gateway
    from gateway.event_loop import wait_for

    advance = engine.advance(run_)
    answer = None
    while len(paid) < 2:
        effect = advance.send(answer)
        if isinstance(effect, Evaluate | RunCode):
            answer = turns.compute(run_, effect)
        elif isinstance(effect, AskModel):
            paid.append(effect)
            if len(paid) == 1:
                store.checkpoint(lease, run_.journal, effect.intent)
                answer = gateway.settle(wait_for(gateway.send(effect.intent, effect.request)))
    store.checkpoint(lease, run_.journal)  # the second call never leaves


@pytest.mark.parametrize(("days", "left"), [(0.9, 1), (1.1, 0)])
def test_what_failed_keeps_its_answers_for_a_day_so_that_a_retry_pays_none_again(private, days, left):
    run(private, GOOD, days_ago=days, then=fail)
    retention.forget_answers()
    assert Payload.objects.count() == left


def test_what_is_kept_whole_is_not_forgotten(workflow):
    run(workflow, GOOD, days_ago=10)
    retention.forget_answers()
    payload = Payload.objects.get()
    assert (payload.transient, MESSAGE in payload.request["user"]) == (None, True)


# The command.


def purge(*words) -> str:
    said = StringIO()
    call_command("purge", *words, stdout=said)
    return said.getvalue().strip()


def test_the_command_deletes_what_ended_before_a_day(workflow):
    old, young = run(workflow, GOOD, days_ago=3), run(workflow, GOOD)
    today = str(timezone.now().date())
    would = purge("--project", "alice", "--before", today, "--dry-run")
    assert would == f"It would delete the texts of 1 execution of alice that ended before {today} 00:00 UTC."
    assert not Execution.objects.filter(purged_at__isnull=False).exists()
    assert purge("--project", "alice", "--before", today).startswith("Deleted the texts of 1 execution of alice")
    assert [one.pk for one in Execution.objects.filter(purged_at__isnull=False)] == [old.pk]
    assert Event.objects.get(kind="purged").actor == "command:purge"
    said = json.loads(purge("--project", "alice", "--before", today, "--json"))
    assert said == {"project": "alice", "before": f"{today}T00:00:00+00:00", "executions": 0, "dry_run": False}
    young.refresh_from_db()
    assert young.input == {"message": MESSAGE}


def test_without_a_day_it_keeps_to_the_projects_retention(workflow):
    run(workflow, GOOD, days_ago=31)
    run(workflow, GOOD, days_ago=29)
    assert purge("--project", "alice").startswith("Deleted the texts of 1 execution ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--project", "nobody"), "There is no project 'nobody'."),
        (("--project", "alice", "--before", "soon"), "--before soon: write a day such as 2026-11-01."),
        (("--project", "bob"), "bob keeps its texts; say --before DATE"),
    ],
)
def test_what_it_cannot_do_it_says_in_a_sentence(workflow, words, sentence):
    make_project("bob")
    with pytest.raises(CommandError, match=sentence):
        purge(*words)


# What people see.


@pytest.fixture
def reviewer():
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("rosa", password="a long password"))
    return client


def test_pages_of_a_purged_execution_say_that_its_texts_were_deleted(workflow, reviewer):
    execution = run(workflow, UNSURE, GOOD, days_ago=31)
    retention.purge_the_old()
    flag, call = Flag.objects.get(), Call.objects.first()
    said = f"Deleted on {timezone.now():%-d %B %Y}: its project keeps texts for a limited time."
    pages = {
        f"executions/execution/{execution.pk}/change/": (said, 6),  # input, output, flag, three steps
        f"executions/flag/{flag.pk}/change/": (said, 2),
        f"queue/{flag.pk}/": (said, 1),
        "executions/flag/": (said, 1),
        f"gateway/call/{call.pk}/change/": ("Not there: it was never kept, or it was deleted", 2),
    }
    for path, (sentence, times) in pages.items():
        answer = reviewer.get(f"/admin/{path}")
        assert (answer.status_code, answer.content.decode().count(sentence)) == (200, times), path
        assert CANARY not in answer.content.decode().replace("canary-", "")


def test_an_execution_that_is_not_purged_shows_its_texts(workflow, reviewer):
    execution = run(workflow, UNSURE, GOOD)
    shown = reviewer.get(f"/admin/executions/execution/{execution.pk}/change/").content.decode()
    assert MESSAGE in shown
    assert "Deleted on" not in shown


def test_an_execution_of_before_the_upgrade_says_nothing_of_what_was_taken_out(workflow, client):
    execution = run(workflow, GOOD)
    Execution.objects.update(redacted=None)
    assert get(client, f"executions/{execution.pk}")["redacted"] is None
