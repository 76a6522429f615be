"""What the frontier is told: the words stand in `templates/prompts/design/` and `redesign/`, by format. Pure; `running` asks.

The system prompt is the same for every design, so it can be cached; the brief, examples and flags are all of the message, each
value from outside marked as data.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.types import Block, Request
from wire import strict_yaml
from wire.problems import Fault, pointer
from workflows.definition import MAX_EXAMPLES, MAX_OUTPUT_TOKENS, MAX_STEPS, TASK_TIERS, edge_case_id
from workflows.meaning import MAX_CONSTANTS
from workflows.prompts import marked, new_marker
from workflows.sandbox import MAX_SECONDS

from .answers import FEWEST
from .brief import Brief
from .examples import Example, Sample, told

FORMAT = 1
MAX_TOKENS = 20_000  # of an answer; above this providers answer in a stream only
MAX_EARLIER = 200_000  # characters of an earlier answer that are shown
MAX_TOLD_FAULTS = 50
MAX_EVIDENCE = 5  # of a group
MAX_CONSTANT = 4_000  # characters of one constant in a redesign, where it may not be changed anyway

_TEXT = {"type": "string"}
_MAYBE = {"anyOf": [_TEXT, {"type": "null"}]}


def _object(**properties: dict) -> dict:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _list(items: dict) -> dict:
    return {"type": "array", "items": items}


_QUESTIONS = _list(_object(question=_TEXT, why=_TEXT, assumed=_TEXT))

SCHEMA = _object(
    fit=_object(verdict={"type": "string", "enum": ["great", "hybrid", "keep_on_frontier"]}, reasons=_list(_TEXT)),
    questions=_QUESTIONS,
    definition=_MAYBE,
    cases=_TEXT,
    edge_cases_considered=_list(_object(case=_TEXT, decision=_TEXT)),
    policy_references=_list(_object(clause=_TEXT, where=_TEXT)),
    changelog=_TEXT,
)
REDESIGN_SCHEMA = _object(
    changes=_list(
        _object(op={"type": "string", "enum": ["add", "replace", "remove"]}, path=_TEXT, value=_MAYBE, why=_TEXT)
    ),
    questions=_QUESTIONS,
    cases=_TEXT,
    changelog=_TEXT,
)


@dataclass(frozen=True)
class Again:
    """What was answered in the round before, and what is wrong with it."""

    answer: str
    faults: Sequence[Fault]


def design_request(
    model: str,
    brief: Brief,
    tools: Sequence[Mapping[str, object]],
    sample: Sample | None,
    examples: Sequence[Example],
    before: Again | None = None,
) -> Request:
    """`tools`: name, kind, description, schemas, side effects, as plain values. `sample`: of these `examples`."""
    marker = new_marker()
    data = _marking(marker)
    often = "Not known." if brief.executions_per_month is None else f"{brief.executions_per_month} times a month."
    values = {
        "task": data(brief.task),
        "requirements": [data(one) for one in brief.requirements],
        "constraints": [data(one) for one in brief.constraints],
        "policies": [{"name": data(one.name), "text": data(one.text)} for one in brief.policies],
        "document": data(brief.document) if brief.document.strip() else "",
        "files": [{"path": data(path), "text": data(text)} for path, text in sorted(brief.files.items())],
        "executions_per_month": often,
        "tools": [data(dict(tool)) for tool in tools],
        "answers": [{"question": data(one.question), "answer": data(one.answer)} for one in brief.answers],
        "summary": data(sample.summary) if sample and examples else "",
        "examples": [data(told(examples[index])) for index in sample.shown] if sample else [],
    }
    user = _say("design", "user", **values) + _again(before, data)
    return Request(model, (Block(system("design"), cached=True),), user, SCHEMA, MAX_TOKENS, marker)


def redesign_request(
    model: str,
    definition: Mapping[str, object],
    groups: Sequence[Mapping[str, object]],
    tools: Sequence[Mapping[str, object]],
    before: Again | None = None,
    note: str = "",
) -> Request:
    """`definition`: the document of the version that is patched. `groups`: each with id, step, reason, edge_case (the id of the one
    that fired, or null), count, cost (USD as text, or null), explanation and `evidence`, a list of which five are told: the input,
    why it was flagged, the step's output, what a person answered or noted. `note`: what a person says to it."""
    marker = new_marker()
    data = _marking(marker)
    short, left_out = _shortened(definition)
    concerned, neighbours = _concerned(definition, groups)
    values = {
        "definition": data(strict_yaml.dumps(short)),
        "shortened": [data(place) for place in left_out],
        "groups": [_told_group(group, data) for group in groups],
        "note": data(note) if note.strip() else "",
        "concerned": [data(place) for place in concerned],
        "neighbours": [data(place) for place in neighbours],
        "tools": [data(dict(tool)) for tool in tools],
    }
    user = _say("redesign", "user", **values) + _again(before, data)
    return Request(model, (Block(system("redesign"), cached=True),), user, REDESIGN_SCHEMA, MAX_TOKENS, marker)


