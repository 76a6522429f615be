"""A small definition that has something of everything that a redesign could touch, and the five of the format's own texts."""

import copy
from pathlib import Path

import pytest

from wire import strict_yaml

REFUND = {
    "title": "Refund",
    "purpose": "Decide and pay a small refund.",
    "input_schema": {
        "type": "object",
        "required": ["message"],
        "properties": {"message": {"type": "string", "maxLength": 1000}, "channel": {"enum": ["mail", "chat"]}},
        "additionalProperties": False,
    },
    "output_schema": {"type": "object", "required": ["paid"], "properties": {"paid": {"type": "boolean"}}},
    "constants": {"days": 30, "caps": {"meals": "75.00"}},
    "guidance": "Be kind.",
    "covers": [{"check": "input['message'].strip() != ''", "message": "The message is empty."}],
    "edge_cases": [
        {"id": "injury", "case": "Somebody was hurt", "handling": "escalate"},
        {"case": "The customer is angry", "handling": "Answer calmly."},
        {"id": "huge", "case": "A huge sum", "handling": "escalate", "when": "steps['due']['amount'] > 1000"},
    ],
    "steps": [
        {
            "id": "read",
            "kind": "model",
            "tier": "cheap",
            "instructions": "Which order?",
            "prompt": "{{ input.message }}",
            "min_confidence": 0.7,
            "max_output_tokens": 800,
            "output_schema": {
                "type": "object",
                "required": ["order"],
                "properties": {"order": {"type": "string"}, "days": {"type": "integer"}},
            },
            "checks": ["output['order'] != ''", {"check": "len(output['order']) < 20", "message": "Too long."}],
        },
        {"id": "due", "kind": "code", "code": "def run(input, steps):\n    return {'amount': 5}"},
        {
            "id": "judge",
            "kind": "code",
            "repairs": "read",
            "code": "def run(input, steps):\n    return {'known': True}",
            "checks": ["output['known']"],
        },
        {
            "id": "approval",
            "kind": "review",
            "to": "team_lead",
            "within": "2d",
            "when": "steps['due']['amount'] >= 200",
            "otherwise": {"approved": "error is None"},
            "prompt": "Pay?",
            "output_schema": {
                "type": "object",
                "required": ["approved"],
                "properties": {"approved": {"type": "boolean"}},
            },
        },
        {
            "id": "pay",
            "kind": "tool",
            "tool": "payments.refund",
            "when": "steps['approval']['approved']",
            "arguments": {"order": "steps['read']['order']"},
        },
    ],
    "result": {"paid": "steps['pay'] is not None"},
}


def refund(**more: object) -> dict:
    return {**copy.deepcopy(REFUND), **more}


def with_step(name: str, **more: object) -> dict:
    """With other keys of this step; None takes a key away."""
    document = refund()
    for step in document["steps"]:
        if step["id"] == name:
            step.update(more)
            for key in [key for key, value in more.items() if value is None]:
                del step[key]
    return document


def without_step(name: str) -> dict:
    document = refund()
    return document | {"steps": [step for step in document["steps"] if step["id"] != name]}


DEFINITIONS = Path(__file__).parents[3] / "shared" / "definitions"
SUPPORT, CUSTOMER_REFUND, INSURANCE, AIRLINE, EXPENSES = (
    f"{name}.yaml"
    for name in (
        "1-support-ticket",
        "3-customer-refund",
        "4-insurance-ticket-classification",
        "5-airline-turn",
        "6-expense-audit",
    )
)
ALL_FIVE = [SUPPORT, CUSTOMER_REFUND, INSURANCE, AIRLINE, EXPENSES]


def definition(name: str) -> dict:
    """One of the five that stand beside this checkout; skips the test where they do not."""
    path = DEFINITIONS / name
    if not path.exists():
        pytest.skip(f"the definition {name} is not beside this checkout")
    return strict_yaml.loads(path.read_text())
