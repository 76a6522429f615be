"""The demo's content holds together: a valid definition, different messages, a script without the key."""

import json
import re
import tomllib
from collections import Counter

import jsonschema_rs
import pytest

from demo import tools
from gateway.providers.scripted import ScriptedProvider
from gateway.types import Block, Request
from projects.tools import RegisteredTool, ToolError, registered
from tests.waiting import Waiting
from wire import strict_yaml
from workflows.compiled import build
from workflows.definition import Definition
from workflows.meaning import ToolSignature
from workflows.parsing import parse

CONTENT = tools.CUSTOMERS.parent
DEFINITION = json.loads((CONTENT / "definition.json").read_text(encoding="utf-8"))
CASES = strict_yaml.loads((CONTENT / "cases.yaml").read_text(encoding="utf-8"))
CUSTOMERS = json.loads((CONTENT / "customers.json").read_text(encoding="utf-8"))
MESSAGES = tomllib.loads((CONTENT / "messages.toml").read_text(encoding="utf-8"))["message"]
LATER = tomllib.loads((CONTENT / "later.toml").read_text(encoding="utf-8"))["message"]
SCRIPT_TEXT = (CONTENT / "script.toml").read_text(encoding="utf-8")
_ANSWERS = tomllib.loads(SCRIPT_TEXT)["answer"]
DESIGNS = [answer for answer in _ANSWERS if answer["system"].startswith("^You")]
ANSWERS = [answer for answer in _ANSWERS if answer not in DESIGNS]
MENDED = strict_yaml.loads(DESIGNS[-1]["json"]["changes"][0]["value"])  # what the redesign tells the step `categorise`
MODEL_STEPS = {step["id"]: step for step in DEFINITION["steps"] if step["kind"] == "model"}
INPUT_KEYS = {"ticket_id", "from", "subject", "body", "customer_id"}


def input_of(message: dict) -> dict:
    return {key: value for key, value in message.items() if key in INPUT_KEYS}


def sentences(text: str) -> set[str]:
    """Its sentences without case and punctuation; greetings and signatures are sentences of their own."""
    pieces = re.split(r"\n+|(?<=[.!?。])\s*(?=\s|$|[^\x00-\x7f])", text)
    return {words for piece in pieces if (words := " ".join(re.findall(r"\w+", piece.casefold())))}


def texts_in(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for child in children for text in texts_in(child)]


# --- the definition -------------------------------------------------------------------------------------------------


def test_it_is_the_ten_step_ticket_with_one_standard_call():
    assert [(step["id"], step["kind"], step.get("tier")) for step in DEFINITION["steps"]] == [
        ("receive", "code", None),
        ("categorise", "model", "cheap"),
        ("extract", "model", "cheap"),
        ("customer", "tool", None),
        ("activity", "tool", None),
        ("summarise", "model", "cheap"),
        ("decide", "model", "cheap"),
        ("draft", "model", "standard"),
        ("check", "model", "cheap"),
        ("deliver", "tool", None),
    ]


def parsed() -> Definition:
    return parse(DEFINITION, {tool.name: signature(tool) for tool in registered().values()})


def signature(tool: RegisteredTool) -> ToolSignature:
    return ToolSignature(tool.name, tool.input_schema)


def test_the_definition_is_valid_with_the_demos_tools():
    escalating = [case for case in parsed().edge_cases if case.escalates]
    assert [case.id for case in escalating if case.when] == ["legal-threat", "data-breach", "angry-customer"]
    assert [case.id for case in escalating if not case.when] == ["injury", "bereavement"]


def test_the_frontier_is_asked_with_the_policy_that_the_definition_keeps_to():
    brief = json.loads((CONTENT / "brief.json").read_text(encoding="utf-8"))
    assert set(brief) == {"task", "requirements", "constraints", "executions_per_month"}
    policy = (CONTENT / "policy.md").read_text(encoding="utf-8")
    clauses = {found for found in re.findall(r"^- ([A-Z]\d)\.", policy, re.MULTILINE)}
    written = set(re.findall(r"^- ([A-Z]\d)\.", DEFINITION["guidance"], re.MULTILINE))
    assert clauses == written | {"E1", "E2", "E3", "E4", "E5"}
    assert {one["clause"] for one in DESIGNS[0]["json"]["policy_references"]} <= clauses


def test_it_is_designed_in_two_rounds_and_mended_in_one():
    first, last, patch = DESIGNS[1], DESIGNS[0], DESIGNS[2]
    assert last["user"] == "Your earlier answer does not hold" and "user" not in first
    assert {answer["json"]["definition"] for answer in (first, last)} == {"$file:definition.json"}
    assert len(CASES) == 14
    assert [change["path"] for change in patch["json"]["changes"]] == ["/steps/categorise/instructions"]


# --- the messages ---------------------------------------------------------------------------------------------------


def test_there_are_ninety_two_messages_each_with_a_comment():
    assert len(MESSAGES) == 92
    assert len({message["ticket_id"] for message in MESSAGES}) == 92
    assert all(message["comment"].strip() and message["expect"] for message in MESSAGES)


def test_most_are_resolved_by_the_workflow_some_by_the_frontier_some_by_a_person():
    ends = Counter(message["expect"].get("resolved_by", message["expect"]["status"]) for message in MESSAGES)
    assert ends == {"workflow": 63, "frontier": 11, "escalated": 18}


