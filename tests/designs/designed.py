"""Designs of Alice's refund workflow, and what a scripted frontier answers to them."""

import json

from designs import designing, running
from designs.brief import Brief
from designs.designing import Asked
from designs.models import Design
from executions import errands
from projects.models import Project
from tests.cast import REFUND
from wire import strict_yaml

TASK = "Say of each message to the shop whether its writer asks for a refund. It comes some thousand times a month."
CASES = [
    {"kind": "covered", "input": {"message": "I want a refund"}, "expected": {"kind": "refund"}},
    {"kind": "covered", "input": {"message": "a refund, please"}, "expected": {"kind": "refund"}},
    {"kind": "covered", "input": {"message": "Where is my parcel?"}, "expected": {"kind": "other"}},
    {"kind": "boundary", "input": {"message": "Is a refund possible at all?"}, "expected": {"kind": "other"}},
    {"kind": "boundary", "input": {"message": "refund or exchange"}, "expected": {"kind": "refund"}},
    {"kind": "uncovered", "input": {"message": "  "}},
    {"kind": "uncovered", "input": {"message": "The kettle burnt my hand"}},
]
SECTIONS = 200


def design_answer(definition: dict | None = REFUND, cases: list[dict] = CASES, **said: object) -> str:
    verdict = "great" if definition else "keep_on_frontier"
    return json.dumps(
        {
            "fit": {"verdict": verdict, "reasons": ["It comes often, and one can tell a right answer."]},
            "questions": [{"question": "Who reads Polish?", "why": "One in ten is.", "assumed": "Nobody: uncovered."}],
            "definition": definition and strict_yaml.dumps(definition),
            "cases": strict_yaml.dumps(cases) if definition else "[]",
            "edge_cases_considered": [{"case": "Somebody was hurt", "decision": "Always a person."}],
            "policy_references": [{"clause": "R1", "where": "/constants"}],
            "changelog": "Tells refunds from the rest.",
            **said,
        }
    )


def redesign_answer(changes: list[dict], cases: list[dict] = (), **said: object) -> str:
    told = [{**one, "value": strict_yaml.dumps(one["value"]) if "value" in one else None} for one in changes]
    answer = {
        "changes": told,
        "questions": [],
        "cases": strict_yaml.dumps(list(cases)),
        "changelog": "Covers vouchers.",
    }
    return json.dumps({**answer, **said})


def begin(project: Project, name: str = "refund", *, examples: list = (), task: str = TASK, **asked: object) -> Design:
    brief = asked.pop("brief", None) or Brief(task=task)
    ready = designing.examine(Asked(project, name, brief, examples, **asked), "alice")
    return designing.begin(ready)


def complete(design: Design) -> Design:
    """Taken as far as it goes."""
    for _ in range(SECTIONS):
        if not running.advance(design):
            errands.wait()
            if not errands.settle() and not running.advance(design):
                break
    design.refresh_from_db()
    return design


def design(project: Project, name: str = "refund", **asked: object) -> Design:
    return complete(begin(project, name, **asked))
