"""A design: what is asked for is looked at and written down, and what the frontier writes becomes a draft with its whole context.
`running` asks it, round after round.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone

from evaluations import cases
from evaluations.cases import NewCase
from evaluations.models import Case
from gateway.providers.registry import is_simulated
from gateway.types import Request
from projects import audit
from projects.audit import Verb
from projects.keeping import redaction
from projects.models import Project
from projects.targets import parse_target
from projects.tools import tools_of
from wire.money import to_pico
from wire.problems import Conflict, Fault, Invalid
from workflows.compiled import build
from workflows.models import Examined, Workflow
from workflows.names import NAME

from . import answers, brief, checking, costing, examples, projecting, prompts
from .answers import DesignAnswer
from .brief import Brief
from .bumping import bump
from .checking import Checked
from .models import Design, Round
from .prompts import Again

BUDGET = to_pico(Decimal(5))  # where none is stated
MAX_ROUNDS = 10
EXAMPLE_TOKENS = 20_000


@dataclass(frozen=True)
class Asked:
    """`target`: who designs, `provider:model`; empty: the project's frontier. `budget` in pico-dollars."""

    project: Project
    name: str
    brief: Brief
    examples: Sequence[dict] = ()
    target: str = ""
    max_rounds: int = 4
    budget: int = BUDGET
    follows: Design | None = None


@dataclass(frozen=True)
class Ready:
    """A design that can begin, not saved yet."""

    design: Design
    name: str = ""
    project: Project | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Found:
    """What came: a definition that holds, or the advice to have none."""

    said: DesignAnswer
    checked: Checked | None
    held_out: Sequence[Case] = ()


def examine(asked: Asked, by: str) -> Ready:
    """Raises `Invalid` for a brief that cannot be designed from, and `Conflict`."""
    found = [*brief.faults(asked.brief, len(asked.examples)), *_of_examples(asked.examples)]
    if not NAME.fullmatch(asked.name):
        found.append(Fault("/name", "A name has 1 to 100 lower-case letters, digits, dots, hyphens and underscores."))
    if found:
        raise Invalid.of(found)
    project, policy = asked.project, redaction(asked.project.pk)
    kept = policy.value(list(asked.examples))
    # Read again: what was taken out of it may leave two of a name, or more than there may be.
    told = brief.read(policy.value(asked.brief.model_dump(mode="json"))).model_dump(mode="json")
    there = Workflow.objects.filter(project=project, name=asked.name).first()
    if there:
        there.must_be_in_use()
    target = target_of(project, asked.target)
    design = Design(
        project=project,
        workflow=there,
        brief=told,
        examples=kept,
        sample=vars(examples.sample(kept, EXAMPLE_TOKENS, asked.name)),
        target=target,
        max_rounds=asked.max_rounds,
        budget=asked.budget,
        simulated=is_simulated(project.pk, target),
        follows=asked.follows,
        created_by=by,
    )
    costing.must_have_price(design)
    return Ready(design, asked.name, project)


def _of_examples(given: Sequence[dict]) -> list[Fault]:
    return [fault.under("/examples") for fault in examples.faults(list(given))]


def answered(design: Design, given: Sequence[Mapping[str, str]]) -> Asked:
    """The same again, with these answers too. Raises `Conflict` where there is nothing to answer."""
    if design.kind != Design.Kind.DESIGN or design.status != Design.Status.COMPLETED:
        said = "Only a design that is completed has questions to be answered."
        raise Conflict(said, state=design.status, kind=design.kind)
    if design.purged_at:
        raise Conflict("Its texts were deleted, so there is nothing to go on with: begin anew.")
    said = {**design.brief, "answers": [*design.brief["answers"], *map(dict, given)]}
    return Asked(
        project=design.project,
        name=design.workflow.name,
        brief=brief.read(said),
        examples=design.examples,
        target=design.target,
        max_rounds=design.max_rounds,
        budget=design.budget,
        follows=design,
    )


def target_of(project: Project, named: str) -> str:
    """`provider:model`. Raises `Invalid`, and `Conflict` where the project has no frontier."""
    frontier = project.tier_map().get("frontier", "")
    target = named or frontier
    if not target:
        raise Conflict("The project maps no model to the tier frontier; a person maps one in the admin.")
    try:
        parse_target(target, project.known_providers())
    except ValueError as error:
        raise Invalid.at("/model", str(error)) from error
    return target


@transaction.atomic
def begin(ready: Ready) -> Design:
    """Writes it down, with its workflow where that is new: what it costs stands there. A worker does the rest."""
    design = ready.design
    if design.workflow_id is None:
        design.workflow = _begun(ready.project, ready.name, design.created_by)
    must_be_alone(design.workflow)
    design.save(force_insert=True)
    told = {"workflow": design.workflow.name, "model": design.target, "budget": design.budget}
    audit.record(design.project_id, design.created_by, Verb.CREATED, design, **told)
    return design


def _begun(project: Project, name: str, by: str) -> Workflow:
    """Of two that begin the same one at once the second finds it."""
    if there := Workflow.objects.filter(project=project, name=name).first():
        return there
    try:
        with transaction.atomic():
            return Workflow.objects.begin(project, name, by)
    except IntegrityError:
        return Workflow.objects.get(project=project, name=name)


