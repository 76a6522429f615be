"""`/metrics`: what it says of work, workers and what went wrong, in Prometheus' format; and what it never says."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from config import urls
from executions import metrics, queue, states, store, worker
from executions.models import Execution, Flag, Status, Worker
from gateway.models import Call
from projects.models import IdempotencyKey
from tests.cast import envelope, execute, make_project, make_workflow, models_answer
from wire.ids import new_id
from wire.metrics import Remembered, exposition

pytestmark = pytest.mark.django_db


@pytest.fixture
def scrape(rf):
    """Every sample that a look of this moment finds: `{("name", values of its labels by their names…): value}`."""

    def now() -> dict[tuple[str, ...], float]:
        view = exposition(Remembered(metrics.work, 0), Remembered(metrics.history, 0))
        found = {}
        for family in text_string_to_metric_families(view(rf.get("/metrics")).content.decode()):
            for name, labels, value, *_ in family.samples:
                found[name.removeprefix("workflow_memory_"), *(labels[label] for label in sorted(labels))] = value
        return found

    return now


def submitted(workflow):
    return queue.submit(workflow.live.version, workflow.live, {"message": "A refund"}, actor="alice")


def test_everybody_who_reaches_the_port_reads_it_in_prometheus_format(client):
    answer = client.get("/metrics")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "# TYPE workflow_memory_executions gauge" in answer.content.decode()


@pytest.mark.parametrize(("header", "status"), [({}, 401), ({"Authorization": "Bearer wrong"}, 401)])
def test_with_a_token_only_who_brings_it_does(client, settings, header, status):
    settings.METRICS_TOKEN = "a token of the operator"
    answer = client.get("/metrics", headers=header)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (status, "Bearer")
    right = client.get("/metrics", headers={"Authorization": "Bearer a token of the operator"})
    assert right.status_code == 200


def test_work_is_counted_by_its_status_and_what_it_waits_for(scrape):
    models_answer({"text": envelope({"kind": "refund"})})
    workflow = make_workflow()
    first, second, _ = [submitted(workflow) for _ in range(3)]
    Execution.objects.filter(pk=first.pk).update(queued_at=timezone.now() - timedelta(minutes=5))
    Execution.objects.filter(pk=second.pk).update(status=Status.WAITING, waiting_for="provider")
    execute(workflow)
    found = scrape()
    assert found["executions", "queued", ""] == 2
    assert found["executions", "waiting", "provider"] == 1
    assert found["executions", "running", ""] == 0
    assert not [key for key in found if "completed" in key]  # that would be the whole history
    assert 300 <= found["oldest_queued_seconds",] < 330


def test_a_worker_says_what_it_holds_and_has_room_for(scrape, settings):
    settings.IN_FLIGHT = 7
    workflow = make_workflow()
    store.claim(submitted(workflow).pk, worker.current())
    Worker.objects.create(name="gone", ended_at=timezone.now())
    found, key = scrape(), (str(worker.current()),)
    assert found["workers",] == 1
    assert (found["worker_in_flight", *key], found["worker_room", *key]) == (1, 7)


def test_two_workers_of_one_name_are_two(scrape):
    """A container that was killed comes back under its name before its lease has ended."""
    Worker.objects.create(name="box:1")
    Worker.objects.create(name="box:1")
    assert len([key for key in scrape() if key[0] == "worker_room"]) == 2


def test_flags_that_wait_are_counted_by_reason(scrape):
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing covers this.")})
    execute(make_workflow())
    assert Flag.objects.get().reason == "uncovered"
    found = scrape()
    assert (found["flags_waiting", "uncovered"], found["executions", "escalated", ""]) == (1, 1)
    assert found["oldest_flag_seconds",] > 0


def test_a_takeover_says_whether_its_worker_died_or_gave_it_back_or_lives(scrape):
    workflow = make_workflow()
    died, given_back, dropped = (submitted(workflow) for _ in range(3))
    store.claim(dropped.pk, worker.current())  # and then its database was away
    assert store.claim(dropped.pk, worker.current())
    for execution in (died, given_back):
        lease = store.claim(execution.pk, Worker.objects.create(name="first", ended_at=timezone.now()).pk)
        if execution is given_back:
            store.release(lease, store.Journal())
        assert store.claim(execution.pk, worker.current())
    found = scrape()
    assert [found["takeovers_total", cause] for cause in ("died", "given_back", "dropped")] == [1, 1, 1]
    assert [Execution.objects.get(pk=one.pk).deaths for one in (died, given_back, dropped)] == [1, 0, 1]


def test_no_name_of_a_host_is_told(client):
    Worker.objects.create(name="canary-host:17")
    assert b"canary" not in client.get("/metrics").content


def test_what_ends_its_workers_is_counted_as_poisoned(scrape):
    execution = submitted(make_workflow())
    for _ in range(4):
        store.claim(execution.pk, Worker.objects.create(name="unlucky", ended_at=timezone.now()).pk)
    assert scrape()["failures_total", "poisoned"] == 1
    states.move(execution.pk, Status.FAILED, Status.QUEUED, actor="alice")
    assert scrape()["failures_total", "poisoned"] == 1  # a counter never goes back


def test_an_execution_that_is_put_off_is_counted_by_what_it_waits_for(scrape):
    lease = store.claim(submitted(make_workflow()).pk, worker.current())
    store.end(lease, store.Journal(), store.Deferred(60, "provider", "It is overloaded."))
    assert scrape()["deferrals_total", "provider"] == 1


def test_a_call_in_doubt_is_counted_at_what_it_can_have_cost(scrape):
    shared = {"project": 1, "purpose": "step", "attempt": 1, "provider": "anthropic", "model_planned": "a model"}
    for simulated, cost in ((False, 1_500_000_000_000), (False, 250_000_000_000), (True, 10**12), (False, None)):
        Call.objects.create(outcome="in_doubt", simulated=simulated, cost=cost, cost_state="upper_bound", **shared)
    Call.objects.create(outcome="ok", simulated=False, cost=10**12, cost_state="priced", **shared)
    found = scrape()
    assert (found["calls_in_doubt_total", "false"], found["calls_in_doubt_total", "true"]) == (3, 1)
    assert found["calls_in_doubt_usd_total", "false"] == Decimal("1.75")


def test_idempotency_keys_are_told_without_counting_them(scrape):
    project = make_project()
    for key in "abc":
        IdempotencyKey.objects.create(project=project, key=key, fingerprint="", result="")
    assert scrape()["idempotency_keys",] == 3


def test_no_name_of_a_project_and_no_text_is_told(client):
    models_answer({"text": envelope(status="uncovered", uncovered="canary")})
    project = make_project("canary")
    execute(make_workflow(project=project, name="canary-refund"), "A refund for the canary")
    assert b"canary" not in client.get("/metrics").content


def test_a_scrape_is_seven_queries_however_much_there_is():
    workflow = make_workflow()
    for _ in range(5):
        submitted(workflow)
        Worker.objects.create(name="one of many")
    with CaptureQueriesContext(connection) as asked:
        list(metrics.work())
        list(metrics.history())
    assert len(asked) == 7


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="this is PostgreSQL's plan")
def test_each_of_them_reads_an_index_that_holds_nothing_else():
    with CaptureQueriesContext(connection) as asked:
        list(metrics.work())
        list(metrics.history())
    # A history that waits for nobody: of an empty table every index costs the same.
    past = {"execution": submitted(make_workflow()), "reason": "uncovered", "detector": "self_report"}
    Flag.objects.bulk_create(Flag(**past, state="open", waiting=False, step=str(n)) for n in range(500))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE executions_flag")
        cursor.execute("SET LOCAL enable_seqscan = off")
        plans = []
        for query in asked.captured_queries:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
    indexes = ("execution_unfinished", "flag_waiting", "idempotency_key_age", "event_with_code", "call_in_doubt")
    for index in indexes:
        assert any(index in plan for plan in plans), (index, plans)


def test_whoever_asks_within_its_seconds_is_told_what_was_found():
    looks = []

    def look():
        looks.append(new_id())
        return [CounterMetricFamily("looks", "Looks.", value=len(looks))]

    remembered = Remembered(look, 60)
    assert [remembered.collect()[0].samples[0].value for _ in range(3)] == [1, 1, 1]


def test_without_a_database_it_says_so_and_is_asked_again(rf):
    def look():
        raise OperationalError("gone")

    view = exposition(Remembered(look, 60))
    for _ in range(2):
        with pytest.raises(OperationalError):
            view(rf.get("/metrics"))


def test_it_is_one_of_the_addresses():
    assert "metrics" in [str(one.pattern) for one in urls.urlpatterns]
