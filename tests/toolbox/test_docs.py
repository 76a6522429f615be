"""docs/tools.md says what is true: its forms are filled in as they stand, its tools answer what it shows, its workflow runs."""

import ipaddress
import json
import os
import re
import sqlite3

import psycopg
import pytest
import yaml
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from executions import queue, worker
from executions.drivers import plain
from projects.models import Tool, ToolVariable
from tests.cast import make_project, make_workflow
from tests.receiver import Answer, Receiver
from tests.test_docs import DOCS, blocks, section
from tests.toolbox.rows import call
from toolbox.forms import FORMS

pytestmark = pytest.mark.django_db(transaction=True)
TOOLS = DOCS / "tools.md"
KINDS = {"A query": "sql", "A request": "http", "A JSON Schema": "schema", "A search in texts": "text"}
TOKEN = "a-token-of-the-shop"


@pytest.fixture
def shop(tmp_path, monkeypatch, settings):
    settings.TOOL_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    path = tmp_path / "shop.sqlite3"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE orders (number TEXT, paid TEXT, ordered_on TEXT)")
        database.execute("INSERT INTO orders VALUES ('A100', '40.00', '2026-03-01')")
    database.close()
    monkeypatch.setenv("SQL_SHOP_URL", f"sqlite:///{path}")
    monkeypatch.setenv("TOOL_SHOP_TOKEN", TOKEN)
    project = make_project("shop")
    for name in ("SQL_SHOP_URL", "TOOL_SHOP_TOKEN"):
        ToolVariable.objects.create(project=project, name=name)
    return project


def filled_in(project, kind: str, said: dict, host: str = "") -> Tool:
    """The form of this kind, by its labels, with the usual where nothing is said."""
    client = Client()
    client.force_login(get_user_model().objects.get_or_create(username="root", is_superuser=True, is_staff=True)[0])
    page = f"/admin/projects/tool/add/?kind={kind}"
    form = client.get(page).context["adminform"].form
    labels = {str(form[name].label): name for name in form.fields}
    data = {name: value for name in form.fields if (value := form[name].value()) is not None and value is not False}
    for label, value in said.items():
        text = json.dumps(value) if isinstance(value, dict) else value
        if host and isinstance(text, str):
            text = text.replace("https://api.example.com", f"http://{host}").replace("api.example.com", host)
        data[labels[label]] = text
    answer = client.post(page, {**data, "project": project.pk})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    return Tool.objects.get(name=said["Name"])


def forms_of(heading: str) -> list[dict]:
    return [yaml.safe_load(block) for block in blocks(section(TOOLS, heading), "yaml")]


def calls_of(heading: str) -> list[dict]:
    return [json.loads(one) for one in re.findall(r"Called with `(\{.*\})`", section(TOOLS, heading))]


def answers_of(heading: str) -> list[dict]:
    return [json.loads(block) for block in blocks(section(TOOLS, heading), "json")]


@pytest.mark.runs("docs/tools.md", "yaml", "A JSON Schema")
@pytest.mark.runs("docs/tools.md", "json", "A JSON Schema")
@pytest.mark.runs("docs/tools.md", "yaml", "A search in texts")
@pytest.mark.runs("docs/tools.md", "json", "A search in texts")
@pytest.mark.parametrize("heading", ["A JSON Schema", "A search in texts"])
def test_what_asks_nobody_answers_what_is_shown(heading, shop):
    shown = list(zip(forms_of(heading), calls_of(heading), answers_of(heading), strict=True))
    assert shown
    for said, arguments, answer in shown:
        assert call(filled_in(shop, KINDS[heading], said), **arguments) == answer


@pytest.mark.runs("docs/tools.md", "yaml", "A query")
@pytest.mark.runs("docs/tools.md", "json", "A query")
def test_the_query_answers_what_is_shown(shop):
    [said], [arguments] = forms_of("A query"), calls_of("A query")
    one, many = answers_of("A query")
    assert call(filled_in(shop, "sql", said), **arguments) == one
    Tool.objects.all().delete()
    assert call(filled_in(shop, "sql", {**said, "Exactly one row": ""}), **arguments) == many


