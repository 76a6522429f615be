"""A provider under pressure and out of order, before a real worker: work is delayed, never failed or asked for too often; a
backlog of one project holds up nobody else. Waits that take half a minute in earnest are shortened."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from django.db import connection

from executions import queue, shares
from executions.models import Execution
from executions.working import working
from gateway import pressure, retry
from gateway.event_loop import wait_for
from gateway.models import Call, Intent, Limit
from gateway.providers.registry import register
from gateway.providers.scripted import ScriptedProvider
from gateway.types import ANSWERED
from projects.models import Project
from tests.cast import envelope, make_project, make_workflow, models_answer
from tests.gateway.sides import SIDES
from tests.messages_server import error
from tests.model_server import drip, hang_up, html
from workflows.models import Workflow

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("pressure"),  # they look at the clock: one at a time
]

ROOT = Path(__file__).parent.parent
GOOD = {"text": envelope({"kind": "refund"})}
USAGE = {"input_tokens": 100, "output_tokens": 20, "prompt_tokens": 100, "completion_tokens": 20}  # of either protocol
OPEN_FOR = 1.0
AT_ONCE = 4


class Model:
    """Answers, or does what it is told instead; knows when it was asked and how many asked at the same time."""

    def __init__(self, side):
        self.side = side
        self.instead, self.seconds = None, 0.0
        self.asked, self.inside, self.most = [], 0, 0
        self._lock = threading.Lock()

    def __call__(self, request):
        with self._lock:
            self.asked.append(time.monotonic())
            self.inside += 1
            self.most = max(self.most, self.inside)
        time.sleep(self.seconds)
        with self._lock:
            self.inside -= 1
        return self.instead or self.side.answer(envelope({"kind": "refund"}), usage=USAGE)


@pytest.fixture
def side(request):
    return SIDES[getattr(request, "param", "anthropic")]


both_sides = pytest.mark.parametrize("side", SIDES, indirect=True)


@pytest.fixture
def model(side):
    return Model(side)


@pytest.fixture
def server(side, model):
    with side.server(model) as server:
        yield server


@pytest.fixture
def provider(side, server):
    provider = side.provider("a key", server.url, connect_timeout=1, read_timeout=1)
    register(side.name, provider)
    yield provider
    wait_for(provider.close())


@pytest.fixture
def shortened(monkeypatch):
    monkeypatch.setattr(pressure, "OPEN_FOR", OPEN_FOR)
    monkeypatch.setattr(retry, "SHORTEST", 0.05)
    monkeypatch.setattr(retry, "LONGEST", 0.2)
    monkeypatch.setattr(retry, "LONG_WAIT", 2.5)


@pytest.fixture
def workflow(side):
    tiers = dict.fromkeys(("cheap", "standard", "frontier"), f"{side.name}:claude-haiku-5-5")
    return make_workflow(project=make_project(tiers=tiers))


def accept(workflow, number):
    inputs = [{"message": f"I want a refund, number {n}"} for n in range(number)]
    return queue.submit_batch(workflow.live.version, workflow.live, inputs, actor="test")


def wait_until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, list(Execution.objects.values_list("status", "waiting_for", "error")[:5])
        time.sleep(0.05)


def all_completed():
    return not Execution.objects.exclude(status="completed").exists()


def attempts():
    """Of the execution that asked most often."""
    asked = list(Intent.objects.values_list("execution", flat=True))
    return max(asked.count(each) for each in set(asked))


def refuse(side):
    """From now on nobody listens where it looks for its provider."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = side.provider("a key", f"http://127.0.0.1:{closed.getsockname()[1]}", connect_timeout=0.3)
    register(side.name, nobody)
    return nobody


FAULTS = {
    "429 without retry-after": error(429),
    "529": error(529),
    "500": error(500),
    "the connection is closed": hang_up(),
    "a slow drip": drip(0.1, "late"),
    "no key": error(401),
}


