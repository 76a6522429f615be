"""What a model can answer that is not what it was asked for, over a real HTTP server and through the whole engine: one
repair at most, then a flag that waits. Never a part of an answer, and every call typed and priced."""

import json

import pytest

from executions import coverage, queue, worker
from executions.drivers import plain
from executions.models import Execution, Flag, Status, StepResult
from gateway.event_loop import wait_for
from gateway.gateway import recalled
from gateway.models import Call, Payload
from gateway.providers.anthropic import AnthropicProvider
from gateway.providers.registry import register
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, models_answer
from tests.messages_server import MessagesServer, Reply, message

pytestmark = pytest.mark.django_db

MODELS = {"cheap": "claude-haiku-5-5", "standard": "claude-sonnet-5-5", "frontier": "claude-opus-5-5"}
TIERS = {tier: f"anthropic:{model}" for tier, model in MODELS.items()}
GOOD = envelope({"kind": "refund"})
FREE = {"type": "object", "required": ["text"], "properties": {"text": {}}}


@pytest.fixture
def provider(monkeypatch):
    """A server that answers what a test injects, and the good answer behind that."""
    with MessagesServer(lambda request: GOOD) as server:
        client = AnthropicProvider("a key", server.url)
        register("anthropic", client)
        yield server
        wait_for(client.close())


def a_workflow(output_schema: dict | None = None):
    """With free room in the output where the test needs some: then the model's word is the result."""
    document = dict(REFUND)
    if output_schema:
        step = {key: value for key, value in REFUND["steps"][1].items() if key != "checks"} | {
            "output_schema": output_schema
        }
        document = {**REFUND, "steps": [REFUND["steps"][0], step], "result": "steps['classify']", "output_schema": {}}
    return make_workflow(document, project=make_project(tiers=TIERS))


def with_field(name: str, value: object) -> str:
    return json.dumps({**json.loads(GOOD), name: value})


def without_field(name: str) -> str:
    return json.dumps({key: value for key, value in json.loads(GOOD).items() if key != name})


def raw(name: str, text: str) -> str:
    """A field with what JSON cannot write, or what Python would not."""
    return with_field(name, "PLACE").replace('"PLACE"', text)


def deep(levels: int) -> str:
    return raw("output", '{"text": ' + "[" * levels + "]" * levels + "}")


