"""Five tasks of different kinds, as a project would describe them: what a strong model answered to each is in "
"`recorded/`.
The refund, the review and the triage are those of the seeds. The insurance tickets and the airline's policy lie beside this
checkout, and are never copied into it.
and are never copied into it.
"""

import gzip
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from designs.brief import Brief, Policy
from projects.models import Project, Tool
from projects.tools import tool

DATA = Path(__file__).parents[3] / "shared" / "data"
TICKETS, DOMAINS = DATA / "anthropic_insurance_tickets.json.gz", DATA / "tau2_domains.json.gz"
needs_data = pytest.mark.skipif(
    not (TICKETS.exists() and DOMAINS.exists()), reason="tickets and domains are not beside this checkout"
)
TEXT, MONEY = {"type": "string"}, {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$"}


@dataclass(frozen=True)
class Task:
    """`tools`: the names of the tools that its project has."""

    name: str
    brief: Brief
    tools: tuple[str, ...] = ()
    examples: tuple[dict, ...] = ()


def _object(**properties: object) -> dict:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _nothing(**_: object) -> dict:
    raise AssertionError("a design calls no tool")


TOOLS: dict[str, dict] = {}


def _tool(name: str, description: str, given: dict, answers: dict, side_effects: bool = False) -> None:
    said = {"input_schema": given, "output_schema": answers, "side_effects": side_effects}
    TOOLS[name] = {"description": description, **said}


ORDER = _object(
    id=TEXT, customer_id=TEXT, status=TEXT, delivered_on={"anyOf": [TEXT, {"type": "null"}]}, paid=MONEY, refunded=MONEY
)
_tool("shop.order", "One order by its id; an error where there is none.", _object(id=TEXT), ORDER)
_tool(
    "shop.refund", "Pays back so much of an order.", _object(order_id=TEXT, amount=MONEY), _object(receipt=TEXT), True
)
_tool(
    "desk.customer",
    "Who wrote, by the address of the mail; an error where nobody is known.",
    _object(email=TEXT),
    _object(id=TEXT, name=TEXT, plan=TEXT, account_status=TEXT, open_tickets={"type": "integer"}),
)
_tool("desk.status", "What the status page says now.", _object(), _object(incidents={"type": "array", "items": TEXT}))
_tool(
    "desk.articles",
    "The three articles of the knowledge base that are nearest to a question, best first.",
    _object(question=TEXT),
    _object(articles={"type": "array", "items": _object(title=TEXT, text=TEXT, score={"type": "number"})}),
)
_tool(
    "desk.send",
    "Sends a reply to a ticket.",
    _object(ticket_id=TEXT, text=TEXT),
    _object(sent={"type": "boolean"}),
    True,
)
RESERVATION = _object(
    id=TEXT,
    user_id=TEXT,
    cabin={"enum": ["basic_economy", "economy", "business"]},
    created_at=TEXT,
    insurance={"type": "boolean"},
    membership={"enum": ["regular", "silver", "gold"]},
    passengers={"type": "integer"},
    bags={"type": "integer"},
    flights={"type": "array", "items": _object(number=TEXT, date=TEXT, status=TEXT)},
    paid=MONEY,
)
_tool("air.reservation", "One reservation by its id; an error where there is none.", _object(id=TEXT), RESERVATION)
_tool("air.cancel", "Cancels a whole reservation, and pays it back.", _object(id=TEXT), _object(refund=MONEY), True)
_tool(
    "air.add_bags",
    "Adds checked bags; what they cost is charged.",
    _object(id=TEXT, bags={"type": "integer"}),
    _object(cost=MONEY),
    True,
)

REFUND = Task(
    "customer-refund",
    Brief(
        task="Decide customer refund requests, and pay those that are due. A customer writes about one order; the "
        "shop knows who is "
        "signed in.",
        requirements=(
            "Handle partial and full refunds.",
            "Check the order's status before anything is paid.",
            "Apply company policy: no refunds after 30 days.",
            "Escalate edge cases to humans.",
            "The input is {message, customer_id}; customer_id is who is signed in.",
        ),
        policies=(
            Policy(
                name="Refunds",
                text="R1 An order is refunded within 30 days of its delivery, counted in the shop's zone, "
                "Europe/Berlin.\n"
                "R2 Never more is refunded than was paid, less what was refunded before.\n"
                "R3 A damaged or wrong item is refunded in full; a part that is missing by its part of the price, "
                "which the customer "
                "names.\n"
                "R4 From 200.00 on a person approves.\n"
                "R5 An order that is not delivered yet is cancelled, not refunded: another desk.\n"
                "R6 Somebody was hurt: always a person.\n"
                "R7 An order of another customer is never spoken of.",
            ),
        ),
        executions_per_month=10_000,
    ),
    ("shop.order", "shop.refund"),
)
REVIEW = Task(
    "pull-request-review",
    Brief(
        task="Review code in pull requests: find what would hurt in production, and say it so that the author can "
        "mend it. The input "
        "is {title, description, files}, each file with its path and its unified diff; the result lists findings "
        "with path, line, "
        "severity and a sentence, and says whether it may be merged.",
        requirements=(
            "Secrets in a diff are always found, and always block.",
            "Generated files and lock files are not reviewed.",
            "A finding quotes the line it is about.",
            "At most ten findings, the worst first.",
            "More than 40 files, or a change of how people sign in or pay: a person reviews it.",
        ),
        constraints=("No style remarks: the formatter does that.",),
        executions_per_month=2200,
    ),
)
TRIAGE = Task(
    "email-support-triage",
    Brief(
        task="Automate responses to customer support emails: route complex issues to people, handle simple "
        "questions by ourselves. The "
        "input is {ticket_id, sender, subject, body}.",
        requirements=(
            "Tell the intent: refund, bug, question or feature request.",
            "Check the knowledge base for existing answers; on a confident match reply with it.",
            "Uncertain or sensitive (refund, complaint): a person.",
            "Angry customers: always a person.",
            "Technical errors: check the status page first.",
            "Billing questions: verify the account's status before responding.",
            "Every reply is checked against the articles it rests on before it is sent.",
            "The result says what was done and why.",
        ),
        executions_per_month=6000,
    ),
    ("desk.customer", "desk.status", "desk.articles", "desk.send"),
)


@cache
def tickets() -> Task:
    with gzip.open(TICKETS, "rt") as file:
        train = json.load(file)["train"]
    examples = [{"input": {"text": one["text"]}, "output": {"category": one["label"]}} for one in train]
    return Task(
        "insurance-tickets",
        Brief(
            task="Put an incoming insurance-support ticket into one of ten categories, which the examples show. "
            "The input is {text}, the "
            "result {category}.",
            requirements=("A ticket that fits no category, or is no customer's request, goes to a person.",),
            executions_per_month=20_000,
        ),
        (),
        tuple(examples),
    )


@cache
def airline() -> Task:
    with gzip.open(DOMAINS, "rt") as file:
        policy = json.load(file)["airline"]["policy"]
    return Task(
        "airline-service",
        Brief(
            task="Answer requests of airline customers to cancel a reservation or to add checked bags to it. One "
            "execution is one request: the "
            "input is {message, user_id, reservation_id, confirmed}; user_id is who is signed in, confirmed says "
            "that the customer has "
            "agreed to what was proposed. The result is {outcome, reply}, the outcome one of proposed, done, "
            "refused, transferred.",
            requirements=(
                "Nothing is changed before the customer has confirmed it.",
                "Everything else goes to a person.",
            ),
            policies=(Policy(name="Airline Agent Policy", text=policy),),
            executions_per_month=30_000,
        ),
        ("air.reservation", "air.cancel", "air.add_bags"),
    )


SEEDS = (REFUND, REVIEW, TRIAGE)
OTHERS = (tickets, airline)


def equip(project: Project, task: Task) -> None:
    """Its tools are registered, and in the project. Whoever calls this takes them back: the registry is the process's."""
    for name in task.tools:
        tool(name, **TOOLS[name])(_nothing)
        Tool.objects.create(project=project, name=name)
