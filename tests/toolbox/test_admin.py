"""Tools in the admin: made by an owner with a form for each kind, tried by a designer, and nobody else's business."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from projects import tools
from projects.models import AuditEvent, Membership, Tool, ToolVariable
from tests.cast import make_project, member

pytestmark = pytest.mark.django_db
ADD = "/admin/projects/tool/add/"
NUMBER = {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]}
CALLED = {"timeout": "5", "retries": "0"}


@pytest.fixture
def project(monkeypatch):
    monkeypatch.setattr(tools, "_registry", tools.registered())
    project = make_project("shop")
    ToolVariable.objects.create(project=project, name="SQL_SHOP_URL")
    ToolVariable.objects.create(project=project, name="TOOL_SHOP_TOKEN")
    return project


@pytest.fixture
def owner(project):
    return member(project, "owner")


def said_of(project, kind):
    """What is filled in, for each kind."""
    head = {"project": project.pk, "enabled": "on", "description": "What it is for.", **CALLED}
    return head | {
        "sql": {
            **{"name": "shop.order", "source": "SQL_SHOP_URL", "query": "SELECT 1 AS x WHERE :number = 'A'"},
            **{"max_rows": "10", "max_bytes": "10000", "input_schema": json.dumps(NUMBER), "one": "on"},
        },
        "http": {
            **{"name": "shop.parcel", "method": "GET", "url": "https://API.example.com/parcels/{number}", "hosts": ""},
            **{"headers": "Authorization: Bearer {TOOL_SHOP_TOKEN}\nAccept-Language: en", "response": "json"},
            **{"key_header": "Idempotency-Key", "max_bytes": "10000", "input_schema": json.dumps(NUMBER)},
        },
        "schema": {"name": "shop.valid", "schema": '{"type": "object", "required": ["number"]}'},
        "text": {
            **{"name": "shop.words", "mode": "find", "phrases": "refund\nmoney back\nrefund", "fold_case": "on"},
            **{"patterns": "order: A[0-9]{3}", "texts": "", "max_found": "5", "whole_words": "on"},
        },
        "function": {"name": "support.customer"},
    }[kind]  # fmt: skip


KEPT = {
    "sql": {
        **{"source": "SQL_SHOP_URL", "query": "SELECT 1 AS x WHERE :number = 'A'", "one": True},
        **{"max_rows": 10, "max_bytes": 10_000},
    },
    "http": {
        **{"method": "GET", "url": "https://API.example.com/parcels/{number}", "hosts": ["api.example.com"]},
        **{"headers": {"Authorization": "Bearer {TOOL_SHOP_TOKEN}", "Accept-Language": "en"}, "response": "json"},
        **{"key_header": "Idempotency-Key", "max_bytes": 10_000},
    },
    "schema": {"schema": {"type": "object", "required": ["number"]}},
    "text": {
        **{
            "mode": "find",
            "phrases": ["refund", "money back"],
            "patterns": [{"name": "order", "pattern": "A[0-9]{3}"}],
        },
        **{"fold_case": True, "whole_words": True, "texts": [], "max_found": 5},
    },
    "function": None,
}


def complaints(answer) -> dict[str, list[str]]:
    return dict(answer.context["adminform"].form.errors)


def test_which_kind_is_asked_first(owner):
    page = owner.get(ADD).content.decode()
    assert all(f"?kind={kind}" in page for kind in KEPT)
    assert owner.get(f"{ADD}?kind=nothing").content.decode().count("?kind=") == 5


@pytest.mark.parametrize("kind", KEPT)
def test_an_owner_makes_a_tool_of_each_kind_and_changes_it(kind, project, owner):
    assert owner.get(f"{ADD}?kind={kind}").status_code == 200
    answer = owner.post(f"{ADD}?kind={kind}", said_of(project, kind))
    assert answer.status_code == 302, complaints(answer)
    tool = Tool.objects.get()
    assert (tool.kind, tool.project, tool.enabled, tool.settings) == (kind, project, True, KEPT[kind])
    page = f"/admin/projects/tool/{tool.pk}/change/"
    form = owner.get(page).context["adminform"].form
    again = {name: value for name in form.fields if (value := form[name].value()) is not None and value is not False}
    for change in ({}, {"enabled": "", "name": "stolen", "kind": "function"}):
        answer = owner.post(page, again | change)
        assert answer.status_code == 302, complaints(answer)
    tool.refresh_from_db()
    assert (tool.kind, tool.name, tool.enabled, tool.settings) == (
        *(kind, said_of(project, kind)["name"], False, KEPT[kind]),
    )
    said = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(said) == ['[{"added": {}}]', "[]", '[{"changed": {"fields": ["Enabled"]}}]']


@pytest.mark.parametrize(
    ("kind", "change", "field", "said"),
    [
        ("sql", {"query": "DELETE FROM x"}, "query", "begins with SELECT"),
        ("sql", {"source": "DATABASE_URL"}, "source", "not one of the available choices"),
        ("sql", {"input_schema": "{"}, "input_schema", "Not JSON"),
        ("sql", {"input_schema": '{"type": "object", "type": "array"}'}, "input_schema", "stands twice"),
        ("sql", {"input_schema": '{"type": "object"}'}, "input_schema", "Write a schema such as"),
        ("sql", {"name": "Shop Order"}, "name", "Small letters"),
        ("sql", {"name": "support.customer"}, "name", "A Python function has this name."),
        ("sql", {"max_rows": "0"}, "max_rows", "greater than or equal to 1"),
        ("sql", {"timeout": "1000"}, "timeout", "less than or equal to 300"),
        ("sql", {"retries": "9"}, "retries", "less than or equal to 5"),
        ("sql", {"output_schema": '{"type": "txt"}'}, "output_schema", "/type"),
        ("http", {"url": "https://169.254.169.254/{number}"}, "url", "TOOL_NETWORKS"),
        ("http", {"hosts": "other.example.com"}, "hosts", "own host is missing: api.example.com"),
        ("http", {"headers": "nothing"}, "headers", "One header a line"),
        ("http", {"headers": "A: 1\na: 2"}, "headers", "One header a line"),
        ("http", {"headers": "A: {DATABASE_URL}"}, "headers", "no secret of tools"),
        ("http", {"headers": "A: sk-ant-REDACTED"}, "headers", "looks like a secret"),
        ("http", {"method": "POST", "side_effects": "on", "retries": "1"}, "retries", "only where it takes a key"),
        ("schema", {"schema": ""}, "schema", "This field is required"),
        ("schema", {"schema": "[]"}, "schema", "A JSON Schema is an object."),
        ("text", {"patterns": "[0-9]+"}, "patterns", "One pattern a line, behind its name"),
        ("text", {"patterns": "a: ("}, "patterns", "a: /pattern"),
        ("text", {"mode": "search"}, "texts", "Write a text that is searched"),
        ("text", {"mode": "search", "texts": "words\n# Title"}, "texts", "begins with its title"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(kind, change, field, said, project, owner):
    answer = owner.post(f"{ADD}?kind={kind}", said_of(project, kind) | change)
    assert answer.status_code == 200
    assert said in " ".join(complaints(answer)[field])
    assert not Tool.objects.exists()


def test_texts_are_written_under_their_titles(project, owner):
    texts = "# Returns\nWithin thirty days.\n\nIn its box.\n# Refunds\nWithin five."
    owner.post(f"{ADD}?kind=text", said_of(project, "text") | {"mode": "search", "texts": texts})
    tool = Tool.objects.get()
    assert tool.settings["texts"] == [
        {"title": "Returns", "text": "Within thirty days.\n\nIn its box."},
        {"title": "Refunds", "text": "Within five."},
    ]
    assert list(tool.input_schema["properties"]) == ["query"]
    shown = owner.get(f"/admin/projects/tool/{tool.pk}/change/").context["adminform"].form["texts"].value()
    assert shown.strip() == "# Returns\nWithin thirty days.\n\nIn its box.\n\n# Refunds\nWithin five."


def test_a_name_is_a_projects_own(project, owner):
    other = make_project("other")
    other.tools.create(name="shop.valid", kind="schema", settings={"schema": {}})
    assert owner.post(f"{ADD}?kind=schema", said_of(project, "schema")).status_code == 302
    answer = owner.post(f"{ADD}?kind=schema", said_of(project, "schema"))
    assert complaints(answer) == {"name": ["This project has a tool of this name."]}


def test_nobody_uses_what_another_project_may(project, owner):
    """Neither its database nor its secret, and not by owning two projects."""
    other = make_project("other")
    ToolVariable.objects.create(project=other, name="SQL_OTHER_URL")
    assert "SQL_OTHER_URL" not in owner.get(f"{ADD}?kind=sql").content.decode()
    Membership.objects.create(project=other, account=get_user_model().objects.get(), role="owner")
    answer = owner.post(f"{ADD}?kind=sql", said_of(project, "sql") | {"source": "SQL_OTHER_URL"})
    assert "Tools of this project may not use SQL_OTHER_URL" in complaints(answer)["source"][0]
    answer = owner.post(f"{ADD}?kind=http", said_of(other, "http"))
    assert "Tools of this project may not use TOOL_SHOP_TOKEN" in complaints(answer)["headers"][0]


def test_which_variables_tools_may_use_is_the_operators(project, owner):
    page = f"/admin/projects/project/{project.pk}/change/"
    assert 'name="tool_variables-0-name"' not in owner.get(page).content.decode()
    root = Client()
    root.force_login(get_user_model().objects.create_superuser("root"))
    data = {"name": "shop", "execution_cap": "1", "retention_days": "", "store_payload": "full", "redacted_fields": ""}
    for part, many in (("tiers", 0), ("tool_variables", 1), ("members", 0)):
        data |= {f"{part}-TOTAL_FORMS": str(many), f"{part}-INITIAL_FORMS": "0"}
    said = {}
    for name in ("SQL_MORE_URL", "DATABASE_URL", "ANTHROPIC_API_KEY", "TOOL_MODULES", "TOOL_NETWORKS"):
        said[name] = root.post(page, data | {"tool_variables-0-name": name}).status_code
    assert said.pop("SQL_MORE_URL") == 302
    assert set(said.values()) == {200}
    assert set(project.tool_variables.values_list("name", flat=True)) == {
        *("SQL_SHOP_URL", "TOOL_SHOP_TOKEN", "SQL_MORE_URL"),
    }


@pytest.mark.parametrize("role", ["viewer", "reviewer", "designer", "owner"])
def test_a_designer_sees_and_tries_and_an_owner_changes(role, project):
    tool = project.tools.create(
        name="shop.valid", kind="schema", settings={"schema": {"type": "string"}}, input_schema=NUMBER
    )
    client = member(project, role)
    page = f"/admin/projects/tool/{tool.pk}"
    sees, changes = role in ("designer", "owner"), role == "owner"
    assert client.get("/admin/projects/tool/").status_code == (200 if sees else 403)
    assert client.get(f"{page}/try/").status_code == (200 if sees else 404)
    shown = client.get(f"{page}/change/")
    assert shown.status_code == (200 if sees else 403)
    assert ('name="schema"' in shown.content.decode()) == changes
    assert client.post(f"{page}/change/", {"schema": "{}", **CALLED}).status_code == (302 if changes else 403)
    assert client.get(f"{ADD}?kind=schema").status_code == (200 if changes else 403)


@pytest.mark.parametrize("kind", KEPT)
def test_who_may_only_look_sees_what_each_kind_is_told(kind, project):
    said, takes = KEPT[kind], NUMBER if kind in ("sql", "http") else None
    name = "support.customer" if kind == "function" else f"shop.{kind}"
    tool = project.tools.create(name=name, kind=kind, settings=said, input_schema=takes)
    page = member(project, "designer").get(f"/admin/projects/tool/{tool.pk}/change/")
    assert page.status_code == 200
    assert kind == "function" or next(iter(said)) in page.content.decode()


def answered(client, tool, arguments) -> str:
    return client.post(f"/admin/projects/tool/{tool.pk}/try/", {"arguments": arguments}).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_tool_is_tried_and_that_stands_in_its_history(project):
    client = member(project, "designer")
    owner = member(project, "owner", "olga")
    owner.post(f"{ADD}?kind=text", said_of(project, "text"))
    tool = Tool.objects.get()
    page = client.get(f"/admin/projects/tool/{tool.pk}/try/").content.decode()
    assert "&quot;text&quot;: &quot;&quot;" in page
    said = answered(client, tool, json.dumps({"text": "A refund for A100 <b>sk-ant-REDACTED</b>"}))
    assert "&quot;match&quot;: &quot;A100&quot;" in said
    assert "An argument is wrong: /text" in answered(client, tool, "{}")
    assert "Not JSON" in answered(client, tool, "{")
    assert "Write an object" in answered(client, tool, "[]")
    tested = AuditEvent.objects.filter(actor="user:rosa", verb="tested").order_by("pk")
    assert [event.detail for event in tested] == [{"came": "an answer"}, {"came": "an error"}]


@pytest.mark.django_db(transaction=True)
def test_a_function_is_tried_and_one_with_side_effects_never(project):
    called = []

    @tools.tool("shop.slow", description="Looks up.", input_schema={"type": "object", "properties": {}})
    def slow():
        called.append("slow")
        return {"found": 1}

    @tools.tool("shop.pay", description="Pays.", input_schema={"type": "object", "properties": {}}, side_effects=True)
    def pay():
        called.append("pay")

    client = member(project, "designer")
    look, paid, gone = (project.tools.create(name=name) for name in ("shop.slow", "shop.pay", "shop.gone"))
    assert "&quot;found&quot;: 1" in answered(client, look, "{}")
    for one in (paid, gone):
        assert "is called by an execution alone" in client.get(f"/admin/projects/tool/{one.pk}/try/").content.decode()
        answered(client, one, "{}")
    assert called == ["slow"]


def test_the_list_says_kind_and_whether_each_is_enabled(project, owner):
    project.tools.create(name="support.customer")
    project.tools.create(name="shop.gone", enabled=False)
    project.tools.create(name="shop.valid", kind="schema", description="Is it an order?", settings={"schema": {}})
    page = owner.get("/admin/projects/tool/").content.decode()
    for word in ("a Python function", "a JSON Schema", "Is it an order?", "No module has this function."):
        assert word in page


def test_the_command_does_not_take_a_tool_for_a_function_of_its_name(project, capsys):
    call_command("register_tool", "support.customer", "--project", "shop")
    assert Tool.objects.get().kind == "function"
    Tool.objects.update(kind="schema", enabled=False)
    with pytest.raises(CommandError, match=r"support\.customer is a JSON Schema in shop"):
        call_command("register_tool", "support.customer", "--project", "shop")
    assert not Tool.objects.get().enabled