@both_sides
@pytest.mark.parametrize("fault", [*FAULTS, "a read timeout", "nobody listens"])
def test_an_outage_delays_and_is_asked_after_once_in_a_while(fault, side, model, provider, shortened, workflow):
    Limit.objects.create(provider=side.name, concurrent=AT_ONCE)
    model.instead, model.seconds = FAULTS.get(fault), 3.0 if fault == "a read timeout" else 0.0
    nobody = refuse(side) if fault == "nobody listens" else None
    accept(workflow, 20)
    with working():
        wait_until(lambda: Call.objects.count() >= 8)
        model.instead, model.seconds = None, 0.0
        register(side.name, provider)
        wait_until(all_completed)
    if nobody:
        wait_for(nobody.close())

    calls = list(Call.objects.order_by("intended_at"))
    failures = [call.intended_at for call in calls if call.outcome not in ANSWERED]
    before = failures[: 5 + AT_ONCE - 1]  # five in a row, and what was in flight by then
    probes = [call for call in failures if (call - before[4]).total_seconds() >= OPEN_FOR]
    assert len(failures) <= len(before) + len(probes)
    assert all((later - one).total_seconds() >= OPEN_FOR for one, later in pairwise(probes))
    assert len(calls) == 20 + len(failures)
    assert attempts() <= 5
    assert model.most <= AT_ONCE or fault == "a read timeout"  # it still works on what nobody waits for


@both_sides
def test_nobody_asks_before_the_time_that_the_provider_gave(side, model, server, provider, workflow):
    Limit.objects.create(provider=side.name, concurrent=1)
    server.inject(error(429, retry_after=3))
    accept(workflow, 8)
    with working():
        wait_until(lambda: len(server.exchanges) == 1)
        shut_at = time.monotonic()
        accept(workflow, 2)
        wait_until(all_completed)
    assert 2.9 <= min(model.asked) - shut_at < 6
    assert (len(model.asked), attempts()) == (10, 2)


@both_sides
def test_a_page_instead_of_an_answer_is_asked_for_once_more(model, server, provider, shortened, workflow):
    server.inject(html(), times=4)
    accept(workflow, 4)
    with working():
        wait_until(all_completed)
    assert sorted(Call.objects.values_list("outcome", flat=True)) == ["ok"] * 4 + ["protocol"] * 4


def test_a_limit_holds_and_is_used_to_the_full(model, provider, workflow):
    Limit.objects.create(provider="anthropic", model="claude-haiku-5-5", concurrent=AT_ONCE)
    model.seconds = 0.1
    accept(workflow, 100)
    with working():
        wait_until(all_completed)
    assert model.most == AT_ONCE
    assert model.asked[-1] - model.asked[0] < 15  # 2.5 s of calls, four at once
    assert Call.objects.count() == Intent.objects.count() == 100
    [gate] = [state for state in pressure.state() if state.provider == "anthropic"]
    assert (gate.state, gate.in_flight, gate.waiting) == ("open", 0, 0)


def test_tokens_in_a_minute_hold(model, provider, workflow):
    """6,000 a minute, and 120 a call: about a dozen pass until what is left may be too little for one more, then five in six
    seconds."""
    Limit.objects.create(provider="anthropic", tokens_per_minute=6000)
    shares.refresh()
    pressure._since["anthropic", ""] -= 60  # it has had its share for a minute
    accept(workflow, 80)
    with working():
        wait_until(lambda: len(model.asked) >= 10)
        time.sleep(4)
        asked = list(model.asked)
    assert 12 <= len(asked) <= 15 + (asked[-1] - asked[0]) * 5 / 6


