"""A judge: what it is told of two answers, and what it says of them. Pure; who asks it is `judges`.

It sees the expected answer and the output as A and B, is not told which is which, and is asked twice, once in each order: so what
it says of a place, and not of an answer, shows.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.types import Block, Request
from workflows.prompts import marked, new_marker

FORMAT = 1

EXPECTED, OUTPUT, SAME = "expected", "output", "same"
ORDERS = (EXPECTED, OUTPUT)  # which of the two stands first, as A
MAX_ANSWER = 20_000  # bytes of either answer that a judge is shown
MAX_INPUT = 100_000
MAX_TOKENS = 4096
MAX_REASON = 300  # characters

SCHEMA = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "verdict": {"type": "string", "enum": ["same", "A", "B"]}},
    "required": ["reason", "verdict"],
    "additionalProperties": False,
}


class _Verdict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    reason: str
    verdict: Literal["same", "A", "B"]


@dataclass(frozen=True)
class Said:
    """What a judge said in one order. `prefers`: expected, output or same; empty where it could not be asked: `reason` is why."""

    prefers: str
    reason: str = ""

    @property
    def holds(self) -> bool:
        return self.prefers in (SAME, OUTPUT)


def request(model: str, rubric: str, input: object, expected: object, output: object, first: str) -> Request:
    """`first`: which of the two is A."""
    marker = new_marker()
    a, b = (expected, output) if first == EXPECTED else (output, expected)
    values = {"input": marked(input, marker), "a": marked(a, marker), "b": marked(b, marker)}
    system = (Block(_texts.get_template(f"{FORMAT}/system.txt").render(rubric=rubric.strip()), cached=True),)
    return Request(model, system, _texts.get_template(f"{FORMAT}/user.txt").render(values), SCHEMA, MAX_TOKENS, marker)


def read(text: str, first: str) -> Said | None:
    """None: it is no verdict."""
    try:
        found = _Verdict.model_validate_json(text)
    except ValidationError:
        return None
    other = OUTPUT if first == EXPECTED else EXPECTED
    prefers = {"same": SAME, "A": first, "B": other}[found.verdict]
    return Said(prefers, found.reason.strip()[:MAX_REASON])


def objection(said: Sequence[Said]) -> str:
    """What is wrong with the output by what was said in both orders (`ORDERS`); empty where it is as good in both."""
    if all(one.holds for one in said):
        return ""
    if is_undecided(said):
        told = [_NAMES[one.prefers] for one in said]
        return f"Undecided: asked in both orders the judge says {told[0]}, and {told[1]}. {said[0].reason}".strip()
    return f"The judge finds the expected answer better, in both orders. {said[0].reason} (A: the expected answer.)"


def is_undecided(said: Sequence[Said]) -> bool:
    return len({one.holds for one in said}) > 1


def is_too_long(value: object, most: int) -> bool:
    return len(json.dumps(value, ensure_ascii=False).encode(errors="replace")) > most


_NAMES = {
    SAME: "that both are as good",
    EXPECTED: "that the expected answer is better",
    OUTPUT: "that this one is better",
}
_texts = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates" / "prompts" / "judge"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 (what is rendered is plain text for a model)
)
