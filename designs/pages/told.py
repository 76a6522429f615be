"""Designs as their pages tell them: what one does now, what was wrong in each round, what came of it. Pure, but for rows that are
read."""

import json
from collections.abc import Iterator, Mapping, Sequence

from django.utils.safestring import SafeString
from django.utils.text import Truncator

from evaluations.models import Case
from projects.pages import readable

from ..models import Design, Round

VERDICTS = {
    "great": ("good", "fits well: most of it can be designed once, and executed by code and cheap models"),
    "hybrid": ("asks", "fits in part: some of it stays with the frontier or with people"),
    "keep_on_frontier": ("bad", "is better left to the frontier"),
}
WAYS = {
    "as_designed": "As it is designed",
    "cheap": "Every model step on the cheap tier",
    "standard": "Every model step on the standard tier",
    "frontier": "Every model step on the frontier",
}
BRIEF = {
    "task": "Task",
    "note": "Note",
    "requirements": "Requirements",
    "constraints": "Constraints",
    "answers": "Questions that were answered",
    "executions_per_month": "Executions a month",
}


def stands(design: Design, rounds: Sequence[Round]) -> str:
    """What it does now, or what came of it, in a sentence."""
    match design.status:
        case Design.Status.RUNNING:
            return _moving(design, rounds[-1] if rounds else None)
        case Design.Status.CANCELLED:
            return "It was cancelled: there is no draft. What it cost until then is paid."
        case Design.Status.COMPLETED if design.draft:
            return f"The draft {design.draft.number} is there, to be read, evaluated and published."
    return design.said or "It has ended, and its texts were deleted."


def _moving(design: Design, last: Round | None) -> str:
    if last is None or last.finished_at:
        return "It waits for a worker, which asks the frontier."
    place = f"Round {last.number} of {design.max_rounds} at most"
    if last.intent:
        return f"{place}: the frontier is asked, which takes a few minutes."
    if last.answered_at:
        return f"{place}: what the frontier wrote is looked at."
    if last.again_at and design.said:
        return f"{place}. {design.said}"
    return f"{place}: it waits for a worker, which asks the frontier."


def rounds(several: Sequence[Round]) -> list[dict[str, object]]:
    """The last one first: what is wrong with it is what one looks for."""
    return [{"row": one, "said": _round(one), "pieces": _pieces(one.answer)} for one in reversed(several)]


def _round(one: Round) -> str:
    if not one.finished_at:
        return "it is on its way"
    if one.faults:
        return f"{len(one.faults)} {'place was' if len(one.faults) == 1 else 'places were'} wrong"
    return "it holds" if one.answer else "its texts were deleted"


def _pieces(answer: str) -> list[tuple[str, SafeString | str, str]]:
    """Name, value and text of each part: the documents that an answer has in its texts keep their lines. One that is no object is
    one text."""
    try:
        said = json.loads(answer or "{}")
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return [("what came", "", answer)]
    return [
        (str(name), "", value) if isinstance(value, str) else (str(name), readable(value), "")
        for name, value in said.items()
    ]


def fit(answer: Mapping[str, object]) -> dict[str, object] | None:
    found = answer.get("fit")
    if not found:
        return None
    kind, said = VERDICTS.get(found["verdict"], ("", found["verdict"]))
    return {"kind": kind, "said": said, "reasons": found.get("reasons", [])}


def figures(found: Mapping[str, object] | None, *, simulated: bool) -> dict[str, object] | None:
    """What an execution of the draft is expected to cost. None: nothing was drafted."""
    if not found:
        return None
    per_execution = found.get("per_execution") or {}
    return {
        "lines": [(name, _usd(per_execution[key], simulated)) for key, name in WAYS.items() if key in per_execution],
        "design_cost": _usd(found.get("design_cost"), simulated),
        "break_even": _break_even(found),
        "saved": _usd(found.get("saved_per_month"), simulated),
        "monthly": found.get("executions_per_month"),
        "doubts": found.get("doubts", []),
        "rehearsed": _rehearsed(found.get("rehearsed")),
        "cases": found.get("cases") or 0,
    }


def _break_even(found: Mapping[str, object]) -> str:
    even = found.get("break_even")
    if even is None:
        return "never, or not known"
    return f"after {even} execution{'' if even == 1 else 's'}"


def _rehearsed(found: Mapping[str, object] | None) -> dict[str, object] | None:
    """How the code of the draft did on the examples that the frontier was shown."""
    if not found:
        return None
    said = []
    if found.get("compared"):
        said.append(
            f"Of {found['compared']} examples with an output code alone came to a result in {found['reached']}, to the same in "
            f"{found['equal']}; the others ask a model, a tool or a person."
        )
    if found.get("flagged"):
        said.append(f"{found['flagged']} it hands to a person.")
    if found.get("refused"):
        said.append(f"{found['refused']} are not what may come in, by its input schema.")
    return {"said": [*said, found.get("said", "")], "differing": found.get("differing", [])}


def _usd(amount: object, simulated: bool) -> str:
    return "not known" if amount is None else f"{amount} USD{' (simulated)' if simulated else ''}"


def case(one: Case) -> tuple[str, str]:
    """What comes in, and what should come of it; as JSON, short."""
    expected = "a flag" if one.expects_flag else json.dumps(one.expected, ensure_ascii=False)
    return Truncator(json.dumps(one.input, ensure_ascii=False)).chars(200), Truncator(expected).chars(200)


def brief(said: Mapping[str, object]) -> list[tuple[str, object]]:
    """What was asked for, but for what is long: policies, the document, files and groups."""
    return [(name, readable(said[key])) for key, name in BRIEF.items() if said.get(key)]


def groups(said: Mapping[str, object]) -> Iterator[dict[str, object]]:
    for group in said.get("groups", []):
        reason, step = str(group.get("reason", "")).replace("_", " "), group.get("step")
        shown = [readable(one) for one in group.get("evidence", [])]
        yield {**group, "name": f"{reason} at {step or 'the input'}", "evidence": shown}


def changes(answer: Mapping[str, object]) -> Iterator[dict[str, object]]:
    kinds = {"add": "added", "replace": "changed", "remove": "removed"}
    for one in answer.get("changes", []):
        value = "" if one.get("op") == "remove" else readable(one.get("value"))
        yield {**one, "kind": kinds.get(one.get("op"), ""), "shown": value}
