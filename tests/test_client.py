"""The Python client: its README as it is read, on a real service; and what it does when the service does not answer well."""

import asyncio
import re
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import httpx2
import pytest
from workflow_memory import (
    AsyncClient,
    Client,
    Conflict,
    Denied,
    Execution,
    Invalid,
    NotFound,
    Unavailable,
    Unreachable,
)
from workflow_memory import client as module

from tests.servers import free_port
from tests.test_service import ROOT, environment, service

pytestmark = pytest.mark.xdist_group("client")  # one service

README = ROOT / "client" / "README.md"
BLOCK = re.compile(r"```(python|text)[^\n]*\n(.*?)```", re.DOTALL)
EXECUTION = {
    **{
        "id": "1",
        "workflow": "refund",
        "version": "1.0.0",
        "status": "completed",
        "output": 1,
        "resolved_by": "workflow",
    },
    **{"flags": [], "cost": "0.10", "error": None},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Of a running service: its address and a key."""
    folder, port = tmp_path_factory.mktemp("client"), free_port()
    with service(folder, PORT=str(port)):
        words = [sys.executable, "manage.py", "create_api_key", "--project", "shop"]
        made = subprocess.run(words, cwd=ROOT, env=environment(folder), capture_output=True, text=True, check=True)
        yield f"http://127.0.0.1:{port}", made.stdout.strip()


@pytest.fixture
def no_sleep(monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(module.time, "sleep", slept.append)
    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    return slept


def answering(*answers):
    """A client whose service gives these answers in turn, and what it was asked."""
    asked, left = [], list(answers)

    def answer(request):
        asked.append(request)
        said = left.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    return Client("wm_key", "http://service", transport=httpx2.MockTransport(answer)), asked


@pytest.mark.runs("client/README.md", "python")
@pytest.mark.runs("client/README.md", "text")
def test_the_readme_does_what_it_says(served):
    address, key = served
    told = BLOCK.findall(README.read_text(encoding="utf-8"))
    assert [kind for kind, _ in told] == ["python", "text", "python", "text"]
    env = {
        "PYTHONPATH": str(ROOT / "client" / "src"),
        "WORKFLOW_MEMORY_URL": address,
        "WORKFLOW_MEMORY_API_KEY": key,
        "PATH": "",
    }
    for (_, code), (_, said) in (told[:2], told[2:]):
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.stdout, done.stderr) == (said, "")


def test_errors_say_where_and_what(served):
    with Client(served[1], served[0]) as client:
        with pytest.raises(NotFound) as nothing:
            client.workflows.get("nothing/../here")
        with pytest.raises(Invalid) as invalid:
            client.workflows.create("wrong", {"title": "Wrong"})
        client.workflows.create("draft", "Say hello.")
        with pytest.raises(Conflict, match="has no published version"):
            client.workflows.execute("draft", {})
    assert nothing.value.status == 404
    assert {one["pointer"] for one in invalid.value.errors} >= {"/definition/steps", "/definition/purpose"}
    with Client("wm_wrong", served[0]) as stranger, pytest.raises(Denied):
        stranger.workflows.list()


def test_a_key_is_needed(monkeypatch):
    monkeypatch.delenv("WORKFLOW_MEMORY_API_KEY", raising=False)
    with pytest.raises(ValueError, match="An API key is needed"):
        Client()


def test_a_request_is_sent_again_with_the_same_key(no_sleep):
    client, asked = answering(
        httpx2.ConnectError("no"),
        httpx2.Response(503),
        httpx2.ReadTimeout("late"),
        httpx2.Response(202, json=EXECUTION),
    )
    execution = client.workflows.execute("refund", {"a": 1})
    assert (execution.cost, execution.has_ended) == (Decimal("0.10"), True)
    assert len({request.headers["Idempotency-Key"] for request in asked}) == 1
    assert [request.url.path for request in asked] == ["/api/v1/workflows/refund/executions"] * 4
    assert len(no_sleep) == 3


def test_it_waits_as_long_as_it_is_asked_to(no_sleep):
    client, _ = answering(httpx2.Response(429, headers={"Retry-After": "7"}), httpx2.Response(200, json=EXECUTION))
    client.executions.get("1")
    assert no_sleep == [7.0]


def test_what_is_wrong_is_sent_once():
    client, asked = answering(
        httpx2.Response(422, json={"detail": "No.", "errors": [{"pointer": "/input", "detail": "No."}]})
    )
    with pytest.raises(Invalid, match="422: /input: No"):
        client.workflows.execute("refund", {})
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx2.ConnectError("no"), Unreachable),
        (httpx2.Response(503, text="<html>busy</html>"), Unavailable),
    ],
)
def test_it_gives_up_after_five_attempts(no_sleep, answer, error):
    client, asked = answering(*[answer] * 5)
    with pytest.raises(error):
        client.executions.get("1")
    assert (len(asked), len(no_sleep)) == (5, 4)


def test_the_awaited_client_does_the_same(no_sleep):
    asked, left = [], [httpx2.ConnectError("no"), httpx2.Response(202, json=EXECUTION)]

    def answer(request):
        asked.append(request.headers["Idempotency-Key"])
        said = left.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    async def ask() -> Execution:
        async with AsyncClient("wm_key", "http://service", transport=httpx2.MockTransport(answer)) as client:
            return await client.workflows.execute("refund", {})

    assert asyncio.run(ask()).output == 1
    assert (len(asked), len(set(asked)), len(no_sleep)) == (2, 1, 1)


def test_it_waits_until_the_execution_has_ended(no_sleep):
    at_work = {**EXECUTION, "status": "running"}
    client, asked = answering(*(httpx2.Response(200, json=one) for one in (at_work, at_work, EXECUTION)))
    assert client.executions.wait("1").status == "completed"
    assert len(asked) == 3


HELLO = {
    "title": "Hello",
    "purpose": "Greet.",
    "input_schema": {"type": "object"},
    "steps": [{"id": "greet", "kind": "code", "code": "def run(input, steps):\n    return {'said': 'hello'}"}],
}


def test_it_says_whether_an_answer_was_right(served):
    with Client(served[1], served[0]) as client:
        client.workflows.create("judged", HELLO, publish=True)
        execution = client.workflows.execute("judged", {})
        said = client.executions.feedback(execution.id, False, output={"said": "good morning"}, note="Too short.")
        assert said.raw["feedback"]["output"] == {"said": "good morning"}
        assert client.executions.feedback(execution.id, True).raw["feedback"]["accepted"] is True
        assert [one.id for one in client.executions.list(workflow="judged", feedback="accepted").results] == [
            execution.id
        ]
        with pytest.raises(Invalid):
            client.executions.feedback(execution.id, True, output={"said": "hello"})


def test_it_reports_what_an_agent_executed_itself(served):
    call = {"model": "anthropic:claude-haiku-4-5", "input": 1_000, "output": 200, "at": datetime.now(UTC)}
    told = {"status": "completed", "executor": "my agent", "followed": True, "output": {"said": "hello"}}
    with Client(served[1], served[0]) as client:
        client.workflows.create("reported", HELLO, publish=True)
        execution = client.workflows.report("reported", {}, **told, model_calls=[call])
        assert (execution.status, execution.output, execution.cost) == (
            "completed",
            {"said": "hello"},
            Decimal("0.002"),
        )
        assert execution.raw["reported"]["executor"] == "my agent"
        assert client.costs.summary("reported").raw["reported"]["calls"] == 1
        assert [one.id for one in client.executions.list(purpose="reported").results] == [execution.id]
        with pytest.raises(ValueError, match="A time needs its offset"):
            client.workflows.report("reported", {}, **told, model_calls=[{**call, "at": datetime(2026, 11, 23)}])


def test_lists_come_by_pages(served):
    with Client(served[1], served[0]) as client:
        for number in range(3):
            client.workflows.create(f"paged-{number}", "Say hello.")
        first = client.workflows.list(limit=2)
        second = client.workflows.list(limit=2, cursor=first.next)
    assert [one.name for one in first.results] == ["paged-2", "paged-1"]
    assert second.results[0].name == "paged-0"
