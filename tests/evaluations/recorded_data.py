"""What real models answered to insurance tickets and to school maths, recorded by others, as workflows, cases and recordings.

A recording answers the very request that the engine makes of an input: the version is compiled and the prompt rendered as there.
The data lies beside this checkout and is never copied into it.
"""

import gzip
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from gateway.providers.recorded import RecordedProvider, RecordedUsage, Recording
from gateway.providers.registry import register
from gateway.types import Request
from tests.cast import envelope
from workflows import prompts
from workflows.compiled import build
from workflows.definition import Definition

DATA = Path(__file__).parents[3] / "shared" / "data"
TICKETS, MATHS = DATA / "anthropic_insurance_tickets.json.gz", DATA / "routellm_gsm8k.jsonl.gz"
needs_them = pytest.mark.skipif(
    not (TICKETS.exists() and MATHS.exists()),
    reason="the recorded tickets and maths questions are not beside this checkout",
)

# USD per million tokens that the costs of all 15 arms were computed with.
HAIKU_INPUT, HAIKU_OUTPUT = "0.25", "1.25"
# Our names, which the price list knows → those of the records.
SOLVERS = {"gpt-4-1106-preview": "gpt-4-1106-preview", "mixtral-8x7b": "mistralai/Mixtral-8x7B-Instruct-v0.1"}
BYTES_PER_TOKEN = 4  # where no tokens were recorded they are estimated so

LABELS = (
    "Account Management",
    "Billing Disputes",
    "Billing Inquiries",
    "Claims Assistance",
    "Claims Disputes",
    "Coverage Explanations",
    "General Inquiries",
    "Policy Administration",
    "Policy Comparisons",
    "Quotes and Proposals",
)

TICKET = {
    "title": "Insurance ticket",
    "purpose": "Say which department an insurance customer's support ticket is for.",
    "input_schema": {
        "type": "object",
        "required": ["ticket"],
        "properties": {"ticket": {"type": "string"}},
        "additionalProperties": False,
    },
    "steps": [
        {
            "id": "classify",
            "kind": "model",
            "tier": "cheap",
            "task": "classification",
            "instructions": "Which category does this ticket belong to?",
            "prompt": "{{ input.ticket }}",
            "output_schema": {
                "type": "object",
                "required": ["category"],
                "properties": {"category": {"enum": [*LABELS]}},
                "additionalProperties": False,
            },
        }
    ],
}

SUM = {
    "title": "School maths",
    "purpose": "Solve a word problem of school maths.",
    "input_schema": {
        "type": "object",
        "required": ["question"],
        "properties": {"question": {"type": "string"}},
        "additionalProperties": False,
    },
    "steps": [
        {
            "id": "solve",
            "kind": "model",
            "tier": "cheap",
            "task": "generation",
            "instructions": "Solve the problem. Answer the final number alone, in digits, without unit or separators.",
            "prompt": "{{ input.question }}",
            "output_schema": {
                "type": "object",
                "required": ["answer"],
                "properties": {"answer": {"type": "string"}},
                "additionalProperties": False,
            },
        }
    ],
}


@dataclass(frozen=True)
class Arm:
    """One prompt at one temperature, as a model of its own. `prompt_tokens` and `output_tokens`: of all 68 tickets together."""

    model: str
    right: int
    prompt_tokens: int
    output_tokens: int


def request_of(definition: Mapping[str, object], step_id: str, input: object, model: str) -> Request:
    """What the engine asks `model` at this step for this input; the step reads nothing but `input` and `constants`."""
    compiled = build(Definition.model_validate(definition))
    built = compiled.steps[step_id]
    names = {"input": input, "steps": {}, "constants": compiled.definition.constants}
    marker = prompts.new_marker()
    user = prompts.render(built.step.prompt, names, marker)
    return Request(model, built.system, user, built.envelope, built.step.max_output_tokens, marker)


def with_recordings(folder: Path, recordings: Iterable[Recording]) -> RecordedProvider:
    """From now on the models `recorded:NAME` of this process answer from these."""
    file = folder / "recordings.jsonl"
    file.write_text("".join(one.model_dump_json(exclude_none=True) + "\n" for one in recordings))
    provider = RecordedProvider([file])
    register("recorded", provider)
    return provider


# Insurance tickets.


@cache
def _tickets() -> dict:
    with gzip.open(TICKETS, "rt") as opened:
        return json.load(opened)


def ticket_cases() -> list[dict]:
    return [
        {
            "kind": "covered",
            "input": {"ticket": one["text"]},
            "expected": {"category": one["label"]},
            "tags": [one["label"].lower().replace(" ", "-")],
        }
        for one in _tickets()["tests"]
    ]


def arms() -> list[Arm]:
    """In the order of the records: `haiku-p1-t0.0` to `haiku-p3-t0.8`. The records name all prompts by one hash; that there are
    three is seen by their tokens, and five temperatures stand for each."""
    found = []
    for place, arm in enumerate(_tickets()["arms"]):
        number = place // 5 + 1
        temperature, tokens = arm["provider"].rpartition("-")[2], arm["metrics"]["tokenUsage"]
        right = sum(one["outputs"][place]["pass"] for one in _tickets()["tests"])
        found.append(Arm(f"haiku-p{number}-t{temperature}", right, tokens["prompt"], tokens["completion"]))
    return found


