"""Secrets never come back out. Canaries go in wherever somebody could put one: the environment, inputs, metadata, models'
answers, a provider's complaint, a tool's exception, notes, a design context. Then everything that can be read is read: each
address of the API, each page of the admin, metrics, error pages, the log at its chattiest, the broker's messages and every
row of every table."""

import ipaddress
import json
import logging
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from queue import Empty
from uuid import UUID

import pytest
from celery import current_app
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.urls import URLPattern
from django.utils import timezone

from designs import grouping
from designs.models import Design, Group
from evaluations.models import Case, Evaluation, Replay, TierSearch
from executions import worker
from executions.drivers import plain
from executions.models import Execution, Flag
from gateway.event_loop import wait_for
from gateway.providers.anthropic import AnthropicProvider
from gateway.providers.registry import register
from notifications import delivering, history
from notifications.models import Delivery, Endpoint, Type
from projects.models import ApiKey, Tool
from projects.tools import ToolError, tool
from reports.models import Digest
from shadows.models import Plan, Shadow
from tests.cast import REFUND, envelope, make_project, make_workflow
from tests.evaluations.evaluated import complete
from tests.messages_server import MessagesServer, error
from tests.neighbours import CALLS
from tests.receiver import Answer, Receiver
from tests.secrets import LETTERS, SECRETS
from tests.shadows.shadowed import plan, shadow, with_prompt
from wire import redaction
from wire.ids import new_id
from wire.logs import Discreet, formatter

REAL = {
    "cheap": "anthropic:claude-haiku-4-5",
    "standard": "anthropic:claude-sonnet-4-5",
    "frontier": "anthropic:claude-opus-4-5",
}
# What this process was given, of no form that could be told by itself.
OF_THE_ENVIRONMENT = {
    "ANTHROPIC_API_KEY": "canary of the provider",
    "METRICS_TOKEN": "canary-of-the-metrics",
    "DATABASE_PASSWORD": "canary of the database",
}
FIELD = "canary-of-a-field"
OF_A_FORM = [secret for _, secret, _ in SECRETS]
# What would give one of them away: the whole secret, or what an address or a header keeps behind its first words.
CANARIES = [*OF_THE_ENVIRONMENT.values(), FIELD, *OF_A_FORM, LETTERS[:20], "hunter2", "cm9zYTpodW50ZXIy"]
EVERYTHING = " | ".join([*OF_A_FORM, *OF_THE_ENVIRONMENT.values()])
# What a provider complains with; one that quotes the request, or the key, is not kept at all.
COMPLAINT = " | ".join([OF_A_FORM[0], "https://rosa:hunter2@db", "4111 1111 1111 1111", "canary-of-the-metrics"])

SCHEMA = {"type": "object", "properties": {"how": {"type": "string"}}}


@tool("canary.tells", description="Tells what it should not.", input_schema=SCHEMA)
def tells(how: str) -> dict:
    if "exception" in how:
        raise ValueError(EVERYTHING)
    if "complaint" in how:
        raise ToolError(EVERYTHING)
    if "refuse" in how:
        return {}
    return {"said": EVERYTHING, "pin": FIELD}


DEFINITION = {
    **REFUND,
    "input_schema": {"type": "object"},
    "steps": [
        {"id": "tell", "kind": "tool", "tool": "canary.tells", "arguments": {"how": "input['message']"}},
        {**REFUND["steps"][1], "prompt": "{{ input.message }} {{ steps.tell | tojson }}", "checks": []},
    ],
}


def a_model(request: dict) -> object:
    asked = request["messages"][0]["content"]
    if "refuse" in asked:
        return error(400, COMPLAINT)
    if "moon" in asked:
        return envelope(status="uncovered", uncovered=f"The moon. {EVERYTHING}", rationale=EVERYTHING)
    return envelope({"kind": "refund"}, rationale=EVERYTHING)