@cache
def system(kind: str) -> str:
    """What is the same for every design, or redesign."""
    limits = {"steps": MAX_STEPS, "constants": MAX_CONSTANTS // 1024, "examples": MAX_EXAMPLES}
    limits |= {"output_tokens": MAX_OUTPUT_TOKENS, "seconds": int(MAX_SECONDS), "answer_tokens": MAX_TOKENS}
    example = dict(worked_example(kind))
    if kind == "redesign":
        example["definition"] = worked_example("design")["answer"]["definition"]
    for key in ("tools", "group", "answer"):
        if key in example:
            example[key] = json.dumps(example[key], ensure_ascii=False)
    return _say(kind, "system", limits=limits, tiers=_tiers(), fewest=FEWEST, example=example)


@cache
def worked_example(kind: str) -> dict:
    """The example of the system prompt: what was asked, and the answer as an object."""
    return strict_yaml.loads((_FOLDER / kind / str(FORMAT) / "example.yaml").read_text())


def _tiers() -> list[tuple[str, list[str]]]:
    """Tier → the tasks that usually need it, each spelt once."""
    spelt = {task: tier for task, tier in TASK_TIERS.items() if task != "summarization"}
    return [(tier, [task for task in spelt if spelt[task] == tier]) for tier in dict.fromkeys(spelt.values())]


def _marking(marker: str) -> Callable[[object], str]:
    return lambda value: marked(value, marker)


def _again(before: Again | None, data: Callable[[object], str]) -> str:
    """The same words for both."""
    if before is None:
        return ""
    faults = [
        {"pointer": data(fault.pointer or "/"), "detail": data(fault.detail)}
        for fault in before.faults[:MAX_TOLD_FAULTS]
    ]
    return _say("design", "again", answer=data(before.answer[:MAX_EARLIER]), faults=faults)


def _told_group(group: Mapping[str, object], data: Callable[[object], str]) -> dict[str, object]:
    head = {key: value for key, value in group.items() if key != "evidence"}
    evidence = group.get("evidence") or []
    return {"head": data(head), "evidence": [data(one) for one in evidence[:MAX_EVIDENCE]]}


def _shortened(definition: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """Without constants that are long, and where those stand."""
    constants = definition.get("constants")
    if not isinstance(constants, dict):
        return dict(definition), []
    long = [name for name, value in constants.items() if len(json.dumps(value, ensure_ascii=False)) > MAX_CONSTANT]
    kept = {name: f"… {_measure(value)}, left out here" if name in long else value for name, value in constants.items()}
    return {**definition, "constants": kept}, [pointer("constants", name) for name in long]


def _measure(value: object) -> str:
    return f"{len(value)} entries" if isinstance(value, dict | list) else f"{len(str(value))} characters"


def _concerned(definition: Mapping[str, object], groups: Sequence[Mapping[str, object]]) -> tuple[list[str], list[str]]:
    """The places that the groups speak of, their steps and the edge cases that fired; and the places of the other rules."""
    steps = {str(group.get("step") or "") for group in groups}
    fired = {str(group.get("edge_case") or "") for group in groups}
    concerned = [pointer("steps", one) for one in _ids(definition, "steps") if one in steps]
    edge_cases = _ids(definition, "edge_cases")
    concerned += [pointer("edge_cases", one) for one in edge_cases if one in fired]
    neighbours = [pointer("edge_cases", one) for one in edge_cases if one not in fired]
    covers, constants = definition.get("covers"), definition.get("constants")
    neighbours += [pointer("covers", index) for index in range(len(covers) if isinstance(covers, list) else 0)]
    neighbours += [pointer("constants", name) for name in (constants if isinstance(constants, dict) else ())]
    return concerned, neighbours


def _ids(definition: Mapping[str, object], key: str) -> list[str]:
    members = definition.get(key)
    return [edge_case_id(one) for one in members if isinstance(one, dict)] if isinstance(members, list) else []


def _say(kind: str, name: str, **values: object) -> str:
    return _texts.get_template(f"{kind}/{FORMAT}/{name}.txt").render(values)


_FOLDER = Path(__file__).parent.parent / "templates" / "prompts"
_texts = Environment(
    loader=FileSystemLoader(_FOLDER),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 (what is rendered is plain text for a model)
    trim_blocks=True,
    lstrip_blocks=True,
)
