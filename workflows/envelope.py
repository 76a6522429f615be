"""The envelope around a model step's output: what a model is asked to answer, and the strict reading of its answer.
A compiled version takes its schema from here, the detectors of an execution the parsed envelope."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.types import MAX_ANSWER
from wire.problems import Problem
from wire.strict_json import loads

MAX_SAID = 2_000  # characters of a rationale, and of what is uncovered: longer ones are cut

_KEYS = ("status", "output", "confidence", "rationale", "uncovered")
_STATUSES = ("ok", "uncovered")
_DEFINITIONS = ("$defs", "definitions")


@dataclass(frozen=True)
class Envelope:
    """`output` is there with `ok` only, `uncovered` with `uncovered` only, `edge_case` with `escalate` only."""

    status: str
    output: object
    confidence: float
    rationale: str
    uncovered: str | None = None
    edge_case: str | None = None


class BrokenEnvelope(Exception):
    """The answer is not an envelope. The message says what is wrong, so that a model can mend it."""


def schema(output_schema: Mapping[str, object], edge_case_ids: Sequence[str]) -> dict[str, Any]:
    """The envelope's JSON Schema. `edge_case_ids`: what the model may escalate; without any there is no such status."""
    properties: dict[str, Any] = {
        "status": {"type": "string", "enum": [*_STATUSES]},
        "output": {"anyOf": [{key: output_schema[key] for key in output_schema if key not in _DEFINITIONS}, _NULL]},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "rationale": {"type": "string"},
        "uncovered": {"anyOf": [{"type": "string"}, _NULL]},
    }
    if edge_case_ids:
        properties["status"]["enum"].append("escalate")
        properties["edge_case"] = {"anyOf": [{"type": "string", "enum": [*edge_case_ids]}, _NULL]}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [*properties],
        "properties": properties,
        # A reference to `#/$defs/…` counts from the root, and the root is now the envelope.
        **{key: output_schema[key] for key in _DEFINITIONS if key in output_schema},
    }


_NULL = {"type": "null"}


def parse(text: str, edge_case_ids: Sequence[str]) -> Envelope:
    """A model's answer → envelope. Raises `BrokenEnvelope`. The step's schema is not asked here."""
    answer = _object(text)
    if not edge_case_ids and answer.get("edge_case", ...) is None:
        del answer["edge_case"]  # a null says nothing, also where it was not asked for
    _require_keys(answer, (*_KEYS, "edge_case") if edge_case_ids else _KEYS)
    statuses = (*_STATUSES, "escalate") if edge_case_ids else _STATUSES
    if answer["status"] not in statuses:
        raise BrokenEnvelope(f"`status` must be one of {', '.join(statuses)}.")
    confidence, rationale = _confidence(answer["confidence"]), _text(answer, "rationale")
    uncovered, edge_case = _text(answer, "uncovered", or_null=True), _text(answer, "edge_case", or_null=True)
    if answer["status"] == "ok":
        _require_ok(answer["output"], uncovered, edge_case)
        return Envelope("ok", answer["output"], confidence, rationale)
    if answer["status"] == "uncovered":
        if not uncovered:
            raise BrokenEnvelope("With `status` uncovered, `uncovered` must say what the workflow does not cover.")
        return Envelope("uncovered", None, confidence, rationale, uncovered=uncovered)
    if edge_case not in edge_case_ids:
        raise BrokenEnvelope(f"With `status` escalate, `edge_case` must be one of {', '.join(edge_case_ids)}.")
    return Envelope("escalate", None, confidence, rationale, edge_case=edge_case)


def _object(text: str) -> dict[str, Any]:
    if len(text) > MAX_ANSWER:
        raise BrokenEnvelope(f"The answer is longer than {MAX_ANSWER} characters.")
    try:
        answer = loads(text)
    except Problem as problem:
        raise BrokenEnvelope(f"The answer must be one JSON object and nothing else: {problem.detail}") from problem
    if not isinstance(answer, dict):
        raise BrokenEnvelope("The answer must be a JSON object.")
    return answer


def _require_keys(answer: dict[str, Any], keys: Sequence[str]) -> None:
    if missing := [key for key in keys if key not in answer]:
        raise BrokenEnvelope(f"The answer lacks {', '.join(missing)}.")
    if unknown := [key for key in answer if key not in keys]:
        raise BrokenEnvelope(f"The answer has the unknown key {unknown[0][:80]!r}.")


def _require_ok(output: object, uncovered: str, edge_case: str) -> None:
    if output is None:
        raise BrokenEnvelope("With `status` ok, `output` must not be null.")
    if uncovered or edge_case:
        raise BrokenEnvelope("With `status` ok, `uncovered` and `edge_case` must be null: it is one or the other.")


def _confidence(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BrokenEnvelope("`confidence` must be a number from 0 to 1.")
    return float(value)


def _text(answer: dict[str, Any], key: str, *, or_null: bool = False) -> str:
    """Without the space around it, and cut; null is empty where it is allowed."""
    value = answer.get(key) if or_null else answer[key]
    if or_null and value is None:
        return ""
    if not isinstance(value, str):
        raise BrokenEnvelope(f"`{key}` must be a text{' or null' if or_null else ''}.")
    return value.strip()[:MAX_SAID]
