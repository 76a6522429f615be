"""Inputs, definitions and answers that were made to do harm: each costs a bounded time, and nothing is believed."""

import json
import time

import pytest

from executions.models import Flag
from gateway.dialect import to_provider_schema
from gateway.models import Call
from gateway.providers.anthropic import AnthropicProvider
from gateway.types import ProviderError, Request
from projects.tools import RegisteredTool, ToolError
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, models_answer
from tests.messages_server import MessagesServer, Reply
from tests.waiting import Waiting
from wire.problems import Invalid
from workflows.models import Examined
from workflows.prompts import check_text
from workflows.schemas import Schema


def test_an_input_against_many_alternatives_is_refused_with_one_sentence():
    """A library that collects every branch needs gigabytes for this."""
    branches = [{"type": "string", "pattern": f"^x{n}$"} for n in range(300)]
    schema = Schema({"type": "array", "items": {"anyOf": branches}})
    faults = schema.faults(["a" * 300] * 2000)
    assert len(faults) == 1


def test_a_value_too_large_for_its_schema_is_not_looked_at():
    schema = Schema({"anyOf": [{"const": n} for n in range(10_000)]})
    assert schema.faults([0] * 6000)[0].detail == "This is too large to be checked against its schema."


@pytest.mark.django_db
def test_a_definition_of_nested_functions_does_not_hold_the_service():
    nested = "".join(f"{' ' * depth}def f{depth}():\n" for depth in range(95)) + " " * 95 + "pass\n"
    code = f"def run(input, steps):\n    return 1\n{nested}"
    steps = [{"id": f"s{n}", "kind": "code", "code": code} for n in range(12)]
    began = time.monotonic()
    try:
        Examined.of({**REFUND, "edge_cases": [], "steps": steps, "result": None}, make_project())
    except Invalid as problem:
        assert any("/code" in fault.pointer for fault in problem.faults)
    assert time.monotonic() - began < 30


def test_a_constant_that_is_inserted_many_times_is_counted_before_it_is_written():
    found = check_text("{{ constants.a }}" * 400, {"a": "x" * 250_000})
    assert [fault.detail for fault in found] == ["With its constants filled in this has more than 256 KB."]


@pytest.mark.django_db
def test_a_result_that_multiplies_its_input_is_a_code_error():
    models_answer({"text": envelope({"kind": "refund"})})
    workflow = make_workflow({**REFUND, "result": ["input['message'] * 1000"] * 60, "output_schema": {"type": "array"}})
    execution = execute(workflow, "A refund " + "x" * 500)
    assert (execution.status, Flag.objects.get().reason) == ("escalated", "code_error")


@pytest.mark.django_db
def test_an_impossible_usage_is_not_believed_and_makes_no_savings():
    models_answer({"text": envelope({"kind": "refund"}), "input_tokens": 9_999_999, "output_tokens": 10})
    execution = execute(make_workflow())
    call = Call.objects.get()
    assert (execution.status, call.cost_state, call.baseline_warm, call.input) == ("completed", "upper_bound", None, 0)
    assert "not believed" in call.error


@pytest.mark.django_db
def test_an_impossible_usage_does_not_hide_that_another_model_answered():
    models_answer({"text": envelope({"kind": "refund"}), "model_served": "claude-opus-5-5", "input_tokens": 9_999_999})
    execution = execute(make_workflow())
    assert (execution.status, execution.error["code"]) == ("failed", "model_mismatch")


@pytest.mark.parametrize("zone", ["posix/Europe/Berlin", "right/UTC", "localtime", "../etc/passwd"])
@pytest.mark.django_db
def test_a_file_is_no_time_zone(zone):
    with pytest.raises(Invalid, match="time zone"):
        Examined.of({**REFUND, "timezone": zone}, make_project())


@pytest.mark.parametrize(
    "odd",
    [
        {"const": None, "allOf": [{}]},
        {"enum": ["a"], "anyOf": [{"type": ["string"]}]},
        {"enum": [1, "a"], "allOf": [True]},
    ],
)
def test_literals_beside_branches_do_not_break_the_dialect(odd):
    schema = {"type": "object", "properties": {"a": odd}, "required": ["a"]}
    assert json.dumps(to_provider_schema(schema))


def test_a_provider_cannot_send_the_prompt_elsewhere():
    with MessagesServer(lambda request: "{}") as elsewhere:
        moved = Reply(b"", status=307, headers={"location": f"{elsewhere.url}/v1/messages"})
        with MessagesServer(lambda request: moved) as server:
            models = Waiting(AnthropicProvider("a key", server.url))
            with pytest.raises(ProviderError):
                models.complete(Request("claude-haiku-5-5", (), "secret", None, 100))
            models.close()
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (RuntimeError("postgres://user:hunter2@db/x"), "t raised RuntimeError; the log says more."),
        (ToolError("not found: \ud800\x00"), "not found: \\ud800"),
        (SystemExit(0), "t raised SystemExit; the log says more."),
    ],
)
def test_what_a_tool_raises_can_be_kept_and_tells_no_secret(raised, told):
    def broken():
        raise raised

    with pytest.raises(ToolError) as error:
        RegisteredTool("t", broken, "", {}, None, False, False, 60.0, 0).call({}, "key")
    assert str(error.value) == told


@pytest.mark.parametrize("answer", ["\x00", {"a": "\ud800"}, float("nan"), b"bytes", {1: 2}, object()])
def test_what_a_tool_answers_is_json_that_can_be_kept(answer):
    with pytest.raises(ToolError, match="cannot be kept"):
        RegisteredTool("t", lambda: answer, "", {}, None, False, False, 60.0, 0).call({}, "key")