class Written(logging.Handler):
    """The log as `make run` writes it, at its chattiest, in both forms, and with the words of exceptions too."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.addFilter(Discreet())
        self.forms = [formatter(form, messages) for form in ("json", "line") for messages in (False, True)]
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [form.format(record) for form in self.forms]


@pytest.fixture
def log() -> Iterator[Written]:
    root, handler = logging.getLogger(), Written()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.fixture
def provider(monkeypatch, settings):
    for name, value in OF_THE_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    settings.OWN_SECRETS = tuple(OF_THE_ENVIRONMENT.values())
    settings.METRICS_TOKEN = OF_THE_ENVIRONMENT["METRICS_TOKEN"]
    with MessagesServer(a_model) as server:
        models = AnthropicProvider(base_url=server.url)
        register("anthropic", models)
        yield server
        wait_for(models.close())
    key = OF_THE_ENVIRONMENT["ANTHROPIC_API_KEY"]
    assert all(key in str(exchange.headers.values()) for exchange in server.exchanges)  # the provider has it


class House:
    """Alice's project, in which all of it happened; `token` is the key that she has, `signing` what her webhooks are signed
    with. Their receiver answers what it should not, and knows the latter."""

    def __init__(self) -> None:
        project = make_project("alice", tiers=REAL)
        project.redacted_patterns, project.redacted_fields = {"iban": True}, ["pin"]
        project.save()
        self.workflow = make_workflow(DEFINITION, project=project, tools=("canary.tells",))
        _, self.token = ApiKey.objects.issue(project, ["admin"])
        self.signing: list[str] = []
        headers = {"Authorization": f"Bearer {self.token}"}
        self.client = Client(headers=headers, raise_request_exception=False)

    @property
    def secrets(self) -> list[str]:
        return [self.token, *(one.removeprefix("whsec_") for one in self.signing)]

    def is_told(self, receiver: Receiver) -> None:
        new = {"kind": "webhook", "address": receiver.url, "events": Type.values}
        made = self.post("endpoints", new)
        rotated = self.post(f"endpoints/{made['id']}/secret", {})
        self.signing = [made["secret"], rotated["secret"]]
        receiver.answers = [Answer(500, body=f"{self.signing} {one}".encode()) for one in (*OF_A_FORM[:-2], EVERYTHING)]
        self.post("endpoints", {**new, "address": f"https://hooks.example/{OF_A_FORM[0]}"}, 422)

    def tell(self) -> None:
        history.collect()
        for _ in range(200):
            Delivery.objects.update(due_at="2026-01-01T00:00:00Z")
            delivering.deliver()
            while delivering._in_flight:
                time.sleep(0.01)
            if not Delivery.objects.filter(attempts__lt=5).exists():
                break
        delivering.settle()

    def live(self) -> None:
        context = {"why": EVERYTHING, EVERYTHING: [EVERYTHING], "pin": FIELD}
        body = {"definition": DEFINITION, "version": "7.7.7", "design_context": context, "changelog": EVERYTHING}
        self.post("workflows/refund/versions", {**body, "designed_by": f"ghp_{LETTERS}", "publish": True})
        self.workflow.refresh_from_db()
        self.post("workflows/refund/versions", {**body, "definition": {**DEFINITION, "title": EVERYTHING}}, 422)
        self.client.put("/api/v1/budgets", {"period": "total", "cap": "5.00"}, "application/json")
        for message in ("complete", "exception", "complaint", "refuse", "moon", "moon"):
            self.execute(message)
        given = {"inputs": [{"message": EVERYTHING}] * 2, "metadata": {"pin": FIELD}}
        self.post("workflows/refund/executions/batch", given, 202)
        flag = Flag.objects.filter(reason="uncovered", detector="self_report").first()
        note = {"note": EVERYTHING, "output": {"kind": EVERYTHING, "pin": FIELD}}
        self.group(note)
        self.post(f"flags/{flag.pk}/resolution", {"resolution": "answered", **note}, 200)
        self.prove()

    def group(self, note: dict) -> None:
        grouping.gather()
        group = Group.objects.filter(reason="check_failed").first() or Group.objects.latest("pk")
        body = {"resolution": "answered", **note, "output": {"wrong": EVERYTHING}}
        self.post(f"groups/{group.pk}/resolution", body, 422)
        self.post(f"groups/{group.pk}/resolution", {"resolution": "redesign", "note": EVERYTHING}, 200)
        assert self.client.delete(f"/api/v1/groups/{group.pk}/resolution").status_code == 200

    def prove(self) -> None:
        """Cases that hold what they should not, and what came of them."""
        told = {"input": {"message": f"complete: {EVERYTHING}", "pin": FIELD}, "expected": {"kind": EVERYTHING}}
        told |= {"note": EVERYTHING, "answers": {"tell": {"said": EVERYTHING, "pin": FIELD}}}
        self.post("workflows/refund/cases", {"kind": "covered", **told})
        graders = {"graders": [{"grade": "schema", "schema": {"title": EVERYTHING, "type": "null"}}]}
        assert self.client.put("/api/v1/workflows/refund/gate", graders, "application/json").status_code == 200
        begun = self.post("workflows/refund/evaluations", {"against": "nothing"})
        assert complete(Evaluation.objects.get(pk=begun["id"])).results.get().said
        self.post("workflows/refund/tier-searches", {})
        self.post("designs", {"name": "anew", "task": f"Say what is asked for. {EVERYTHING}", "examples": [told]}, 422)
        examples = [{"input": told["input"], "output": told["expected"]}]
        self.post("designs", {"name": "anew", "task": f"Say what is asked for. {EVERYTHING}", "examples": examples})
        replayed = self.post("workflows/refund/replays", {"flagged": True})
        complete(Replay.objects.get(pk=replayed["id"]))
        self.shadows()

    def shadows(self) -> None:
        """Of both subjects, of what has completed: a model's answer holds what it should not."""
        past = Execution.objects.production().filter(status="completed")
        at = timezone.now() - timedelta(minutes=1)
        past.update(created_at=at, started_at=at, finished_at=at)
        with_prompt(self.workflow, self.workflow.live.tier_map["cheap"], prompt="Say what is asked for.")
        plan(self.workflow)
        assert {one.status for one in shadow(self.workflow)} <= {"completed", "failed"}
        Plan.objects.update(subject="task", looked_until=None, looked_id=None)
        assert len(shadow(self.workflow)) == 2 * past.count()

    def execute(self, message: str) -> None:
        given = {"message": f"{message}: {EVERYTHING}", "pin": FIELD, "cards": [4111111111111111], EVERYTHING: 1}
        given = {"message": message} if message == "refuse" else given
        body = {"input": given, "metadata": {"pin": FIELD, "by": EVERYTHING}}
        made = self.post("workflows/refund/executions", body, 202)
        plain.advance(UUID(made["id"]), worker.current())

    def post(self, path: str, body: dict, status: int = 201) -> dict:
        answer = self.client.post(
            f"/api/v1/{path}", json.dumps(body), "application/json", headers={"Idempotency-Key": str(new_id())}
        )
        assert answer.status_code == status, answer.content.decode()[:500]
        return answer.json()


