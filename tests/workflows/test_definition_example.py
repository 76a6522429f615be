"""The example of the format's own description: a refund under the limit, with every construct in its natural place."""

from datetime import timedelta

from workflows.meaning import ToolSignature
from workflows.parsing import parse

ORDER = ToolSignature("shop.order", {"type": "object", "properties": {"id": {}}, "required": ["id"]})
PAY = ToolSignature(
    "payments.refund",
    {"type": "object", "properties": {"order_id": {}, "amount": {}}, "required": ["order_id", "amount"]},
)
TOOLS = {"shop.order": ORDER, "payments.refund": PAY}

REFUND = {
    "title": "Refund under the limit",
    "purpose": "Decide and pay one small refund.",
    "timezone": "Europe/Berlin",
    "input_schema": {
        "type": "object",
        "required": ["message", "customer_id"],
        "properties": {"message": {"type": "string"}, "customer_id": {"type": "string"}},
    },
    "constants": {"days": 30, "approve_from": "200.00"},
    "guidance": "Refunds are possible within {{ constants.days }} days of delivery.",
    "edge_cases": [
        {
            "id": "not-theirs",
            "case": "The order is another customer's",
            "when": "steps['order'] is not None and steps['order']['customer_id'] != input['customer_id']",
            "handling": "escalate",
            "note": "R7",
        },
        {"id": "injury", "case": "Somebody was hurt", "handling": "escalate"},
    ],
    "steps": [
        {
            "id": "request",
            "kind": "model",
            "tier": "cheap",
            "task": "extraction",
            "instructions": "Which order is meant? Null where none is named.",
            "prompt": "{{ input.message }}",
            "output_schema": {
                "type": "object",
                "required": ["order_id"],
                "properties": {"order_id": {"type": ["string", "null"]}},
            },
            "checks": [
                {
                    "check": "output['order_id'] is None or output['order_id'] in input['message']",
                    "message": "This number is not in the message.",
                }
            ],
        },
        {
            "id": "order",
            "kind": "tool",
            "tool": "shop.order",
            "when": "steps['request']['order_id']",
            "otherwise": None,
            "arguments": {"id": "steps['request']['order_id']"},
        },
        {
            "id": "due",
            "kind": "code",
            "code": "def run(input, steps):\n"
            "    order = steps['order']\n"
            "    late = order is None or date.today() - date.fromisoformat(order['delivered_on'])"
            " > timedelta(days=constants['days'])\n"
            "    return {'amount': Decimal(0) if late else Decimal(order['paid'])}\n",
        },
        {
            "id": "approval",
            "kind": "review",
            "to": "team_lead",
            "within": "2d",
            "when": "Decimal(steps['due']['amount']) >= Decimal(constants['approve_from'])",
            "otherwise": {"approved": "error is None"},
            "prompt": "Refund {{ steps.due.amount }} for order {{ steps.order.id }}?",
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
            "when": "Decimal(steps['due']['amount']) > 0 and steps['approval']['approved']",
            "arguments": {"order_id": "steps['order']['id']", "amount": "steps['due']['amount']"},
        },
    ],
    "result": {"refunded": "steps['due']['amount'] if steps['pay'] is not None else None"},
}


def test_it_is_a_definition():
    definition = parse(REFUND, TOOLS)
    assert [step.id for step in definition.steps] == ["request", "order", "due", "approval", "pay"]
    assert definition.steps[1].has_otherwise
    assert definition.steps[3].patience == timedelta(days=2)
    assert [case.escalates for case in definition.edge_cases] == [True, True]