WRONG_TYPES = {
    "status": [None, 1, True, [], {}, "", "OK", "completed", "approved", ["ok"]],
    "output": [
        None,
        1,
        True,
        [],
        "refund",
        [{"kind": "refund"}],
        {},
        {"kind": None},
        {"kind": ["refund"]},
        {"kind": "Refund"},
    ],
    "confidence": [None, "high", "0.9", True, [], {}, 2, -1, 1.0001, -0.0001],
    "rationale": [None, 1, True, [], {"text": "x"}],
    "uncovered": [1, True, [], {}, "Something is, and it is ok too."],
    "edge_case": [1, True, [], {}, "injury", "no-such-case"],
}
BROKEN_FORM = {
    "nothing": "",
    "blanks": " \n\t ",
    "null": "null",
    "a number": "7",
    "a text": '"refund"',
    "a list": "[]",
    "a list of one envelope": f"[{GOOD}]",
    "prose alone": "I think it is a refund.",
    "prose before it": f"Here is the JSON:\n{GOOD}",
    "prose behind it": f"{GOOD}\nI hope this helps!",
    "a fence": f"```json\n{GOOD}\n```",
    "a fence without a name": f"```\n{GOOD}\n```",
    "two documents": GOOD + GOOD,
    "two documents in lines": f"{GOOD}\n{GOOD}",
    "an envelope in an envelope": json.dumps({"answer": json.loads(GOOD)}),
    "an envelope as text": json.dumps(GOOD),
    "a byte order mark": f"\ufeff{GOOD}",
    "single quotes": GOOD.replace('"', "'"),
    "Python's words": GOOD.replace("null", "None"),
    "a comma too many": GOOD[:-1] + ",}",
    "a comment": GOOD[:-1] + " // sure\n}",
    "half of it": GOOD[: len(GOOD) // 2],
    "all but the last brace": GOOD[:-1],
    "a brace too many": GOOD + "}",
    "a key twice": GOOD[:-1] + ', "status": "ok"}',
    "a key twice within": raw("output", '{"kind": "other", "kind": "refund"}'),
    "a key that nobody knows": with_field("approved", True),
    "a key in capitals": GOOD.replace('"status"', '"Status"'),
    "NaN": raw("confidence", "NaN"),
    "Infinity": raw("confidence", "Infinity"),
    "minus Infinity": raw("confidence", "-Infinity"),
    "1e999": raw("confidence", "1e999"),
    "NaN in the output": raw("output", '{"text": NaN}'),
    "1e999 in the output": raw("output", '{"text": [1e999]}'),
    "an integer that nobody can keep": raw("output", '{"text": 9007199254740993}'),
    "4,000 digits": raw("output", '{"text": ' + "9" * 4000 + "}"),
    "a NUL": "\x00" + GOOD,
    "an escaped NUL in the output": raw("output", r'{"text": "a\u0000b"}'),
    "an escaped NUL in a key": raw("output", r'{"text": {"a\u0000": 1}}'),
    "a NUL as it is in the output": raw("output", '{"text": "a\x00b"}'),
    "a lone surrogate, escaped": raw("output", r'{"text": "\ud800"}'),
    "a lone surrogate in a key": raw("output", r'{"text": {"\udfff": 1}}'),
    "a lone surrogate as it is": raw("output", '{"text": "\ud800"}'),
    "a line break within a text": raw("output", '{"text": "a\nb"}'),
    "nested 40 deep": deep(40),
    "nested 10,000 deep": deep(10_000),
    "braces without an end": '{"output":' * 5000,
    "30,000 values": raw("output", '{"text": [' + "1," * 30_000 + "1]}"),
    "a text of 1 MB": with_field("output", {"text": "x" * 1_000_000}),
    "a rationale of 1 MB": with_field("rationale", "x" * 1_000_000),
    "1 MB of blanks": GOOD + " " * 1_000_000,
    "uncovered without a word": envelope(status="uncovered"),
    "uncovered with a blank": envelope(status="uncovered", uncovered="  "),
    "escalate without a case": envelope(status="escalate"),
    "escalate with a case that there is not": envelope(status="escalate", edge_case="approve-all"),
    "ok with an edge case": envelope({"kind": "refund"}, edge_case="injury"),
    "ok with what is not covered": envelope({"kind": "refund"}, uncovered="The moon."),
    **{f"no {name}": without_field(name) for name in json.loads(GOOD)},
}  # fmt: skip
IN_A_FREE_OUTPUT = {name for name in BROKEN_FORM if '"text"' in BROKEN_FORM[name]}


USAGE = {"input_tokens": 700, "output_tokens": 4096}  # stated, where the test server could not count


def answer(name: str) -> dict:
    return message(BROKEN_FORM[name], usage=USAGE)


def asked(execution: Execution) -> list[tuple[str, str, str]]:
    calls = Call.objects.filter(execution=execution.pk).order_by("intended_at")
    return [(call.purpose, call.outcome, call.cost_state) for call in calls]


def assert_it_waits(execution: Execution, reason: str, detector: str) -> Flag:
    """Nothing was taken; one flag is open, and the execution stands still for it."""
    assert (execution.status, execution.output, execution.resolved_by) == (Status.ESCALATED, None, "")
    flag = execution.flags.get()
    assert (flag.reason, flag.detector, flag.state, flag.waiting) == (reason, detector, "open", True)
    rows = list(execution.steps.filter(step="classify"))
    assert not [row for row in rows if row.status == StepResult.Status.DONE]
    assert not [row for row in rows if row.has_output and reason != "low_confidence"]
    return flag


def assert_every_call_is_priced(execution: Execution, server: MessagesServer) -> None:
    calls = Call.objects.filter(execution=execution.pk)
    assert calls.count() == len(server.exchanges)
    assert all(call.cost is not None and (call.cost > 0 or call.output == 0) for call in calls)
    assert sum(call.output for call in calls) == sum(usage["output_tokens"] for _, usage in server.answered)


ONCE_MORE = [("step", "ok", "priced"), ("repair", "ok", "priced"), ("escalation", "ok", "priced")]


@pytest.mark.parametrize("name", BROKEN_FORM)
def test_a_broken_answer_is_repaired_once_then_asked_of_the_frontier_then_of_a_person(name, provider):
    provider.inject(answer(name), times=3)
    execution = execute(a_workflow(FREE if name in IN_A_FREE_OUTPUT else None))
    assert asked(execution) == ONCE_MORE
    assert_it_waits(execution, "invalid_output", "schema")
    assert_every_call_is_priced(execution, provider)
    assert "What is wrong with it: <data-" in provider.requests[1]["messages"][0]["content"]


@pytest.mark.parametrize("field", WRONG_TYPES)
def test_a_field_of_a_wrong_kind_breaks_the_whole_answer(field, provider):
    workflow = a_workflow()
    for number, value in enumerate(WRONG_TYPES[field], 1):
        provider.inject(with_field(field, value), times=3)
        execution = execute(workflow)
        assert asked(execution) == ONCE_MORE, value
        assert_it_waits(execution, "invalid_output", "schema")
        assert len(provider.exchanges) == 3 * number


@pytest.mark.parametrize("name", [*list(BROKEN_FORM)[::4], "a NUL as it is in the output", "a lone surrogate as it is"])
def test_a_repair_that_heals_leaves_no_flag(name, provider):
    good = envelope({"text": "well"}) if name in IN_A_FREE_OUTPUT else GOOD
    provider.inject(answer(name))
    provider.inject(good)
    execution = execute(a_workflow(FREE if name in IN_A_FREE_OUTPUT else None))
    assert (execution.status, execution.resolved_by, asked(execution)) == ("completed", "workflow", ONCE_MORE[:2])
    assert execution.output == ({"text": "well"} if name in IN_A_FREE_OUTPUT else {"kind": "refund"})
    assert [row.status for row in execution.steps.filter(step="classify").order_by("attempt")] == ["rejected", "done"]
    assert_every_call_is_priced(execution, provider)


def test_an_answer_too_long_to_be_read_is_kept_cut_and_judged_the_same_when_it_is_recalled(provider):
    provider.inject(message(with_field("rationale", "x" * 3_000_000), usage=USAGE), times=3)
    execution = execute(a_workflow())
    assert asked(execution) == ONCE_MORE
    assert_it_waits(execution, "invalid_output", "schema")
    kept = [recalled(payload) for payload in Payload.objects.filter(call__execution=execution.pk)]
    assert [len(answer.completion.text) for answer in kept] == [1_000_001] * 3
    assert coverage.read(kept[0].completion, [])[1] == "The answer is longer than 1000000 characters."


def test_a_repair_that_breaks_differently_is_not_repaired_again(provider):
    provider.inject("Sorry.")
    provider.inject(with_field("confidence", "high"))
    execution = execute(a_workflow())
    assert (execution.status, execution.resolved_by, asked(execution)) == ("completed", "frontier", ONCE_MORE)
    flag = execution.flags.get()
    assert (flag.reason, flag.waiting, flag.answered_by) == ("invalid_output", False, "frontier")
    assert "`confidence` must be a number" in flag.explanation


STOPPED = {
    "cut in the middle": (message(GOOD[:40], stop_reason="max_tokens"), "truncated", "invalid_output", "schema"),
    "cut behind its end": (message(GOOD, stop_reason="max_tokens"), "truncated", "invalid_output", "schema"),
    "cut at the window": (message(GOOD, stop_reason="model_context_window_exceeded"), "truncated", "invalid_output", "schema"),
    "stopped for a tool": (message(GOOD, stop_reason="tool_use"), "ok", "invalid_output", "schema"),
    "paused": (message(GOOD, stop_reason="pause_turn"), "ok", "invalid_output", "schema"),
    "stopped for what nobody knows": (message(GOOD, stop_reason="approved"), "ok", "invalid_output", "schema"),
    "refused": (message("", stop_reason="refusal"), "refused", "refused", "provider"),
    "refused, with an answer": (message(GOOD, stop_reason="refusal"), "refused", "refused", "provider"),
    "no content": ({**message(""), "content": []}, "ok", "invalid_output", "schema"),
    "a tool call": (
        {**message(""), "content": [{"type": "tool_use", "id": "t", "name": "pay", "input": {"amount": 9}}]},
        "ok", "invalid_output", "schema",
    ),
    "its thoughts alone": ({**message(""), "content": [{"type": "thinking", "thinking": GOOD}]}, "ok", "invalid_output", "schema"),
    "in two halves": (
        {**message(""), "content": [{"type": "text", "text": GOOD}, {"type": "text", "text": GOOD}]},
        "ok", "invalid_output", "schema",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STOPPED)
def test_an_answer_that_did_not_come_to_its_end_is_not_taken(name, provider):
    body, outcome, reason, detector = STOPPED[name]
    provider.inject(body, times=3)
    execution = execute(a_workflow())
    purposes = ["step", "repair", "escalation"] if reason == "invalid_output" else ["step", "escalation"]
    assert asked(execution) == [(purpose, outcome, "priced") for purpose in purposes]
    assert_it_waits(execution, reason, detector)


def test_an_odd_end_is_named_and_still_one_when_it_is_recalled(provider):
    provider.inject(message(GOOD, stop_reason="pause_turn"), times=3)
    execution = execute(a_workflow())
    assert "stopped before its end: the provider calls it `pause_turn`" in execution.flags.get().explanation
    kept = [recalled(payload).completion for payload in Payload.objects.filter(call__execution=execution.pk)]
    assert [(one.stop, one.stopped_for) for one in kept] == [("other", "pause_turn")] * 3


@pytest.mark.parametrize("output", [None, {"kind": "refund"}, "approved", [1]])
def test_an_output_beside_uncovered_is_nobodys_output(output, provider):
    provider.inject(envelope(output, status="uncovered", uncovered="The moon."), times=2)
    execution = execute(a_workflow())
    assert asked(execution) == [ONCE_MORE[0], ONCE_MORE[2]]
    assert_it_waits(execution, "uncovered", "self_report")
    assert [row.output for row in execution.steps.filter(step="classify")] == [None, None]


def test_an_output_beside_escalate_is_nobodys_output(provider):
    provider.inject(envelope({"kind": "refund"}, status="escalate", edge_case="injury"))
    execution = execute(a_workflow())
    assert asked(execution) == ONCE_MORE[:1]
    assert_it_waits(execution, "rule", "edge_case")


@pytest.mark.parametrize("status", ["escalate", "ok"])
def test_a_workflow_without_edge_cases_has_none_to_escalate(status, provider):
    provider.inject(envelope({"kind": "refund"}, status=status, edge_case="injury"), times=3)
    execution = execute(make_workflow({**REFUND, "edge_cases": []}, project=make_project(tiers=TIERS)))
    assert asked(execution) == ONCE_MORE
    assert_it_waits(execution, "invalid_output", "schema")


WELL_FORMED = {
    "blanks around it": f"\n\n  {GOOD}\t\n",
    "letters as escapes": GOOD.replace("refund", "\\u0072efund"),
    "another order": json.dumps(dict(reversed(json.loads(GOOD).items()))),
    "in lines": json.dumps(json.loads(GOOD), indent=4),
    "sure as an integer": with_field("confidence", 1),
    "nothing uncovered, as an empty text": with_field("uncovered", ""),
}


@pytest.mark.parametrize("text", WELL_FORMED.values(), ids=WELL_FORMED.keys())
def test_what_json_allows_is_taken_at_once(text, provider):
    provider.inject(text)
    execution = execute(a_workflow())
    assert (execution.status, execution.output, asked(execution)) == ("completed", {"kind": "refund"}, ONCE_MORE[:1])


def with_usage(usage: dict, **more: object) -> Reply:
    return Reply(json.dumps({**message(GOOD, "claude-haiku-5-5", usage=usage), **more}).encode())


NOT_THE_PROTOCOL = {
    "a page": Reply(b"<html>hello</html>", content_type="text/html"),
    "half a body": Reply(b'{"id": "msg_1", "type": "mess'),
    "no usage": with_usage({}),
    "a usage in words": with_usage({"input_tokens": "1", "output_tokens": "2"}),
    "a negative usage": with_usage({"input_tokens": -5, "output_tokens": 2}),
    "a usage beyond belief": with_usage({"input_tokens": 10**12, "output_tokens": 2}),
    "no model": with_usage(USAGE, model=""),
    "a content that is a text": with_usage(USAGE, content=GOOD),
    "null": Reply(b"null"),
    "nested 100,000 deep": Reply(b"[" * 100_000 + b"]" * 100_000),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_THE_PROTOCOL)
def test_what_is_not_the_protocol_is_asked_once_more_and_fails(name, provider):
    """*We* broke, or the provider: that is no flag, and counts at its upper bound, for it may have been paid."""
    provider.inject(NOT_THE_PROTOCOL[name], times=2)
    execution = execute(a_workflow())
    if execution.status == Status.WAITING:
        queue.requeue(execution.pk, Status.WAITING, "test")
        plain.advance(execution.pk, worker.current())
        execution.refresh_from_db()
    assert (execution.status, execution.error["code"], execution.output) == ("failed", "provider_protocol", None)
    assert asked(execution) == [("step", "protocol", "upper_bound")] * 2
    assert not execution.flags.exists()


@pytest.mark.parametrize("name", ["a NUL", "a NUL as it is in the output", "a lone surrogate as it is"])
def test_a_script_may_say_it_too(name):
    """Whatever a provider hands over can be written into the ledger."""
    models_answer({"text": BROKEN_FORM[name]})
    execution = execute(make_workflow())
    assert [call[:2] for call in asked(execution)] == [("step", "ok"), ("repair", "ok"), ("escalation", "ok")]
    assert_it_waits(execution, "invalid_output", "schema")