def test_every_reason_of_a_flag_that_a_message_can_cause_is_there():
    reasons = Counter(message["expect"]["reason"] for message in MESSAGES if "reason" in message["expect"])
    assert reasons == {
        "uncovered": 13,
        "rule": 7,
        "check_failed": 3,
        "low_confidence": 3,
        "refused": 2,
        "invalid_output": 1,
    }


def test_every_message_is_an_input_of_the_workflow():
    schema = jsonschema_rs.validator_for(DEFINITION["input_schema"])
    for message in MESSAGES + LATER:
        assert set(message) <= INPUT_KEYS | {"comment", "expect"}
        assert not [error.message for error in schema.iter_errors(input_of(message))]


def test_some_messages_are_empty_or_longer_than_the_workflow_was_designed_for():
    bodies = [message["body"] for message in MESSAGES]
    assert [len(body) for body in bodies if not body.strip()] == [0, 9]
    assert [len(body) > DEFINITION["constants"]["longest_body"] for body in bodies].count(True) == 1


def test_every_customer_id_is_in_the_table():
    known = {customer["id"] for customer in CUSTOMERS}
    assert {message["customer_id"] for message in MESSAGES if "customer_id" in message} <= known


def test_no_two_messages_share_a_sentence():
    owners: dict[str, str] = {}
    for message in MESSAGES + LATER:
        for sentence in sentences(message.get("subject", "") + "\n" + message["body"]):
            assert owners.setdefault(sentence, message["ticket_id"]) == message["ticket_id"], sentence


def test_no_sentence_of_a_message_stands_in_the_definition_or_the_script():
    written = sentences("\n".join(texts_in(DEFINITION) + texts_in(CASES) + texts_in(_ANSWERS)))
    for message in MESSAGES + LATER:
        assert not sentences(message.get("subject", "") + "\n" + message["body"]) & written, message["ticket_id"]


# --- the script -----------------------------------------------------------------------------------------------------


def test_the_script_knows_nothing_of_comments_and_tickets():
    written = sentences(SCRIPT_TEXT)
    for message in MESSAGES + LATER:
        assert message["ticket_id"] not in SCRIPT_TEXT
        assert not sentences(message["comment"]) & written, message["ticket_id"]


def test_every_answer_is_for_one_step_and_every_model_step_has_one():
    steps = build(parsed()).steps
    mended = "in whatever language it is written"
    systems = {name: "\n".join(block.text for block in steps[name].system) for name in MODEL_STEPS}
    answered = set()
    for answer in ANSWERS:
        if answer["system"] == mended:
            assert mended in MENDED
            continue
        named = [name for name, text in systems.items() if re.search(answer["system"], text)]
        assert len(named) == 1, answer["system"]
        answered.update(named)
    assert answered == set(MODEL_STEPS)


def test_the_cheap_model_works_by_patterns_not_by_an_answer_per_message():
    cheap = [
        answer for answer in ANSWERS if answer.get("model") != "opus" and "Write the reply" not in answer["system"]
    ]
    assert len(cheap) < 40


def test_the_script_puts_every_message_that_the_workflow_resolves_to_its_desk():
    provider = Waiting(ScriptedProvider([CONTENT / "script.toml"]))
    system = (Block(MODEL_STEPS["categorise"]["instructions"]),)
    for message in MESSAGES:
        if message["expect"].get("resolved_by") == "workflow":
            user = f"Subject: {message.get('subject', '(none)')}\n\n{message['body']}"
            told = provider.complete(Request("claude-haiku-5-5", system, user, None, 4096))
            assert json.loads(told.text)["output"]["category"] == message["expect"]["category"], message["ticket_id"]


# --- the tools ------------------------------------------------------------------------------------------------------


def test_a_customer_is_found_by_id_or_else_by_address():
    maria = {"known": True, "id": "C-1001", "name": "Maria Lindqvist", "plan": "Team"}
    assert tools.customer("C-1001", "anybody@elsewhere.example") == maria
    assert tools.customer(None, "Maria.Lindqvist@fjordstudio.example") == maria


def test_an_unknown_sender_is_an_error_of_the_tool():
    with pytest.raises(ToolError, match="No customer has this id or address"):
        tools.customer(None, "anybody@elsewhere.example")


def test_a_charge_is_refundable_up_to_its_last_day():
    assert [charge["refundable"] for charge in tools.activity("C-1018", 30, 33)["charges"]] == [True]
    assert [charge["refundable"] for charge in tools.activity("C-1018", 30, 32)["charges"]] == [False]


def test_unresolved_tickets_count_within_the_window_only():
    assert tools.activity("C-1020", 30, 30)["unresolved"] == 4
    assert tools.activity("C-1020", 14, 30)["unresolved"] == 2


def test_a_reply_is_delivered_once_per_key(monkeypatch):
    monkeypatch.setattr(tools, "deliveries", {})
    first = tools.deliver("T-1", "send", "billing", "Hello", idempotency_key="7:deliver:0")
    again = tools.deliver("T-1", "send", "billing", "Hello", idempotency_key="7:deliver:0")
    assert first == again == {"id": first["id"], "action": "send"}
    assert list(tools.deliveries) == ["7:deliver:0"]