def ticket_recordings() -> list[Recording]:
    """Of every arm on every ticket. Tokens were recorded of an arm as a whole: each ticket has its even share, and the sum is
    exact. No confidence and no reason was recorded: they are made up."""
    tests, found = _tickets()["tests"], []
    for place, arm in enumerate(arms()):
        shares = zip(_shares(arm.prompt_tokens, len(tests)), _shares(arm.output_tokens, len(tests)), strict=True)
        for one, (read, written) in zip(tests, shares, strict=True):
            asked = request_of(TICKET, "classify", {"ticket": one["text"]}, arm.model)
            output = {"category": _answered(one["outputs"][place]["output"])}
            found.append(_recording(asked, output, "Recorded.", read, written))
    return found


def _answered(report: str) -> str:
    """The model's own words in the report on its answer: behind `[PASS] (1.00)`, and behind what was expected, and before the
    reason. What is no label stays as it is."""
    said = re.sub(r"^\[(PASS|FAIL)\] \([\d.]+\)\n\n", "", report)
    said = re.sub(r"\n\n(Pass|Fail) Reason: .*$", "", said, flags=re.DOTALL)
    return re.sub(r'^Expected output to contain "[^"]*"\n---\n', "", said).strip()


def _shares(total: int, many: int) -> list[int]:
    return [total // many + (number < total % many) for number in range(many)]


# School maths.


@cache
def _questions() -> list[dict]:
    with gzip.open(MATHS, "rt") as lines:
        return [json.loads(line) for line in lines]


def maths_cases() -> list[dict]:
    return [
        {
            "kind": "covered",
            "input": {"question": one["prompt"]},
            "expected": {"answer": _plain(one["reference"])},
            "tags": ["contaminated"] if one["contaminated"] else [],
        }
        for one in _questions()
    ]


def maths_recordings() -> list[Recording]:
    """Of both models on every question; tokens are estimates at four bytes each."""
    return [
        _solved(one["prompt"], one["reference"], one["responses"][recorded], model)
        for model, recorded in SOLVERS.items()
        for one in _questions()
    ]


def solved_right(model: str) -> int:
    """How many questions this model solved, as the records say."""
    return sum(solutions(model).values())


def solutions(model: str) -> dict[str, bool]:
    """By question: whether this model solved it, as the records say."""
    return {one["prompt"]: one["responses"][SOLVERS[model]]["correct"] for one in _questions()}


def disagreements(model: str) -> dict[str, int]:
    """Where the final number that we read says otherwise than the records, which are believed. `right by value`: the number is
    the expected one (often spelt `5.00`) and was counted as wrong; `wrong by value`: the other way round."""
    found = {"right by value": 0, "wrong by value": 0}
    for one in _questions():
        answer = one["responses"][SOLVERS[model]]
        is_right = _value(final_number(answer["text"])) == _value(_plain(one["reference"]))
        if is_right != answer["correct"]:
            found["right by value" if is_right else "wrong by value"] += 1
    return found


_NUMBER = r"-?(?:\d[\d,]*)?\.?\d+"


def final_number(text: str) -> str:
    """As it is written, without separators: behind `####` where there is that, else the last number; empty where there is none."""
    if marked := re.search(rf"####[\s$]*({_NUMBER})", text):
        return _plain(marked[1])
    found = re.findall(_NUMBER, text)
    return _plain(found[-1]) if found else ""


def _solved(question: str, reference: str, answer: Mapping[str, object], model: str) -> Recording:
    """The record decides whether it is right: then the output is what is expected, else the number of the text, and nothing
    where that is spelt as what is expected."""
    asked, text = request_of(SUM, "solve", {"question": question}, model), str(answer["text"])
    expected, found = _plain(reference), final_number(text)
    output = expected if answer["correct"] else ("" if found == expected else found)
    return _recording(asked, {"answer": output}, text.strip(), _tokens(asked.prompt_bytes), _tokens(len(text.encode())))


def _plain(number: str) -> str:
    return number.replace(",", "")


def _value(number: str) -> float | None:
    return float(number) if number else None


def _tokens(size: int) -> int:
    return -(-size // BYTES_PER_TOKEN)


# Both.


def _recording(asked: Request, output: object, rationale: str, read: int, written: int) -> Recording:
    return Recording(
        fingerprint=asked.fingerprint,
        model_served=asked.model,
        response=_enveloped(output, rationale),
        usage=RecordedUsage(input=read, output=written),
    )


def _enveloped(output: object, rationale: str) -> str:
    """Neither workflow has an edge case, so that the envelope may name none."""
    said = json.loads(envelope(output, confidence=1, rationale=rationale))
    del said["edge_case"]
    return json.dumps(said)
