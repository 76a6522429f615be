"""What of a workflow acts outside of it (a tool that may have side effects, a workflow that is called), and what has to come before
that. Pure; `limits` asks it of a redesign.

Calls are compared by what they call, and not by the ids of their steps: the same payment under another name is the same payment.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator

from wire.problems import Fault, pointer
from workflows.definition import CodeStep, Definition, ReviewStep, Step, ToolStep, WorkflowStep, called
from workflows.faults import short
from workflows.references import read_code, reads_item, steps_read
from workflows.shapes import expressions

Callee = tuple[str, str]  # the key that names it, and the name


def callee(step: Step) -> Callee | None:
    if isinstance(step, ToolStep):
        return "tool", step.tool
    return ("workflow", called(step.workflow)[0]) if isinstance(step, WorkflowStep) else None


def acts(step: Step, harmless: Collection[str]) -> bool:
    """Whether it may have an effect outside: a tool that nobody knows to be harmless, or whatever a workflow does."""
    return isinstance(step, WorkflowStep) or (isinstance(step, ToolStep) and step.tool not in harmless)


def too_early(before: Definition, after: Definition, harmless: Collection[str]) -> Iterator[Fault]:
    """Calls above of which something is missing that stood there: a review, a check, what an edge case reads. Of a step that
    was there all that stood above it; of any that acts also all that stood above the first call of the same."""
    own: dict[str, list[str]] = {}
    first: dict[Callee, list[str]] = {}
    for place, step in enumerate(before.steps):
        if what := callee(step):
            own[step.id] = [one.id for one in before.steps[:place]]
            if acts(step, harmless):
                first.setdefault(what, own[step.id])
    left, done = {step.id for step in after.steps}, set[str]()
    for place, step in enumerate(after.steps):
        needed = [*own.get(step.id, ()), *first.get(callee(step), ())]
        late = [name for name in needed if name in left and name not in done and name != step.id]
        if late:
            said = f"The step {short(step.id)} would run before the step {short(late[0])}, which stood above"
            yield Fault(pointer("steps", place), f"{said} {'it' if step.id in own else 'what it calls'}")
        done.add(step.id)


def unasked(before: Definition, after: Definition, harmless: Collection[str]) -> Iterator[Fault]:
    """Calls that act whether or not a review says so, where the same was called only as the review said: by a `when` or a
    `for_each` that reads it. A new call needs those of one of the calls there were."""
    calls = defaultdict(list)
    for step in before.steps:
        calls[callee(step)].append(step)
    reviewed = _reviewed(before)
    for place, step in enumerate(after.steps):
        if not acts(step, harmless):
            continue
        several = calls[callee(step)]
        likened = [one for one in several if one.id == step.id] or several
        missing = [
            [key for key in _guards(one, reviewed) if getattr(one, key) != getattr(step, key)] for one in likened
        ]
        if missing and all(missing):
            key = missing[0][0]
            what, name = callee(step)
            said = f"The {what} {short(name)} is called as a review says, by the {key!r} {short(getattr(likened[0], key), 200)}"
            yield Fault(pointer("steps", place, key), f"{said}; the step {short(step.id)} would not keep it")


def _guards(step: Step, reviewed: Collection[str]) -> list[str]:
    """Its keys that let a review decide."""
    listed = step.for_each is not None and not steps_read(step.for_each).isdisjoint(reviewed)
    asked = step.when is not None and (
        not steps_read(step.when).isdisjoint(reviewed) or (listed and reads_item(step.when))
    )
    return [key for key, found in (("when", asked), ("for_each", listed)) if found]


def _reviewed(definition: Definition) -> set[str]:
    """The reviews, and the steps that read them in Python, themselves or through others."""
    found = set[str]()
    for step in definition.steps:
        if isinstance(step, ReviewStep) or not _read(step).isdisjoint(found):
            found.add(step.id)
    return found


def _read(step: Step) -> set[str]:
    texts = [text for text in (step.when, step.for_each) if text is not None]
    if isinstance(step, ToolStep | WorkflowStep):
        texts += expressions(step.arguments)
    code = read_code(step.code).steps if isinstance(step, CodeStep) else ()
    return {*code, *(name for text in texts for name in steps_read(text))}
