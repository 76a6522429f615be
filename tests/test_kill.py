"""The embedded process is killed with -9 in the middle of its work and started again: nothing is lost, no recorded call is
repeated, and the bill is still the provider's own log."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cast import REFUND, envelope
from tests.designs.designed import design_answer
from tests.messages_server import MessagesServer, Reply, message

ROOT = Path(__file__).parent.parent
MESSAGES = 24
KILLS = 3
OPUS_CALL = Decimal("0.006")  # 1,000 tokens at 4 and 100 at 20 USD per million
IN_FLIGHT = 4


def a_slow_model(request: dict) -> Reply:
    """Slow enough that a kill finds calls in flight. Its first design is none."""
    if request["system"][0]["text"].startswith("You design workflows"):
        again = "Your earlier answer does not hold" in request["messages"][0]["content"]
        said = message(design_answer() if again else "Hm.", usage={"input_tokens": 1000, "output_tokens": 100})
        return Reply({**said, "model": request["model"]}, delay=1.0)
    said = message(envelope({"kind": "refund"}), usage={"input_tokens": 1000, "output_tokens": 100})
    return Reply({**said, "model": request["model"]}, delay=0.05)


TWO_CALLS = {
    **REFUND,
    "steps": [*REFUND["steps"], {**REFUND["steps"][1], "id": "again", "instructions": "Is it really one?"}],
}


DESK = {
    "title": "Desk",
    "purpose": "Sort the post.",
    "input_schema": {"type": "object"},
    "steps": [
        {
            "id": "kinds",
            "kind": "workflow",
            "workflow": "refund",
            "for_each": "input['messages']",
            "arguments": {"message": "item"},
        }
    ],
}
DESKS, MESSAGES_EACH = 4, 6


class Service:
    """`make run` as a process of its own, with a database of its own."""

    def __init__(self, folder: Path, provider: MessagesServer) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{folder}/kill.sqlite3",
            "BROKER_URL": "",
            "PORT": str(self.port),
            "IN_FLIGHT": str(IN_FLIGHT),
            "ANTHROPIC_API_KEY": "a key",
            "ANTHROPIC_BASE_URL": provider.url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        self.process: subprocess.Popen | None = None
        self.key = ""

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True
        )
        for line in self.process.stdout:
            if "Workflow Memory is at" in line:
                return
        raise AssertionError("the service did not start")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def ask(self, method: str, path: str, body: object = None) -> dict:
        request = urllib.request.Request(
            path if path.startswith("http") else f"http://127.0.0.1:{self.port}/api/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        for _ in range(50):
            try:
                with urllib.request.urlopen(request, timeout=10) as response:
                    return json.load(response)
            except urllib.error.HTTPError:
                raise
            except OSError:
                time.sleep(0.1)  # announced a moment before it listens
        raise AssertionError("the service does not answer")

    def everything(self, path: str) -> list[dict]:
        found = self.ask("GET", path)
        rows = found["results"]
        while found["next"]:
            found = self.ask("GET", found["next"])
            rows += found["results"]
        return rows


@pytest.fixture
def provider():
    with MessagesServer(a_slow_model) as server:
        yield server


@pytest.fixture
def service(tmp_path, provider):
    service = Service(tmp_path, provider)
    service.command("migrate", "--verbosity", "0")
    service.key = service.command("create_api_key", "--project", "alice")
    service.start()
    yield service
    service.kill()


def test_a_killed_process_loses_nothing_and_repeats_no_recorded_call(service, provider):
    service.ask("POST", "workflows", {"name": "refund", "definition": TWO_CALLS, "publish": True})
    for number in range(MESSAGES):
        service.ask("POST", "workflows/refund/executions", {"input": {"message": f"A refund, number {number}"}})
    for kill in range(1, KILLS + 1):
        wait_for(lambda kill=kill: len(provider.exchanges) >= kill * 2 * MESSAGES // (KILLS + 1))
        service.kill()
        service.start()
    wait_for(lambda: all(row["status"] == "completed" for row in service.everything("executions?limit=10")))

    executions = service.everything("executions?limit=10")
    assert len(executions) == MESSAGES
    calls = [call for row in executions for call in service.everything(f"executions/{row['id']}/model-calls")]
    by_outcome = Counter(call["outcome"] for call in calls)
    assert set(by_outcome) <= {"ok", "in_doubt"}
    # Each step has one recorded answer, so none was asked for again once it was recorded.
    assert by_outcome["ok"] == 2 * MESSAGES
    # What was sent and not recorded is bounded by what was in flight, and every one of them is in doubt.
    unrecorded = len(provider.exchanges) - by_outcome["ok"]
    assert 0 <= unrecorded <= by_outcome["in_doubt"] <= KILLS * (IN_FLIGHT + 1)  # a tenth more, and one at least
    costs = service.ask("GET", "workflows/refund/costs")
    recorded = sum(Decimal(call["cost"]) for call in calls if call["outcome"] == "ok")
    assert Decimal(costs["execution_cost"]) == recorded == 2 * MESSAGES * Decimal("0.00015")
    doubted = sum(Decimal(call["cost"]) for call in calls if call["outcome"] == "in_doubt")
    assert Decimal(costs["in_doubt_cost"]) == doubted
    assert (costs["executions"], costs["completed"]) == (MESSAGES, MESSAGES)


def test_executions_that_call_others_lose_nothing_and_call_none_twice(service, provider):
    service.ask("POST", "workflows", {"name": "refund", "definition": REFUND, "publish": True})
    service.ask("POST", "workflows", {"name": "desk", "definition": DESK, "publish": True})
    for number in range(DESKS):
        messages = [f"A refund, number {number}-{each}" for each in range(MESSAGES_EACH)]
        service.ask("POST", "workflows/desk/executions", {"input": {"messages": messages}})
    for kill in range(1, KILLS + 1):
        wait_for(lambda kill=kill: len(provider.exchanges) >= kill * DESKS * MESSAGES_EACH // (KILLS + 1))
        service.kill()
        service.start()
    wait_for(lambda: all(row["status"] == "completed" for row in service.everything("executions?workflow=desk")))

    desks = service.everything("executions?workflow=desk")
    called = service.everything("executions?workflow=refund&limit=10")
    assert [len(row["output"]) for row in desks] == [MESSAGES_EACH] * DESKS
    assert len({row["input"]["message"] for row in called}) == len(called) == DESKS * MESSAGES_EACH
    assert Counter(row["caller"] for row in called) == {row["id"]: MESSAGES_EACH for row in desks}
    assert {row["status"] for row in called} == {"completed"}
    summary = service.ask("GET", "workflows/refund/costs")
    assert sum(Decimal(row["cost"]) for row in desks) == Decimal(summary["total_cost"])


def test_a_design_is_asked_again_where_its_call_is_in_doubt_and_nowhere_else(service, provider):
    body = {"name": "refund", "task": "Say of each message whether its writer asks for a refund, all day long."}
    design = service.ask("POST", "designs", {**body, "max_rounds": 3})
    for asked in (1, 3):  # the first call of either round: behind the first kill it is asked again, and answered
        wait_for(lambda asked=asked: len(provider.requests) >= asked)
        service.kill()
        service.start()
    wait_for(lambda: service.ask("GET", f"designs/{design['id']}")["status"] != "running")

    found = service.ask("GET", f"designs/{design['id']}")
    assert (found["status"], found["draft"], found["rounds"]) == ("completed", "1.0.0", 2)
    rounds = service.everything(f"designs/{design['id']}/rounds")
    assert sorted(len(one["model_calls"]) for one in rounds) == [2, 2]  # one in doubt, and one that was answered
    costs = service.ask("GET", "workflows/refund/costs")
    assert Decimal(costs["design_cost"]) == 2 * OPUS_CALL
    assert Decimal(costs["design_cost"]) + Decimal(costs["in_doubt_cost"]) == Decimal(found["spent"])
    assert service.ask("GET", "workflows/refund/cases?state=proposed")["results"]


def test_a_second_process_on_the_same_database_is_refused_with_a_sentence(service):
    second = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env={**service.environment, "PORT": "0"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert re.search(r"Another process executes for the database", second.stderr)


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "this took too long"
        time.sleep(0.02)