@pytest.fixture
def house(db, log, provider, settings, django_capture_on_commit_callbacks):
    empty_broker()
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    found = House()
    with django_capture_on_commit_callbacks(execute=True), Receiver() as receiver:
        found.is_told(receiver)
        found.live()
        found.tell()
    assert Delivery.objects.exclude(answer="").exists()
    return found


def assert_nothing_in(text: str, where: str, *also: str) -> None:
    found = [canary for canary in (*CANARIES, *also) if canary in text]
    assert not found, f"{where} tells {found}"


# What can be read.


def addresses(house: House) -> Iterator[str]:
    """Every GET of the API, of each execution and flag that there is."""
    ids = {
        "execution_id": list(Execution.objects.values_list("pk", flat=True)),
        "flag_id": list(Flag.objects.values_list("pk", flat=True)),
        "group_id": list(Group.objects.values_list("pk", flat=True)),
        "case_id": list(Case.objects.values_list("pk", flat=True)),
        "evaluation_id": list(Evaluation.objects.values_list("pk", flat=True)),
        "replay_id": list(Replay.objects.values_list("pk", flat=True)),
        "shadow_id": list(Shadow.objects.values_list("pk", flat=True)),
        "design_id": list(Design.objects.values_list("pk", flat=True)),
        "search_id": list(TierSearch.objects.values_list("pk", flat=True)),
        "budget_id": list(house.workflow.project.budgets.values_list("pk", flat=True)),
        "name": [house.workflow.name],
        "number": ["1.0.0", "7.7.7"],
        "table": [
            *("calls", "days", "evaluations", "executions", "flags", "lanes", "models", "shadows", "steps", "tiers"),
            *("versions", "waterfall"),
        ],
        "endpoint_id": list(Endpoint.objects.values_list("pk", flat=True)),
        "digest_id": list(Digest.objects.values_list("pk", flat=True)),
        "delivery_id": list(Delivery.objects.values_list("pk", flat=True)),
    }
    for method, pattern in CALLS:
        if method == "GET":
            yield from _filled(f"/api/v1/{pattern}", ids)