@pytest.mark.skipif(connection.vendor == "sqlite", reason="the embedded database has one worker")
def test_two_workers_keep_to_one_limit(model, server, provider, workflow):
    Limit.objects.create(provider="anthropic", concurrent=AT_ONCE)
    model.seconds = 0.15
    with working():
        second = another_worker(server)
        try:
            wait_until(lambda: shares._place()[1] == 2)
            time.sleep(shares.ARRIVAL.total_seconds() + 2)
            accept(workflow, 100)
            wait_until(all_completed)
        finally:
            second.send_signal(signal.SIGTERM)
            second.wait(timeout=60)
            second.stdout.close()
    assert model.most == AT_ONCE
    by_worker = list(Intent.objects.values_list("worker", flat=True))
    assert len(by_worker) == 100
    assert len(set(by_worker)) == 2


def another_worker(server):
    database = connection.settings_dict
    where = f"{database['USER']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    own = {"DATABASE_URL": f"postgres://{where}", "ANTHROPIC_API_KEY": "a key", "ANTHROPIC_BASE_URL": server.url}
    command = [sys.executable, "manage.py", "run_worker"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **own}, stdout=subprocess.PIPE, text=True)
    assert "executes up to" in process.stdout.readline()
    return process


# A backlog.


def backlog(workflow: Workflow, number: int) -> None:
    """Accepted long ago, without a bell."""
    row = accept(workflow, 1)[0]
    names = [field.attname for field in row._meta.concrete_fields if not field.primary_key]
    values = {name: getattr(row, name) for name in names}
    Execution.objects.bulk_create([Execution(**values) for _ in range(number - 1)], batch_size=500)


def single(project: Project) -> Execution:
    return accept(make_workflow(project=project, name="single"), 1)[0]


def seconds_of(execution: Execution) -> float:
    began = time.monotonic()
    wait_until(lambda: Execution.objects.get(pk=execution.pk).status == "completed", 30)
    return time.monotonic() - began


def test_a_backlog_of_one_project_delays_another_by_little(settings):
    settings.IN_FLIGHT = 20
    models_answer({**GOOD, "latency_ms": 200})
    backlog(make_workflow(), 3000)
    with working():
        wait_until(lambda: Execution.objects.filter(status="completed").count() >= 20)
        assert seconds_of(single(make_project("bob"))) < 5
        assert Execution.objects.filter(status="queued").count() > 1000


def test_a_backlog_behind_a_shut_gate_is_left_alone_and_others_pass(settings):
    settings.IN_FLIGHT = 20
    models_answer({"model": "haiku", "error": "throttled", "retry_after": 90}, GOOD)
    backlog(make_workflow(), 1000)
    bob = make_project("bob", dict.fromkeys(("cheap", "standard", "frontier"), "scripted:claude-sonnet-5-5"))
    with working():
        wait_until(lambda: Execution.objects.filter(status="waiting").exists())
        assert seconds_of(single(bob)) < 5
        time.sleep(3)
    taken = Execution.objects.filter(project__name="alice", token__gt=0).count()
    assert 1 <= taken <= 40  # the first handful, and whatever was under way when the gate shut
    assert Call.objects.filter(project=Project.objects.get(name="alice").pk).count() <= 20


def test_hands_that_are_full_of_one_project_hold_up_no_other(settings):
    """Everything in hands waits for a model that does not answer; another project asks another one."""
    settings.IN_FLIGHT = 20
    answers = threading.Event()

    async def until_it_answers(_):
        while not answers.is_set():
            await asyncio.sleep(0.02)

    slow = {**GOOD, "model": "haiku", "latency_ms": 60_000}
    register("scripted", ScriptedProvider.from_answers([slow, GOOD], until_it_answers))
    backlog(make_workflow(), 100)
    bob = make_project("bob", dict.fromkeys(("cheap", "standard", "frontier"), "scripted:claude-sonnet-5-5"))
    with working():
        wait_until(lambda: Execution.objects.filter(status="running").count() == 20)
        assert seconds_of(single(bob)) < 5
        assert Execution.objects.filter(status="running").count() == 20
        answers.set()
