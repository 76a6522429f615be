"""The cases of a workflow: how one is added, confirmed, retired and replaced. What is wrong with one is said by its place."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

import rfc8785
from django.db import transaction
from django.utils import timezone

from projects import audit
from projects.audit import Verb
from projects.keeping import redaction
from wire.problems import Conflict, Fault, Invalid, pointer
from wire.redaction import Policy
from workflows.compiled import Compiled, compiled
from workflows.models import Version, Workflow

from .models import Case, set_hash

ABSENT = object()
MOST = 10_000  # confirmed cases of a workflow
AT_ONCE = 1000
MAX_CASE = 1024 * 1024  # characters of JSON
MAX_TAGS = 20
MAX_NOTE = 10_000
MAX_WEIGHT = Decimal("99999.999")
SMALLEST_WEIGHT = Decimal("0.001")
ANSWERED = ("tool", "review", "workflow")  # kinds of steps that a case answers: what they do outside is not done again
WEIGHT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
TAG = re.compile(r"[\w.:/+-]{1,50}")


@dataclass(frozen=True)
class NewCase:
    """`expected`: absent where a flag is expected. `expects_flag` None: as its kind says."""

    kind: str
    input: object
    expected: object = ABSENT
    expects_flag: bool | None = None
    steps: dict[str, object] = field(default_factory=dict)
    answers: dict[str, object] = field(default_factory=dict)
    weight: Decimal = Decimal(1)
    tags: Sequence[str] = ()
    note: str = ""
    proposed: bool = False
    execution: UUID | None = None

    @property
    def flagged(self) -> bool:
        return self.kind == Case.Kind.UNCOVERED if self.expects_flag is None else self.expects_flag


def add(workflow: Workflow, said: NewCase, by: str, source: str = Case.Source.HAND) -> Case:
    """Raises `Invalid`, and `Conflict` with the case that has the same content already."""
    return keep(workflow, examined(workflow, [said], by, source))[0]


def places(count: int) -> list[str]:
    """Where the cases of a request stand that has several."""
    return [f"/cases/{number}" for number in range(count)]


def examined(
    workflow: Workflow,
    said: Iterable[NewCase],
    by: str,
    source: str,
    where: Sequence[str] = ("",),
    form: Compiled | None = None,
) -> list[Case]:
    """As they would be kept, without secrets, not saved yet; no lock is held. `where` each of them stands: what is wrong is said
    under it. `form` that they have to follow: of the version that cases follow by now, unless another is given. Raises
    `Invalid`."""
    workflow.must_be_in_use()
    version, policy = version_to_follow(workflow), redaction(workflow.project_id)
    form = form or (compiled(version.pk) if version else None)
    made, wrong, known = [], [], {}
    for one, place in zip(said, where, strict=True):
        case = _without_secrets(workflow, one, policy, by, source)
        found = [fault.under(place) for fault in faults(one, case, form)]
        if not found:
            case.content_hash = case.hashed()
            if (first := known.setdefault(case.content_hash, place)) != place:
                found = [Fault(place, f"This is the same case as {first.strip(': ')}.")]
        made.append(case)
        wrong += found
    if wrong:
        raise Invalid.of(wrong)
    return made


def version_to_follow(workflow: Workflow) -> Version | None:
    """Whose schemas a case has to follow: the live one, or else the newest."""
    return workflow.live.version if workflow.live else workflow.versions.order_by("-pk").first()


@transaction.atomic
def keep(workflow: Workflow, cases: Sequence[Case], where: Sequence[str] = ("",)) -> list[Case]:
    """Saves all, or none. One after the other for each workflow, so that what is counted holds. Raises `Conflict`, with the cases
    that are there already."""
    _lock(workflow)
    _refuse_known(workflow, cases, where)
    _refuse_many(workflow, sum(case.state == Case.State.CONFIRMED for case in cases))
    for case, pk in zip(cases, sorted(case.pk for case in cases), strict=True):
        case.pk = pk  # they are read in the order in which they came
    Case.objects.bulk_create(cases, batch_size=100)
    _record_added(workflow, cases)
    return list(cases)


@transaction.atomic
def confirm(case: Case, by: str) -> Case:
    """A person stands for it from now on. Raises `Conflict` for one that is not proposed."""
    _lock(case.workflow)
    _refuse_many(case.workflow, 1)
    return _decide(case, by, [Case.State.PROPOSED], Case.State.CONFIRMED)


@transaction.atomic
def retire(case: Case, by: str) -> Case:
    """It counts no more; results that are of it stay. Raises `Conflict` for one that was retired before."""
    _lock(case.workflow)
    return _decide(case, by, [Case.State.PROPOSED, Case.State.CONFIRMED], Case.State.RETIRED)


@transaction.atomic
def replace(case: Case, said: Case, by: str) -> Case:
    """Retires a case and adds another, which was `examined`, in one. Raises `Conflict`; then nothing has changed."""
    retire(case, by)
    said.execution = said.execution or case.execution
    return keep(case.workflow, [said])[0]


def standing(workflow: Workflow) -> dict[str, object]:
    """`{hash, confirmed, proposed, kinds}`: the set that counts now, and how many are of each kind."""
    confirmed = list(workflow.cases.confirmed().values_list("content_hash", "kind"))
    kinds = [kind for _, kind in confirmed]
    return {
        "hash": set_hash(one for one, _ in confirmed),
        "confirmed": len(confirmed),
        "proposed": workflow.cases.proposed().count(),
        "kinds": {kind: kinds.count(kind) for kind in Case.Kind.values},
    }


def weight_of(value: object) -> Decimal:
    """Of a number, or of plain digits. Raises `ValueError`."""
    wanted = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if wanted or (isinstance(value, str) and WEIGHT.fullmatch(value)):
        return Decimal(str(value))
    raise ValueError('This must be a weight, such as "2.5"')


def faults(said: NewCase, case: Case, form: Compiled | None) -> Iterator[Fault]:
    """What is wrong with one; `form`: of the version that it has to follow."""
    if said.kind not in Case.Kind.values:
        yield Fault("/kind", f"A case is {', '.join(Case.Kind.values)}.")
    if len(json.dumps([case.input, case.expected, case.steps, case.answers])) > MAX_CASE:
        yield Fault("", f"A case has at most {MAX_CASE} characters of JSON.")
    else:
        yield from _of_outcome(said)
        yield from _of_words(said)
        yield from _of_canon(case)
        if form:
            yield from _of_form(said, case, form)


def _of_outcome(said: NewCase) -> Iterator[Fault]:
    if said.kind == Case.Kind.UNCOVERED and not said.flagged:
        yield Fault("/expects_flag", "An uncovered case expects a flag.")
    elif said.kind == Case.Kind.COVERED and said.flagged:
        yield Fault(
            "/expects_flag", "A covered case expects an answer; one that may be flagged is uncovered or boundary."
        )
    elif said.flagged and said.expected not in (ABSENT, None):
        yield Fault("/expected", "Where a flag is expected there is no answer to expect.")
    elif not said.flagged and said.expected is ABSENT:
        yield Fault("/expected", "Say what the answer should be.")


def _of_words(said: NewCase) -> Iterator[Fault]:
    weight = said.weight
    if not (weight.is_finite() and SMALLEST_WEIGHT <= weight <= MAX_WEIGHT and weight == round(weight, 3)):
        yield Fault("/weight", f"A weight is from {SMALLEST_WEIGHT} to {MAX_WEIGHT}, with at most three places.")
    if len(said.tags) > MAX_TAGS:
        yield Fault("/tags", f"At most {MAX_TAGS} tags.")
    for number, tag in enumerate(said.tags[:MAX_TAGS]):
        if not TAG.fullmatch(tag):
            yield Fault(f"/tags/{number}", "A tag is a word of at most 50 letters, digits and . : / + - _.")
    if len(said.note) > MAX_NOTE:
        yield Fault("/note", f"This has at most {MAX_NOTE} characters.")


def _of_canon(case: Case) -> Iterator[Fault]:
    """Two integers that JSON here may have cannot be hashed."""
    for name in ("input", "expected", "steps", "answers"):
        try:
            rfc8785.dumps(getattr(case, name))
        except rfc8785.CanonicalizationError:
            yield Fault(f"/{name}", "An integer of ±2^53 cannot be kept in a case; send it as text.")


def _of_form(said: NewCase, case: Case, form: Compiled) -> Iterator[Fault]:
    yield from (fault.under("/input") for fault in form.input_schema.faults(case.input))
    if form.output_schema and not said.flagged and said.expected is not ABSENT:
        yield from (fault.under("/expected") for fault in form.output_schema.faults(case.expected))
    for name in ("steps", "answers"):
        for step in getattr(said, name):
            known = form.steps.get(step)
            if known is None:
                yield Fault(pointer(name, step), f"There is no step {step[:60]!r}.")
            elif name == "answers" and known.step.kind not in ANSWERED:
                yield Fault(pointer(name, step), f"A {known.step.kind} step is executed, not answered.")


def _without_secrets(workflow: Workflow, said: NewCase, policy: Policy, by: str, source: str) -> Case:
    return Case(
        workflow=workflow,
        kind=said.kind,
        input=policy.value(said.input),
        expects_flag=said.flagged,
        expected=None if said.expected is ABSENT else policy.value(said.expected),
        steps={step: policy.value(output) for step, output in said.steps.items()},
        answers={step: policy.value(output) for step, output in said.answers.items()},
        weight=said.weight,
        tags=list(dict.fromkeys(policy.text(tag) for tag in said.tags)),
        note=policy.text(said.note),
        state=Case.State.PROPOSED if said.proposed else Case.State.CONFIRMED,
        source=source,
        execution=said.execution,
        created_by=by,
    )


def _lock(workflow: Workflow) -> None:
    """Against others who add or confirm, not against executions that begin."""
    Workflow.objects.select_for_update(no_key=True).get(pk=workflow.pk)


def _refuse_known(workflow: Workflow, cases: Iterable[Case], where: Sequence[str]) -> None:
    hashes = [case.content_hash for case in cases]
    there = workflow.cases.exclude(state=Case.State.RETIRED).filter(content_hash__in=hashes)
    known = dict(there.values_list("content_hash", "pk"))
    found = [(place, str(known[one])) for place, one in zip(where, hashes, strict=True) if one in known]
    if found and len(hashes) == 1:
        raise Conflict(f"This case is there already: {found[0][1]}.", case=found[0][1])
    if found:
        wrong = [Fault(place, f"This case is there already: {pk}.") for place, pk in found]
        said = f"{len(found)} of these {len(hashes)} cases are there already; nothing was added."
        raise Conflict(said, wrong, cases=[pk for _, pk in found])


def _refuse_many(workflow: Workflow, more: int) -> None:
    there = workflow.cases.confirmed().count()
    if more and there + more > MOST:
        said = f"A workflow has at most {MOST} confirmed cases; {workflow.name} has {there}. Retire some first."
        raise Conflict(said, confirmed=there)


def _decide(case: Case, by: str, before: list[str], after: str) -> Case:
    found = Case.objects.values_list("state", flat=True).get(pk=case.pk)
    decided = {"state": after, "decided_by": by, "decided_at": timezone.now()}
    if found not in before or not Case.objects.filter(pk=case.pk, state=found).update(**decided):
        found = Case.objects.values_list("state", flat=True).get(pk=case.pk)
        raise Conflict(f"Only a case that is {' or '.join(before)} can be {after}. It is {found}.", state=found)
    changes = {"state": {"before": found, "after": after}}
    audit.record(case.workflow.project_id, by, Verb.CHANGED, case, **_told(case), changes=changes)
    case.refresh_from_db()
    return case


def _record_added(workflow: Workflow, cases: Sequence[Case]) -> None:
    """An import is one act."""
    if cases and cases[0].source == Case.Source.IMPORT:
        told = {"imported": len(cases), "cases": set_hash(case.content_hash for case in cases)}
        audit.record(workflow.project_id, cases[0].created_by, Verb.CHANGED, workflow, **told)
        return
    for case in cases:
        told = {**_told(case), "state": case.state, "source": case.source}
        audit.record(workflow.project_id, case.created_by, Verb.CREATED, case, **told)


def _told(case: Case) -> dict[str, object]:
    return {"workflow": case.workflow.name, "kind": case.kind, "content_hash": case.content_hash}