def _filled(path: str, ids: dict[str, list]) -> Iterator[str]:
    place = re.search(r"<\w+:(\w+)>", path)
    if place is None:
        yield path
        return
    for value in ids[place[1]]:
        yield from _filled(path.replace(place[0], str(value)), ids)


def pages() -> Iterator[str]:
    """Every page of the admin, of every row that there is."""
    for one in admin.site.urls[0]:
        if isinstance(one, URLPattern) and one.name in ("index", "login", "password_change", "jsi18n"):
            yield f"/admin/{one.pattern}"
    yield from (f"/admin/{app}/" for app in sorted({model._meta.app_label for model in admin.site._registry}))
    for model in admin.site._registry:
        about = f"/admin/{model._meta.app_label}/{model._meta.model_name}"
        yield from (f"{about}/", f"{about}/add/")
        for pk in model._default_manager.values_list("pk", flat=True):
            yield from (f"{about}/{pk}/change/", f"{about}/{pk}/history/", f"{about}/{pk}/delete/")
    for pk in Flag.objects.values_list("pk", flat=True):
        yield f"/admin/queue/{pk}/"
    for pk in Tool.objects.values_list("pk", flat=True):
        yield f"/admin/projects/tool/{pk}/try/"
    for pk in Endpoint.objects.values_list("pk", flat=True):
        yield from (f"/admin/notifications/endpoint/{pk}/{word}/" for word in ("secret", "test"))


