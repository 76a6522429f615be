"""Which part of the number a new version raises: major, minor or patch, from what differs. Pure.

`major`   callers have to look: an input that was accepted may be refused, or the result may have another shape; a step that
          may act outside is added, removed or replaced; a step is gone or moved; a number of the policy changed; and whatever
          is not known here.
`minor`   callers need not change anything: something new is covered or flagged (a step, an edge case, a precondition, a
          check, a constant), or a step works otherwise, while `output_schema` still promises the same result.
`patch`   words: titles, notes, guidance, instructions, prompts, examples, messages.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from workflows.definition import Definition
from workflows.diff import Change, changes
from workflows.schemas import subschemas

from .acting import acts
from .limits import same

Bump = Literal["major", "minor", "patch"]
RANKS: tuple[Bump, ...] = ("patch", "minor", "major")

WORDS = {"title", "purpose", "guidance"}
WORDS_OF_STEP = {"note", "instructions", "prompt", "examples"}
WORDS_OF_CASE = {"note", "case"}
# That a step is judged otherwise, is asked of another model, or flags more or less: its output is what it was.
JUDGING = {"checks", "repairs", "tier", "task", "min_confidence", "max_output_tokens", "within", "to"}
# That its output may be another: harmless to callers only where something else promises them its shape.
WORKING = {"when", "otherwise", "for_each", "code", "arguments", "output_schema"}
ANNOTATIONS = {"title", "description", "examples", "default", "$comment", "deprecated", "readOnly", "writeOnly"}
LOWER_BOUNDS = {"minLength", "minItems", "minimum", "exclusiveMinimum", "minProperties"}
UPPER_BOUNDS = {"maxLength", "maxItems", "maximum", "exclusiveMaximum", "maxProperties"}


@dataclass(frozen=True)
class _Sight:
    """`promised`: that the result is checked against the same `output_schema` as before."""

    before: dict
    after: dict
    promised: bool
    harmless: Collection[str]


def bump(before: dict, after: dict, harmless: Collection[str] = ()) -> Bump:
    """Both are documents that `parsing.parse` has taken. `harmless`: tools that are known to have no side effects."""
    found, all_of_them = changes(before, after)
    if not all_of_them:
        return "major"
    promised = before.get("output_schema") is not None and is_same_schema(
        before["output_schema"], after.get("output_schema")
    )
    sight = _Sight(before, after, promised, harmless)
    ranks = [_rank(change, sight) for change in found]
    if not promised and _result_of(before) != _result_of(after):
        ranks.append("major")
    return max(ranks, key=RANKS.index, default="patch")


def _result_of(document: dict) -> object:
    """What makes the result: without a shape of its own, the last step."""
    return "result" in document or document["steps"][-1].get("id")


def _rank(change: Change, sight: _Sight) -> Bump:
    path = _path(change.pointer)
    if path[0] == "steps":
        return _of_step(change, path[2], path[2:], sight) if len(path) > 2 else _of_steps(change, path, sight)
    if path[0] == "edge_cases":
        return _of_edge_case(change, path[2]) if len(path) > 2 else _of_edge_cases(change)
    if path[0] in ("output_schema", "result"):
        harmless: Bump = "patch" if path[0] == "output_schema" else "minor"
        return harmless if sight.promised else "major"
    return _of_head(change, path, sight)


def _of_head(change: Change, path: list[str], sight: _Sight) -> Bump:
    match path[0]:
        case "constants":
            return "minor" if change.op == "added" and len(path) <= 2 else "major"
        case "covers":
            return _of_checks(path)
        case "input_schema":
            return _of_input(sight)
        case "escalation" | "lanes" | "default_lane":
            return "minor"
    return "patch" if path[0] in WORDS else "major"


def _path(where: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in where.split("/")[1:]]


def _of_steps(change: Change, path: list[str], sight: _Sight) -> Bump:
    return "minor" if change.op == "added" and len(path) == 2 and not _acts(change.after, sight) else "major"


def _of_step(change: Change, key: str, path: list[str], sight: _Sight) -> Bump:
    if key in WORDS_OF_STEP:
        return "patch"
    if key == "checks":
        return _of_checks(path)
    if key in JUDGING:
        return "minor"
    quiet = key == "tool" and {change.before, change.after} <= set(sight.harmless)
    return "minor" if (key in WORKING or quiet) and sight.promised else "major"


def _acts(step: object, sight: _Sight) -> bool:
    document = {"title": "t", "purpose": "p", "input_schema": {}, "steps": [step]}
    return acts(Definition.model_validate(document).steps[0], sight.harmless)


def _of_edge_cases(change: Change) -> Bump:
    ranks: dict[str, Bump] = {"added": "minor", "moved": "patch"}
    return ranks.get(change.op, "major")


def _of_edge_case(change: Change, key: str) -> Bump:
    if key in WORDS_OF_CASE:
        return "patch"
    if key == "handling":
        return "minor" if "escalate" in (change.before, change.after) else "patch"
    return "minor" if key in ("when", "to") else "major"


def _of_checks(path: list[str]) -> Bump:
    return "patch" if path[-1] == "message" else "minor"


def _of_input(sight: _Sight) -> Bump:
    before, after = sight.before["input_schema"], sight.after["input_schema"]
    if is_same_schema(before, after):
        return "patch"
    return "minor" if takes_all(before, after) else "major"


def is_same_schema(one: object, other: object) -> bool:
    """But for titles and descriptions."""
    return same(_bare(one), _bare(other))


def _bare(schema: object) -> object:
    """Without what says nothing about a value; a property may be called `title` all the same."""
    if not isinstance(schema, dict):
        return schema
    paths = [path for path, _ in subschemas(schema)]
    return _without(schema, (), set(paths))


def _without(value: object, path: tuple, schemas: Collection[tuple]) -> object:
    if isinstance(value, list):
        return [_without(child, (*path, index), schemas) for index, child in enumerate(value)]
    if not isinstance(value, dict):
        return value
    dropped = ANNOTATIONS if path in schemas else ()
    return {key: _without(child, (*path, key), schemas) for key, child in value.items() if key not in dropped}


def takes_all(before: object, after: object) -> bool:
    """Whether every value that follows the earlier schema follows the later one, as far as can be seen without proving it:
    False where it is not plain. A property that is new and not required is taken for one that nobody sent before."""
    before, after = _bare(before), _bare(after)
    return (
        all(_loosened(before, after)) if isinstance(before, dict) and isinstance(after, dict) else same(before, after)
    )


def _loosened(before: dict, after: dict) -> Iterator[bool]:
    for key in {*before, *after}:
        if not (key in before and key in after and same(before[key], after[key])):
            yield _is_looser(key, before, after)


def _is_looser(key: str, before: dict, after: dict) -> bool:
    was, now = before.get(key), after.get(key)
    if key in _AS_A_WHOLE:
        return _AS_A_WHOLE[key](was, now)
    if key in before and key in after and key in _AGAINST_EACH_OTHER:
        return _AGAINST_EACH_OTHER[key](was, now)
    return key not in after and key in _CONDITIONS


def _properties(before: dict, after: dict) -> bool:
    return before.keys() <= after.keys() and all(takes_all(schema, after[name]) for name, schema in before.items())


def _types(kinds: str | list[str]) -> set[str]:
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    return found | {"integer"} if "number" in found else found


# Of what may stand in one of the two only.
_AS_A_WHOLE: dict[str, Callable[[Any, Any], bool]] = {
    "properties": lambda was, now: _properties(was or {}, now or {}),
    "required": lambda was, now: set(now or ()) <= set(was or ()),
    "additionalProperties": lambda was, now: was is False or now in (None, True),
}
_AGAINST_EACH_OTHER: dict[str, Callable[[Any, Any], bool]] = {
    "type": lambda was, now: _types(was) <= _types(now),
    "enum": lambda was, now: all(any(same(one, other) for other in now) for one in was),
    "items": takes_all,
    **dict.fromkeys(LOWER_BOUNDS, lambda was, now: now <= was),
    **dict.fromkeys(UPPER_BOUNDS, lambda was, now: now >= was),
}
# That a schema says something more without them is not possible.
_CONDITIONS = {*_AGAINST_EACH_OTHER, "pattern", "format", "const", "uniqueItems", "multipleOf"}
