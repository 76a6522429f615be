"""A workflow whose steps are a query, a request, a schema and a search, through the engine; and what becomes of each kind of error
in an execution."""

import ipaddress
import json
import sqlite3

import pytest

from executions import queue, turns, worker
from executions.drivers import plain
from executions.models import Flag, StepResult
from projects.models import Tool, ToolVariable
from projects.tools import NoAnswer, RegisteredTool
from tests.cast import REFUND, make_project, make_workflow
from tests.receiver import Answer, Receiver
from tests.toolbox.rows import TEXT, faults, http, made, sql, text
from toolbox.arguments import named
from workflows.models import Examined

pytestmark = pytest.mark.django_db(transaction=True)
ORDER = {"type": "object", "required": ["number", "paid"], "properties": {"paid": {"pattern": "^[0-9]+[.][0-9]{2}$"}}}
STEPS = [
    {"id": "words", "kind": "tool", "tool": "shop.text", "arguments": {"text": "input['message']"}},
    {
        "id": "order",
        "kind": "tool",
        "tool": "shop.sql",
        "arguments": {"number": "steps['words']['found'][0]['match']"},
        "otherwise": {"number": "'none'", "paid": "error"},
    },
    {"id": "valid", "kind": "tool", "tool": "shop.schema", "arguments": {"value": "steps['order']"}},
    {
        "id": "refund",
        "kind": "tool",
        "tool": "shop.http",
        "when": "steps['valid']['valid']",
        "arguments": {"number": "steps['order']['number']", "amount": "steps['order']['paid']"},
    },
]


@pytest.fixture
def project(tmp_path, monkeypatch, settings):
    settings.TOOL_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    path = tmp_path / "shop.sqlite3"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE orders (number TEXT, paid TEXT)")
        database.execute("INSERT INTO orders VALUES ('A100', '40.00')")
    database.close()
    monkeypatch.setenv("SQL_SHOP_URL", f"sqlite:///{path}")
    project = make_project("shop")
    ToolVariable.objects.create(project=project, name="SQL_SHOP_URL")
    return project


def saved(tool: Tool) -> Tool:
    assert faults(tool) == {}
    tool.save()
    return tool


def paying(project, shop: Receiver, **fields) -> Tool:
    url = f"http://127.0.0.1:{shop.port}/orders/{{number}}/refund"
    takes = named(number=TEXT, amount=TEXT)
    return saved(http(project, url, takes, **{"method": "POST", "side_effects": True, "takes_key": True, **fields}))


def looking_up(project) -> None:
    saved(text(project, patterns=[{"name": "order", "pattern": "A[0-9]{3}"}]))
    saved(sql(project, "SELECT number, paid FROM orders WHERE number = :number", named(number=TEXT), one=True))
    saved(made(project, "schema", {"schema": ORDER}))


def workflow_of(project, steps, result):
    return make_workflow({**REFUND, "steps": steps, "result": result, "output_schema": {}}, project=project)


def execute(workflow, message):
    execution = queue.submit(workflow.live.version, workflow.live, {"message": message}, actor="test")
    plain.advance(execution.pk, worker.current())
    execution.refresh_from_db()
    return execution


def test_a_workflow_asks_a_database_a_schema_a_text_and_an_api(project):
    looking_up(project)
    with Receiver(Answer(200, {}, b'{"paid_back": "40.00"}')) as shop:
        paying(project, shop)
        workflow = workflow_of(project, STEPS, {"valid": "steps['valid']", "refund": "steps['refund']"})
        done = execute(workflow, "Please pay A100 back")
        assert (done.status, done.error) == ("completed", None)
        assert done.output == {"valid": {"valid": True, "errors": []}, "refund": {"paid_back": "40.00"}}
        (heard,) = shop.heard
        assert (heard.path, json.loads(heard.body)) == ("/orders/A100/refund", {"amount": "40.00"})
        assert heard.headers["idempotency-key"] == f"{done.pk}:refund:0"

        other = execute(workflow, "Please pay A999 back")
        assert (other.status, other.output["refund"]) == ("completed", None)
        assert other.steps.get(step="order").output == {"number": "none", "paid": "No row."}
        assert other.output["valid"]["errors"][0]["pointer"] == "/paid"
        assert len(shop.heard) == 1


def test_a_definition_is_held_against_what_a_tool_takes(project):
    looking_up(project)
    wrong = [{"id": "order", "kind": "tool", "tool": "shop.sql", "arguments": {"nummer": "'A100'"}}]
    with pytest.raises(Exception, match="did you mean 'number'") as found:
        Examined.of({**REFUND, "steps": wrong, "result": "1", "output_schema": {}}, project)
    assert [fault.pointer for fault in found.value.faults] == ["/steps/0/arguments/nummer", "/steps/0/arguments"]
    with pytest.raises(Exception, match=r"Unknown tool 'shop\.http'"):
        workflow_of(project, STEPS, "1")


