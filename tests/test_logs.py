"""The log: JSON or lines, in ids alone. Whatever goes through the service, none of its texts and secrets come out here."""

import json
import logging
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.cast import REFUND, envelope
from tests.messages_server import MessagesServer, Reply, message
from tests.servers import free_port
from wire.ids import new_id
from wire.logs import Discreet, about, formatter

ROOT = Path(__file__).parent.parent
CANARY = "canary"


@pytest.fixture
def logger():
    """A logger, and what it writes."""
    written = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Kept()
    handler.addFilter(Discreet())
    logger = logging.getLogger("executions.test")
    logger.addHandler(handler)
    logger.setLevel("DEBUG")
    logger.propagate = False
    yield logger, handler, written
    logger.removeHandler(handler)
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


def test_json_is_an_object_per_line_with_the_ids_it_is_about(logger):
    logger, handler, written = logger
    handler.setFormatter(formatter("json", messages=False))
    with about(execution="e1", worker="w1"), about(step="classify"):
        logger.warning("given back: %s", "it is full")
    logger.info("nothing more")
    first, second = map(json.loads, written)
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "given back: it is full",
        "level": "warning",
        "logger": "executions.test",
        "execution": "e1",
        "worker": "w1",
        "step": "classify",
    }
    assert "execution" not in second


def test_a_line_is_one_for_a_person(logger):
    logger, handler, written = logger
    handler.setFormatter(formatter("line", messages=False))
    with about(execution="e1"):
        logger.warning("given back")
    assert written[0].partition(" ")[2] == "WARNING executions.test given back execution=e1"


def test_an_exception_is_its_frames_and_types_and_none_of_its_words(logger):
    logger, handler, written = logger
    handler.setFormatter(formatter("json", messages=False))
    try:
        try:
            json.loads(CANARY)
        except ValueError as error:
            raise KeyError(f"the {CANARY}") from error
    except KeyError:
        logger.exception("it broke")
    (said,) = map(json.loads, written)
    assert said["exception"].endswith("json.decoder.JSONDecodeError")
    assert "builtins.KeyError\ncaused by\n" in said["exception"]
    assert 'raise KeyError(f"the {CANARY}")' in said["exception"]  # the code, as it is written
    assert f"the {CANARY}" not in said["exception"].replace('f"the {CANARY}"', "")


def test_for_who_develops_it_says_the_words_too(logger):
    logger, handler, written = logger
    handler.setFormatter(formatter("line", messages=True))
    try:
        raise KeyError("the key")
    except KeyError:
        logger.exception("it broke")
    assert written[0].endswith("builtins.KeyError: 'the key'")


@pytest.mark.parametrize(("name", "passes"), [("anthropic._base_client", False), ("executions.turns", True)])
def test_at_debug_only_our_own_house_speaks(name, passes):
    record = logging.LogRecord(name, logging.DEBUG, "", 0, "Request options: …", (), None)
    assert Discreet().filter(record) is passes
    record.levelno = logging.WARNING
    assert Discreet().filter(record) is True


@pytest.mark.django_db
def test_a_request_has_an_id_and_a_line(client, caplog):
    caplog.set_level("INFO", logger="wire.access")
    answer = client.get("/api/v1/workflows/canary", headers={"X-Request-ID": "proxy-17:3"})
    assert answer["X-Request-ID"] == "proxy-17:3"
    (record,) = caplog.records
    assert (record.method, record.route, record.status) == ("GET", "api/v1/workflows/<str:name>", 401)
    assert isinstance(record.ms, int)


@pytest.mark.django_db
@pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", 'a"b', "a\x1b[31m", "ключ"])
def test_an_id_that_is_not_fit_for_a_log_is_replaced(client, given):
    answer = client.get("/healthz", headers={} if given is None else {"X-Request-ID": given})
    assert len(answer["X-Request-ID"]) == len(str(new_id()))
    assert answer["X-Request-ID"] != given


@pytest.mark.django_db
def test_a_method_that_nobody_knows_does_not_stand_in_the_log(client, caplog):
    caplog.set_level("INFO", logger="wire.access")
    client.generic("CANARY", "/healthz")
    assert caplog.records[0].method == "another"