def tables() -> Iterator[tuple[str, str]]:
    """Each table with all its rows, as the database says them."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            yield table, "\n".join(map(str, cursor.fetchall()))


def messages() -> Iterator[str]:
    """What lies in the broker, with all that travels with it."""
    with current_app.connection_for_read() as broker:
        bells = broker.SimpleQueue(current_app.amqp.queues[current_app.conf.task_default_queue], no_ack=True)
        try:
            while True:
                message = bells.get(block=True, timeout=0.2)
                yield f"{message.body} {message.headers} {message.properties}"
        except Empty:
            return
        finally:
            bells.close()


def empty_broker() -> None:
    for _ in messages():
        pass


@pytest.fixture
def reviewer():
    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.create_superuser("rosa", password=OF_THE_ENVIRONMENT["METRICS_TOKEN"]))
    return client


# What is said.


def test_no_address_of_the_api_tells_one(house):
    asked = 0
    for path in addresses(house):
        answer = house.client.get(path)
        assert answer.status_code == 200, path
        assert_nothing_in(answer.getvalue().decode() + str(answer.headers), path, *house.secrets)
        asked += 1
    assert asked > 30
    statuses = {one["status"] for one in house.client.get("/api/v1/executions").json()["results"]}
    assert statuses == {"completed", "escalated", "failed", "queued", "cancelled"}


def test_no_page_of_the_admin_tells_one(house, reviewer):
    asked = 0
    for path in pages():
        answer = reviewer.get(path, follow=True)
        assert answer.status_code in (200, 403, 405), path
        assert_nothing_in(answer.content.decode(), path, *house.secrets)
        asked += answer.status_code == 200
    assert asked > 80


def test_neither_metrics_nor_health_nor_an_error_page_tells_one(house, reviewer, monkeypatch):
    headers = {"Authorization": f"Bearer {OF_THE_ENVIRONMENT['METRICS_TOKEN']}"}
    found = Client().get("/metrics", headers=headers)
    assert (found.status_code, "workflow_memory_executions" in found.content.decode()) == (200, True)
    assert_nothing_in(found.content.decode(), "metrics")
    for path in ("/healthz", "/readyz", "/metrics", "/", "/nothing", "/api/v1/nothing"):
        assert_nothing_in(house.client.get(path).content.decode(), path)

    def breaks(*args: object, **kwargs: object) -> None:
        raise RuntimeError(EVERYTHING)

    monkeypatch.setattr("executions.api.represent_executions", breaks)
    monkeypatch.setattr("executions.pages.texts.pretty", breaks)
    one = Execution.objects.first().pk
    for client, path in (
        (house.client, f"/api/v1/executions/{one}"),
        (house.client, "/api/v1/executions"),
        (reviewer, f"/admin/executions/execution/{one}/change/"),
    ):
        answer = client.get(path)
        assert answer.status_code == 500, path
        assert_nothing_in(answer.content.decode() + str(answer.headers), path)


def test_no_line_of_the_log_tells_one(house, log, reviewer, monkeypatch):
    def breaks(*args: object, **kwargs: object) -> None:
        raise RuntimeError(EVERYTHING)

    monkeypatch.setattr("executions.api.represent_executions", breaks)
    assert house.client.get("/api/v1/executions").status_code == 500
    monkeypatch.setattr("executions.pages.texts.pretty", breaks)
    assert reviewer.get(f"/admin/executions/execution/{Execution.objects.first().pk}/change/").status_code == 500
    for header in (f"Bearer {LETTERS}", f"Bearer wm_0c4f31d2_{LETTERS}", f"Basic {LETTERS}"):
        assert Client().get("/api/v1/executions", headers={"Authorization": header}).status_code == 401
    logging.getLogger("executions.turns").debug("a library said: %s", EVERYTHING)
    written = "\n".join(log.lines)
    assert "the tool canary.tells raised" in written
    assert written.count("RuntimeError: ") > 2  # the words, where they are asked for
    # An account number is told by its form only where a project asks for it; a log has no project.
    for canary in (*CANARIES, *house.secrets):
        assert canary in OF_A_FORM[-2:] or canary not in written, canary


def test_the_broker_carries_ids_and_nothing_else(house):
    found = list(messages())
    ids = [str(pk) for pk in Execution.objects.values_list("pk", flat=True)]
    assert len(found) >= len(ids)
    for message in found:
        assert_nothing_in(message, "the broker", *house.secrets, "refund", "message")
        assert any(pk in message for pk in ids)


def test_no_row_of_any_table_holds_one(house, reviewer):
    seen = {}
    for table, rows in tables():
        assert_nothing_in(rows, table, *house.secrets)
        seen[table] = rows
    assert len(seen) > 25
    key = ApiKey.objects.get()
    assert (key.prefix, key.digest) == (house.token[3:11], redacted_digest(house.token))
    assert key.digest in seen["projects_apikey"]


def redacted_digest(token: str) -> str:
    from hashlib import sha256

    return sha256(token.encode()).hexdigest()


# … and all of it would be noticed.


@pytest.fixture
def talkative(monkeypatch):
    """As if nobody looked for secrets."""
    monkeypatch.setattr(redaction.Policy, "text", lambda self, text: text)
    monkeypatch.setattr(redaction._Cleaning, "of", lambda self, value, path=(): value)


def test_without_redaction_they_would_come_out_everywhere(db, log, provider, talkative, reviewer):
    house = House()
    document = {**DEFINITION, "title": EVERYTHING}  # it is not refused either
    house.post("workflows/refund/versions", {"definition": document, "version": "7.7.7", "changelog": EVERYTHING})
    for message in ("complete", "complaint", "refuse", "moon"):
        house.execute(message)
    secret = OF_A_FORM[0]
    told = [path for path in addresses(house) if secret in house.client.get(path).getvalue().decode()]
    shown = [path for path in pages() if secret in reviewer.get(path).content.decode()]
    kept = [table for table, rows in tables() if secret in rows]
    assert {path.split("/")[3] for path in told} >= {"executions", "flags", "workflows"}
    assert {path.split("/")[3] for path in shown} >= {"execution", "flag", "call", "version"}
    assert set(kept) >= {
        *("executions_execution", "executions_stepresult", "executions_flag", "executions_event"),
        *("gateway_payload", "gateway_call", "workflows_version"),
    }