PAY = [{"id": "pay", "kind": "tool", "tool": "shop.http", "arguments": {"number": "'A1'", "amount": "'1.00'"}}]


def test_whether_a_payment_that_broke_took_effect_is_not_known(project):
    with Receiver(Answer(500, {}, b"broken")) as shop:
        paying(project, shop, takes_key=False)
        done = execute(workflow_of(project, PAY, "1"), "A refund")
        assert len(shop.heard) == 1
    flag = Flag.objects.get()
    assert (done.status, flag.reason, flag.detector) == ("escalated", "in_doubt", "timeout")
    assert flag.explanation == "It answered 500: broken Whether it took effect is not known."


def test_with_a_key_it_is_made_again_and_with_the_same_one(project):
    with Receiver(Answer(503), Answer(200, {}, b"{}")) as shop:
        paying(project, shop, retries=1)
        done = execute(workflow_of(project, PAY, "1"), "A refund")
        assert (done.status, len({one.headers["idempotency-key"] for one in shop.heard})) == ("completed", 1)
        assert len(shop.heard) == 2


@pytest.mark.parametrize(("answer", "said"), [(404, "It answered 404."), (429, "It answered 429.")])
def test_a_payment_that_was_refused_is_covered_by_otherwise(answer, said, project):
    """Also where it may be taken at another time: nothing is in doubt."""
    steps = [{**PAY[0], "otherwise": {"error": "error"}}]
    with Receiver(answer) as shop:
        paying(project, shop)
        done = execute(workflow_of(project, steps, "steps['pay']"), "A refund")
    assert (done.status, done.output) == ("completed", {"error": said})


def test_a_payment_that_a_crash_interrupted_is_in_doubt_or_made_again(project):
    """What the row says holds: whether it takes a key."""
    for takes_key, ended in ((False, "escalated"), (True, "completed")):
        with Receiver(Answer(200, {}, b"{}")) as shop:
            Tool.objects.all().delete()
            paying(project, shop, takes_key=takes_key)
            workflow = make_workflow(
                {**REFUND, "steps": PAY, "result": "1", "output_schema": {}}, project=project, name=f"pay-{ended}"
            )
            accepted = queue.submit(workflow.live.version, workflow.live, {"message": "A refund"}, actor="test")
            held = turns.claim(accepted.pk, worker.current())
            assert turns.turn(held).started.status == "started"
            held.leave()
            assert StepResult.objects.filter(execution=accepted, status="started").exists()
            type(accepted).objects.filter(pk=accepted.pk).update(worker=None)
            plain.advance(accepted.pk, worker.current())
            accepted.refresh_from_db()
            assert (accepted.status, len(shop.heard)) == (ended, int(takes_key))


def test_what_a_tool_answers_is_redacted(project):
    project.redacted_fields = ["iban"]
    project.save()
    with Receiver(Answer(200, {}, b'{"iban": "x", "key": "sk-ant-REDACTED"}')) as shop:
        paying(project, shop)
        done = execute(workflow_of(project, PAY, "steps['pay']"), "A refund")
    assert done.output == {"iban": "[redacted:field]", "key": "[redacted:api-key]"}


def test_a_disabled_tool_is_not_called_and_one_that_changed_is_as_it_is_now(project):
    looking_up(project)
    steps = [
        {"id": "order", "kind": "tool", "tool": "shop.sql", "arguments": {"number": "'A100'"}, "otherwise": "error"}
    ]
    workflow = workflow_of(project, steps, "steps['order']")
    tool = Tool.objects.get(name="shop.sql")
    tool.settings |= {"query": "SELECT paid FROM orders WHERE number = :number"}
    tool.save()
    assert execute(workflow, "A refund").output == {"paid": "40.00"}
    Tool.objects.update(enabled=False)
    assert "is disabled" in execute(workflow, "A refund").output


def test_the_hanging_of_a_database_stops_its_call_and_frees_its_thread(project, monkeypatch):
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS c FROM n"
    saved(sql(project, endless, timeout=0.3))
    steps = [{"id": "order", "kind": "tool", "tool": "shop.sql", "otherwise": "error"}]
    done = execute(workflow_of(project, steps, "steps['order']"), "A refund")
    assert done.output == "The database did not answer within 0.3 s."


def test_a_function_may_say_that_it_does_not_know():
    def pay():
        raise NoAnswer("The bank hung up.")

    with pytest.raises(NoAnswer, match="The bank hung up"):
        RegisteredTool("shop.pay", pay, "", {}, None, True, False, 1.0, 0).call({}, "key")