@pytest.mark.django_db
def test_a_request_that_breaks_is_named_by_its_route(client, logger, monkeypatch):
    logger, handler, written = logger
    handler.setFormatter(formatter("json", messages=False))
    django = logging.getLogger("django.request")
    django.addHandler(handler)
    client.raise_request_exception = False
    monkeypatch.setattr("executions.health.bell.waiting", lambda: 1 / 0)
    assert client.get("/readyz").status_code == 503
    django.removeHandler(handler)
    assert json.loads(written[-1])["event"] == "Service Unavailable: readyz"


def a_model_that_tells(request: dict) -> Reply:
    said = message(envelope({"kind": "refund"}, rationale=CANARY), usage={"input_tokens": 10, "output_tokens": 10})
    if "again" in json.dumps(request["messages"]):
        return Reply({"type": "error", "error": {"type": "invalid_request_error", "message": CANARY}}, status=400)
    return Reply({**said, "model": request["model"]})


BREAKING = {
    "id": "look_up",
    "kind": "tool",
    "tool": "shop.broken",
    "arguments": {"text": "input['message']"},
    "otherwise": None,
}
TOOLS = """
from projects.tools import tool

SCHEMA = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}

@tool("shop.broken", description="Breaks.", input_schema=SCHEMA)
def broken(text: str) -> dict:
    raise ValueError(text)
"""


@pytest.fixture
def service(tmp_path):
    """`make run` with the chattiest log there is, and what it wrote to it."""
    (tmp_path / "broken_tools.py").write_text(TOOLS)
    port = free_port()
    with MessagesServer(a_model_that_tells) as provider, (tmp_path / "log").open("w") as log:
        environment = {
            **os.environ,
            **{"DATABASE_URL": f"sqlite:///{tmp_path}/logs.sqlite3", "BROKER_URL": "", "PORT": str(port)},
            **{"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", "TOOL_MODULES": "broken_tools", "PYTHONPATH": str(tmp_path)},
            **{"ANTHROPIC_API_KEY": f"sk-{CANARY}", "ANTHROPIC_BASE_URL": provider.url},
        }

        def command(*words: str) -> str:
            line = [sys.executable, "manage.py", *words]
            done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
            return done.stdout.strip()

        key = command("create_api_key", "--project", f"{CANARY}-project")
        command("register_tool", "shop.broken", "--project", f"{CANARY}-project")
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert any("Workflow Memory is at" in line for line in process.stdout)
        yield f"http://127.0.0.1:{port}/api/v1", key, tmp_path / "log"
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


def ask(address: str, key: str, body: dict | None = None) -> dict:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    headers["Idempotency-Key"] = f"{CANARY}-{new_id()}"
    request = urllib.request.Request(address, json.dumps(body).encode() if body else None, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)
    except urllib.error.HTTPError as refused:
        return json.load(refused)


def test_nothing_that_goes_through_comes_out_in_the_log(service):
    api, key, log = service
    definition = {**REFUND, "steps": [REFUND["steps"][0], BREAKING, *REFUND["steps"][1:]]}
    ask(f"{api}/workflows", key, {"name": f"{CANARY}-refund", "definition": definition, "publish": True})
    ids = []
    for text in (f"A refund for the {CANARY}", f"A refund again for the {CANARY}"):
        ids.append(ask(f"{api}/workflows/{CANARY}-refund/executions", key, {"input": {"message": text}})["id"])
        until = time.monotonic() + 30
        while ask(f"{api}/executions/{ids[-1]}", key)["status"] in ("queued", "running"):
            assert time.monotonic() < until
            time.sleep(0.1)
    assert ask(f"{api}/executions", f"wm_{CANARY}_{key}")["status"] == 401

    written = log.read_text()
    lines = [json.loads(line) for line in written.splitlines()]
    raised = [line for line in lines if line["event"] == "the tool shop.broken raised"]
    assert [line["execution"] for line in raised] == ids
    assert raised[0]["exception"].endswith("builtins.ValueError")
    routes = {(line.get("method"), line.get("route"), line.get("status")) for line in lines}
    assert ("POST", "api/v1/workflows/<str:name>/executions", 202) in routes
    assert {"wire.access", "projects.tools"} < {line["logger"] for line in lines}
    assert key not in written
    assert CANARY not in written.replace("canary.tool", "").replace("broken_tools.py", "")
