"""What is wrong with a definition that its structure does not show: names, references, schemas, tools, texts.

Called by `parsing.parse` with the document as it was sent, whatever else is wrong with it, so that everything is
found at once. A part of the wrong type is passed over: its structure is complained about elsewhere.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from zoneinfo import available_timezones

from wire.problems import Fault, pointer

from . import prompts, sandbox
from .definition import CALLEE, MAX_EXAMPLES, MAX_STEPS, called, edge_case_id, text_output
from .faults import MAX_FAULTS, short, unknown
from .references import BUILTINS, EVERYWHERE, FREE, ITEM, Reading, read_code, read_expression, reads_item
from .schemas import Schema, check_model_output, check_schema

MAX_CONSTANTS = 256 * 1024  # bytes of JSON

_WHERE = {
    "output": "exists in the checks of a step only",
    "error": "exists in `otherwise` only",
    "item": "exists in a step with `for_each` only",
    "index": "exists in a step with `for_each` only",
    "steps": "does not exist here: nothing has run yet",
}


@dataclass(frozen=True)
class Sight:
    """What a text can see: which names there are, and which steps it may read."""

    steps: tuple[str, ...]
    names: frozenset[str] = EVERYWHERE

    def with_names(self, *names: str) -> "Sight":
        return replace(self, names=self.names | set(names))


@dataclass(frozen=True)
class ToolSignature:
    """What a project says about a tool that is registered in it."""

    name: str
    input_schema: dict
    side_effects: bool = False


@dataclass(frozen=True)
class WorkflowSignature:
    """What a project says about a workflow that a step calls. `refused`: why it cannot be called, where it cannot."""

    name: str
    input_schema: dict = field(default_factory=dict)
    refused: str = ""


def faults_of(
    document: dict, tools: Mapping[str, ToolSignature], workflows: Mapping[str, WorkflowSignature]
) -> list[Fault]:
    examination = _Examination(document, tools, workflows)
    with suppress(_Enough):
        examination.run()
    return examination.faults


class _Enough(Exception):
    """There are as many faults as anybody reads; to look for more would be work without end."""


class _Examination:
    """One pass over one document. Its texts are compiled together at the end: a visit to the sandbox is dear."""

    def __init__(
        self, document: dict, tools: Mapping[str, ToolSignature], workflows: Mapping[str, WorkflowSignature]
    ) -> None:
        self.document = document
        self.tools = tools
        self.workflows = workflows
        self.faults: list[Fault] = []
        self.edge_cases = _objects(document.get("edge_cases"))
        self.steps = _objects(document.get("steps"))[:MAX_STEPS]
        self.ids = [step["id"] if isinstance(step.get("id"), str) else "" for _, step in self.steps]
        self.texts: list[tuple[sandbox.Kind, str]] = []
        self.places: list[str] = []

    def run(self) -> None:
        self._head()
        for place, case in self.edge_cases:
            self._edge_case(case, pointer("edge_cases", place))
        for position, (place, step) in enumerate(self.steps):
            self._step(step, pointer("steps", place), position)
        self._shape(self.document, "result", "", Sight(tuple(self.ids)))
        self._twice("edge_cases", [(place, edge_case_id(case)) for place, case in self.edge_cases])
        self._twice("steps", [(place, identifier) for (place, _), identifier in zip(self.steps, self.ids, strict=True)])
        self._compile()

    def _head(self) -> None:
        zone, constants, guidance = (self.document.get(key) for key in ("timezone", "constants", "guidance"))
        if isinstance(zone, str) and not _is_timezone(zone):
            self._say("/timezone", unknown("time zone", zone, available_timezones()))
        if isinstance(constants, dict) and _size(constants) > MAX_CONSTANTS:
            self._say("/constants", f"The constants are larger than {MAX_CONSTANTS // 1024} KB: that much is a tool's.")
        if isinstance(guidance, str):
            self._text(guidance, "/guidance")
        self._schema(self.document, "input_schema", "")
        self._schema(self.document, "output_schema", "")
        nothing_ran = Sight((), EVERYWHERE - {"steps"})
        self._checks(self.document, "covers", "", nothing_ran)
        lanes = self.document.get("lanes")
        for lane, rule in lanes.items() if isinstance(lanes, dict) else ():
            self._expression(rule, pointer("lanes", lane), nothing_ran)

    def _edge_case(self, case: dict, where: str) -> None:
        escalates = case.get("handling") == "escalate"
        for key in ("when", "to"):
            if case.get(key) is not None and not escalates:
                self._say(f"{where}/{key}", f"{key!r} belongs to an edge case with 'handling: escalate' only.")
        self._expression(case.get("when"), f"{where}/when", Sight(tuple(self.ids)))
        for key in ("case", "handling"):
            if isinstance(case.get(key), str):
                self._text(case[key], f"{where}/{key}")

    def _step(self, step: dict, where: str, position: int) -> None:
        above = Sight(tuple(self.ids[:position]))
        if "for_each" in step:
            self._expression(step["for_each"], f"{where}/for_each", above)
            above = above.with_names(*ITEM)
            self._skipped_as_a_whole(step, where)
        self._expression(step.get("when"), f"{where}/when", above)
        self._shape(step, "otherwise", where, above.with_names("error"))
        self._checks(step, "checks", where, above.with_names("output"))
        self._schema(step, "output_schema", where, narrower=step.get("kind") == "model")
        self._repairs(step, where, position)
        match step:
            case {"kind": "code", "code": str(code)}:
                self._python("code", code, f"{where}/code", above)
            case {"kind": "model", "prompt": str(prompt)}:
                self._examples(step, where)
                found = prompts.check(prompt, above.steps, above.names - EVERYWHERE)
                self.faults += [fault.under(f"{where}/prompt") for fault in found]
            case {"kind": "review"}:
                self._review(step, where, above)
            case {"kind": "tool"}:
                self._tool(step, where, above)
            case {"kind": "workflow"}:
                self._workflow(step, where, above)

    def _examples(self, step: dict, where: str) -> None:
        schema, examples = step.get("output_schema", text_output()), step.get("examples")
        if not isinstance(schema, dict) or not isinstance(examples, list) or check_schema(schema):
            return
        wanted = Schema(schema)
        for index, example in enumerate(examples[:MAX_EXAMPLES]):
            if isinstance(example, dict) and isinstance(example.get("output"), dict):
                self.faults += [
                    fault.under(where + pointer("examples", index, "output"))
                    for fault in wanted.faults(example["output"])
                ]

    def _repairs(self, step: dict, where: str, position: int) -> None:
        name = step.get("repairs")
        if not isinstance(name, str) or step.get("kind") == "review":
            return
        above = {self.ids[place]: place for place in range(position)}
        if name not in above:
            self._say(f"{where}/repairs", self._not_above(name, Sight(tuple(self.ids[:position]))))
            return
        for detail in self._why_not_repaired(step, name, [one for _, one in self.steps[above[name] : position + 1]]):
            self._say(f"{where}/repairs", detail)

    def _why_not_repaired(self, judge: dict, name: str, again: list[dict]) -> Iterator[str]:
        if again[0].get("kind") != "model":
            yield f"The step {short(name)} is no model step: nobody can be asked to answer it again."
        if "for_each" in again[0] or "for_each" in judge:
            yield "A list judges no step, and is judged by none: put several steps for an item into a workflow step."
        if not judge.get("checks"):
            yield "Without `checks` nothing says when that step is to be repaired."
        if sum(one.get("repairs") == name for _, one in self.steps) > 1:
            yield f"Only one step may judge {short(name)}: it is repaired once."
        for one in again[1:]:
            tool = self.tools.get(one.get("tool")) if isinstance(one.get("tool"), str) else None
            if one.get("kind") in ("review", "workflow") or (tool and tool.side_effects):
                yield f"The step {short(one.get('id'))} would be done twice: what stands between the two runs again."

    def _review(self, step: dict, where: str, above: Sight) -> None:
        if isinstance(step.get("prompt"), str):
            found = prompts.check(step["prompt"], above.steps, above.names - EVERYWHERE)
            self.faults += [fault.under(f"{where}/prompt") for fault in found]
        if step.get("within") is not None and "otherwise" not in step:
            self._say(f"{where}/within", "`within` needs an `otherwise`: what silence means.")
        schema = step.get("output_schema")
        if isinstance(schema, dict) and schema.get("type") != "object":
            self._say(f"{where}/output_schema", "A review is answered with an object: 'type' must be 'object'.")

    def _skipped_as_a_whole(self, step: dict, where: str) -> None:
        when, otherwise = step.get("when"), [text for _, text in _texts(step.get("otherwise"))]
        if isinstance(when, str) and not reads_item(when) and any(map(reads_item, otherwise)):
            said = "`when` is about the step as a whole here, where there is no `item` for `otherwise` to read."
            self._say(f"{where}/otherwise", said)

    def _tool(self, step: dict, where: str, above: Sight) -> None:
        self._shape(step, "arguments", where, above)
        name = step.get("tool")
        if not isinstance(name, str):
            return
        if name in self.tools:
            self._arguments(step.get("arguments", {}), where, name, self.tools[name].input_schema)
            return
        self._say(f"{where}/tool", f"{unknown('tool', name, self.tools)} A tool is registered in the project first.")

    def _workflow(self, step: dict, where: str, above: Sight) -> None:
        self._shape(step, "arguments", where, above)
        name = step.get("workflow")
        if not isinstance(name, str) or not CALLEE.fullmatch(name):
            return
        found = self.workflows.get(name)
        if found is None:
            self._say(f"{where}/workflow", f"There is no workflow {short(called(name)[0])} in this project.")
        elif found.refused:
            self._say(f"{where}/workflow", found.refused)
        else:
            self._arguments(step.get("arguments", {}), where, name, found.input_schema)

    def _arguments(self, arguments: object, where: str, name: str, schema: dict) -> None:
        """Those that are not known, and those that are missing."""
        known = schema.get("properties", {})
        if not isinstance(arguments, dict) or not isinstance(known, dict):
            return
        takes_any = "properties" not in schema or bool(schema.get("additionalProperties"))
        for argument in () if takes_any else arguments:
            if argument not in known:
                self._say(where + pointer("arguments", argument), unknown(f"argument of {name}", argument, known))
        for argument in schema.get("required", ()):
            if argument not in arguments:
                self._say(f"{where}/arguments", f"The argument {argument!r} of {name} is missing.")

    def _checks(self, part: dict, key: str, where: str, sight: Sight) -> None:
        checks = part.get(key)
        for index, check in enumerate(checks if isinstance(checks, list) else ()):
            place = where + pointer(key, index)
            if isinstance(check, dict):
                self._expression(check.get("check"), f"{place}/check", sight)
            else:
                self._expression(check, place, sight)

    def _shape(self, part: dict, key: str, where: str, sight: Sight) -> None:
        for path, text in _texts(part.get(key)):
            self._expression(text, where + pointer(key, *path), sight)

    def _expression(self, text: object, where: str, sight: Sight) -> None:
        if isinstance(text, str):
            self._python("expression", text, where, sight)

    def _python(self, kind: sandbox.Kind, text: str, where: str, sight: Sight) -> None:
        reading = read_code(text) if kind == "code" else read_expression(text)
        wrong = [*reading.faults, *self._out_of_sight(reading, sight)]
        for detail in wrong:
            self._say(where, detail)
        if not wrong:
            self.texts.append((kind, text))
            self.places.append(where)

    def _out_of_sight(self, reading: Reading, sight: Sight) -> Iterator[str]:
        for name in sorted(reading.names - sight.names):
            if name in _WHERE:
                yield f"`{name}` {_WHERE[name]}."
            elif not name.startswith("__"):
                yield unknown("name", name, sight.names | BUILTINS | FREE)
        if "steps" in sight.names:
            for step in sorted(reading.steps - set(sight.steps)):
                yield self._not_above(step, sight)

    def _not_above(self, step: str, sight: Sight) -> str:
        if step in self.ids:
            return f"The step {short(step)} does not stand above: a step reads only those that come before it."
        return unknown("step", step, [one for one in sight.steps if one])

    def _text(self, text: str, where: str) -> None:
        constants = self.document.get("constants", {})
        if isinstance(constants, dict):
            self.faults += [fault.under(where) for fault in prompts.check_text(text, constants)]

    def _schema(self, part: dict, key: str, where: str, narrower: bool = False) -> None:
        schema = part.get(key)
        if not isinstance(schema, dict):
            return
        found = check_schema(schema)
        if narrower and not found:
            found = check_model_output(schema)
        self.faults += [fault.under(f"{where}/{key}") for fault in found]

    def _twice(self, key: str, named: list[tuple[int, str]]) -> None:
        seen: set[str] = set()
        for place, name in named:
            if name in seen:
                self._say(pointer(key, place, "id"), f"The id {short(name)} stands twice.")
            if name:
                seen.add(name)

    def _compile(self) -> None:
        complaints = sandbox.uncompilable(self.texts) if self.texts else {}
        for index, detail in complaints.items():
            self._say(self.places[index], detail)

    def _say(self, where: str, detail: str) -> None:
        self.faults.append(Fault(where, detail))
        if len(self.faults) >= MAX_FAULTS:
            raise _Enough


def _objects(value: object) -> list[tuple[int, dict]]:
    """The objects of a list, with their places."""
    return [(place, one) for place, one in enumerate(value if isinstance(value, list) else ()) if isinstance(one, dict)]


def _texts(shape: object) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text of a shape, in its order, with the path to it."""
    todo: list[tuple[tuple[str | int, ...], object]] = [((), shape)]
    while todo:
        path, one = todo.pop()
        if isinstance(one, str):
            yield path, one
        elif isinstance(one, dict):
            todo += reversed([((*path, key), child) for key, child in one.items()])
        elif isinstance(one, list):
            todo += reversed([((*path, index), child) for index, child in enumerate(one)])


def _is_timezone(name: str) -> bool:
    """By the list of names: files such as `posix/Europe/Berlin` or `localtime` can be opened, too, and mean nothing."""
    return name in available_timezones() - {"localtime", "posixrules", "Factory"}


def _size(value: object) -> int:
    """Of its JSON, in bytes."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
