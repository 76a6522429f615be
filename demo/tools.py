"""The three tools of the demo's support desk, over a small table of customers. Registered through `TOOL_MODULES`.

The story happens on one day, so that its charges stay inside or outside the refund period for good.
"""

import hashlib
import json
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from projects.tools import ToolError, tool

CUSTOMERS = Path(__file__).parent / "content" / "customers.json"
STORY_DATE = date(2026, 11, 20)
RESOLVED = "resolved"

deliveries: dict[str, dict[str, str]] = {}  # what this process sent or assigned, by idempotency key: the desk's outbox

_TEXT = {"type": "string"}
_NULLABLE_TEXT = {"type": ["string", "null"]}


def _object(**properties: dict) -> dict:
    """A closed object of which every property is required."""
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


@cache
def _customers() -> tuple[dict, ...]:
    return tuple(json.loads(CUSTOMERS.read_text(encoding="utf-8")))


@tool(
    "support.customer",
    description="The customer with this id, or, without one, with this address. An error when there is none.",
    input_schema=_object(customer_id=_NULLABLE_TEXT, email=_TEXT),
    output_schema=_object(known={"const": True}, id=_TEXT, name=_TEXT, plan=_TEXT),
)
def customer(customer_id: str | None, email: str) -> dict:
    for row in _customers():
        if row["id"] == customer_id if customer_id else email.lower() in row["emails"]:
            return {"known": True, "id": row["id"], "name": row["name"], "plan": row["plan"]}
    raise ToolError("No customer has this id or address.")


@tool(
    "support.activity",
    description=(
        "A customer's charges (each inside or outside the refund period) and earlier tickets, newest first, "
        "and how many tickets of the last `within_days` days are unresolved."
    ),
    input_schema=_object(customer_id=_TEXT, within_days={"type": "integer"}, refund_days={"type": "integer"}),
    output_schema=_object(
        charges={
            "type": "array",
            "items": _object(id=_TEXT, what=_TEXT, amount=_TEXT, charged_on=_TEXT, refundable={"type": "boolean"}),
        },
        tickets={"type": "array", "items": _object(id=_TEXT, opened_on=_TEXT, subject=_TEXT, status=_TEXT)},
        unresolved={"type": "integer"},
    ),
)
def activity(customer_id: str, within_days: int, refund_days: int) -> dict:
    row = next((row for row in _customers() if row["id"] == customer_id), None)
    if row is None:
        raise ToolError("No customer has this id.")
    charges = sorted(row["charges"], key=lambda charge: charge["charged_on"], reverse=True)
    tickets = sorted(row["tickets"], key=lambda ticket: ticket["opened_on"], reverse=True)
    recent = [ticket for ticket in tickets if _within(ticket["opened_on"], within_days)]
    return {
        "charges": [charge | {"refundable": _within(charge["charged_on"], refund_days)} for charge in charges],
        "tickets": tickets,
        "unresolved": sum(ticket["status"] != RESOLVED for ticket in recent),
    }


def _within(day: str, days: int) -> bool:
    return STORY_DATE - date.fromisoformat(day) <= timedelta(days=days)


@tool(
    "support.deliver",
    description="Sends `text` as the reply to the ticket, or assigns the ticket to the queue with `text` as its note.",
    input_schema=_object(ticket_id=_TEXT, action={"enum": ["send", "assign"]}, queue=_TEXT, text=_TEXT),
    output_schema=_object(id=_TEXT, action={"enum": ["send", "assign"]}),
    side_effects=True,
    takes_key=True,
)
def deliver(ticket_id: str, action: str, queue: str, text: str, idempotency_key: str) -> dict:
    """Once per key: the same key answers the same id again, and delivers nothing twice."""
    delivery = {"ticket_id": ticket_id, "action": action, "queue": queue, "text": text}
    deliveries.setdefault(idempotency_key, delivery)
    return {"id": "D-" + hashlib.sha256(idempotency_key.encode()).hexdigest()[:12], "action": action}