def must_be_alone(workflow: Workflow) -> None:
    """Two at once would write two versions of the same, and pay twice. Raises `Conflict`."""
    Workflow.objects.select_for_update(no_key=True).get(pk=workflow.pk)
    refuse_another(workflow)


def refuse_another(workflow: Workflow) -> None:
    """Raises `Conflict` where it is being designed."""
    if other := Design.objects.to_come().filter(workflow=workflow).first():
        said = f"{workflow.name} is being designed already; wait for it, or cancel it."
        raise Conflict(said, design=str(other.pk), state=other.status)


def request(design: Design, before: Sequence[Round]) -> Request:
    sample = examples.Sample(**design.sample)
    asked, tools = Brief.model_validate(design.brief), told_tools(design.project)
    model = design.target.partition(":")[2]
    return prompts.design_request(model, asked, tools, sample, design.examples, again(before))


def again(before: Sequence[Round]) -> Again | None:
    """What was answered last, and what is wrong with it."""
    return Again(before[-1].answer, [Fault(**fault) for fault in before[-1].faults]) if before else None


def told_tools(project: Project) -> list[dict[str, object]]:
    """What the frontier may use, and what each does: never how it is reached."""
    return [
        {
            "name": name,
            "description": tool.description,
            "input_schema": tool.input_schema,
            "output_schema": tool.output_schema,
            "side_effects": tool.side_effects,
        }
        for name, tool in sorted(tools_of(project).items())
    ]


def look(design: Design, text: str, strict: bool) -> Found | list[Fault]:
    """What an answer is worth."""
    said = answers.read_design(text)
    if isinstance(said, list):
        return said
    if said.definition is None:
        return Found(said, None)
    if missing := answers.too_few_cases(said.cases):
        return missing
    shown = [design.examples[n] for n in design.sample["shown"]]
    examined = checking.taken(said.definition, design.project)
    if isinstance(examined, list):
        return examined
    checked = checking.check(design.workflow, examined, said.cases, shown, design.created_by, strict)
    if isinstance(checked, list):
        return checked
    return Found(said, checked, _held_out(design, checked.examined))


def keep(design: Design, found: Found) -> Mapping[str, object]:
    """The draft, its cases and its figures; the columns of the design."""
    answer = told(found.said)
    if found.checked is None:
        said = "Better left to the frontier, says the design: there is no draft. The reasons stand with it."
        return {"answer": answer, "said": said}
    number = number_after(design.workflow, found.checked.examined.document)
    version = design.workflow.draft(
        found.checked.examined,
        number,
        changelog=found.said.changelog,
        design_context={**design.brief, **answer, "design": str(design.pk)},
        designed_by=design.target,
        designed_at=timezone.now(),
        intelligence_level="frontier",
        created_by=design.created_by,
    )
    kept = keep_cases(design.workflow, [*found.checked.cases, *found.held_out])
    figures = projecting.figures(design, version, [case.input for case in found.checked.cases])
    figures |= {"rehearsed": _by_example(design, found.checked.rehearsed), "cases": kept}
    return {"answer": answer, "figures": figures, "draft": version, "said": ""}


def _by_example(design: Design, rehearsed: dict[str, object]) -> dict[str, object]:
    """With the numbers that the examples had when they came."""
    shown = design.sample["shown"]
    differing = [{**one, "example": shown[one["example"] - 1] + 1} for one in rehearsed["differing"]]
    return {**rehearsed, "differing": differing}


def told(said: DesignAnswer) -> dict[str, object]:
    """What of an answer is kept beside the draft."""
    return said.model_dump(mode="json", include={"fit", "questions", "edge_cases_considered", "policy_references"})


def number_after(workflow: Workflow, document: dict) -> str:
    """By what changes against what is live, or else the newest."""
    before = cases.version_to_follow(workflow)
    if before is None:
        return "1.0.0"
    return workflow.number_after(bump(before.definition, document, harmless(workflow.project)))


def harmless(project: Project) -> frozenset[str]:
    """Its tools without side effects."""
    return frozenset(name for name, tool in tools_of(project).items() if not tool.side_effects)


def keep_cases(workflow: Workflow, made: Sequence[Case]) -> int:
    """Proposed: a person confirms them. Those that are there already, or twice among these, are passed over. How many were kept."""
    there = set(workflow.cases.exclude(state=Case.State.RETIRED).values_list("content_hash", flat=True))
    fresh = {case.content_hash: case for case in made if case.content_hash not in there}
    several = list(fresh.values())
    return len(cases.keep(workflow, several, cases.places(len(several)))) if several else 0


def _held_out(design: Design, examined: Examined) -> list[Case]:
    """Examples that the frontier has not seen make cases, where they fit what it wrote."""
    form, found = build(examined.definition), []
    for number in design.sample["held_out"]:
        one = design.examples[number]
        note = f"Example {number + 1} of the design, which the frontier was not shown."
        said = NewCase(Case.Kind.COVERED, one["input"], one["output"], note=note, proposed=True)
        try:
            found += cases.examined(design.workflow, [said], design.created_by, Case.Source.EXAMPLE, form=form)
        except Invalid:
            continue  # of another form: nothing to hold this version against
    return found