@pytest.mark.runs("docs/tools.md", "yaml", "A request")
@pytest.mark.runs("docs/tools.md", "text", "A request")
def test_the_request_sends_what_is_shown(shop):
    [said], [arguments] = forms_of("A request"), calls_of("A request")
    shown = blocks(section(TOOLS, "A request"), "text")[0]
    head, _, body = shown.partition("\n\n")
    first, *headers = head.splitlines()
    with Receiver(Answer(200, {}, b"{}")) as receiver:
        tool = filled_in(shop, "http", said, f"127.0.0.1:{receiver.port}")
        assert (tool.side_effects, tool.takes_key, tool.retries) == (True, True, 2)
        call(tool, **arguments)
    (heard,) = receiver.heard
    assert f"{heard.method} {heard.path}" == first
    assert json.loads(heard.body) == json.loads(body)
    sent = dict(line.split(": ", 1) for line in headers)
    for name, value in sent.items():
        expected = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "a key"}.get(name, value)
        assert heard.headers[name.lower()] == expected


@pytest.mark.runs("docs/tools.md", "json", "Together")
def test_the_workflow_runs(shop):
    with Receiver(Answer(200, {}, b'{"paid_back": "40.00"}')) as receiver:
        for heading, kind in KINDS.items():
            for said in forms_of(heading):
                filled_in(shop, kind, said, f"127.0.0.1:{receiver.port}")
        [definition] = answers_of("Together")
        workflow = make_workflow(definition, project=shop)
        message = {"message": "I want my MONEY BACK for A100!"}
        done = queue.submit(workflow.live.version, workflow.live, message, actor="test")
        plain.advance(done.pk, worker.current())
        done.refresh_from_db()
        assert done.status == "completed", done.error
        order = {"number": "A100", "paid": "40.00", "ordered_on": "2026-03-01"}
        assert done.output == {"order": order, "refund": {"paid_back": "40.00"}}
        assert receiver.heard[0].headers["idempotency-key"] == f"{done.pk}:refund:0"


@pytest.mark.runs("docs/tools.md", "sql", "A query")
@pytest.mark.skipif(connection.vendor != "postgresql", reason="there is no PostgreSQL here")
def test_the_role_reads_and_no_more():
    place, name = connection.settings_dict, f"shop_docs_{os.getpid()}"
    where = {"host": place["HOST"], "port": place["PORT"], "user": place["USER"], "password": place["PASSWORD"]}
    grants = blocks(section(TOOLS, "A query"), "sql")[0].replace("shop_tools", f"{name}_tools")
    with psycopg.connect(**where, dbname="postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    try:
        with psycopg.connect(**where, dbname=name, autocommit=True) as database:
            database.execute("CREATE TABLE orders (x int); CREATE TABLE people (x int)")
            database.execute(grants)
        role = {**where, "user": f"{name}_tools", "password": "a long one", "dbname": name, "autocommit": True}
        with psycopg.connect(**role) as tools:
            assert tools.execute("SELECT count(*) FROM orders").fetchone() == (0,)
            tools.execute("SET default_transaction_read_only = off")
            for refused in ("SELECT * FROM people", "DELETE FROM orders"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    tools.execute(refused)
    finally:
        with psycopg.connect(**where, dbname="postgres", autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
            server.execute(f"DROP ROLE {name}_tools")


def test_each_label_that_is_named_is_one():
    """In the text, in italics; and the kinds are those that there are."""
    text = TOOLS.read_text(encoding="utf-8")
    assert set(KINDS.values()) | {"function"} == set(FORMS)
    labels = {
        str(field.label or name.replace("_", " ")).lower()
        for form in FORMS.values()
        for name, field in form.base_fields.items()
    }
    named = {" ".join(one.split()).lower() for one in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", text)}
    places = {"tools", "add tool", "projects", "variables that tools may use"}
    assert named - places <= labels, named - places - labels
