"""A workflow as one document, to carry to another project or installation: its versions with what is said around them, which of
them was live, and its baselines. The commands `export_workflow` and `import_workflow` write and read it."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

from django.db import IntegrityError, transaction
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from projects.keeping import redaction
from projects.models import Project
from projects.targets import parse_target
from wire import strict_json, strict_yaml
from wire.bodies import Moment, Usd, faults_of
from wire.money import to_pico, to_usd, usd_text
from wire.problems import Conflict, Fault, Invalid, Problem, TooLarge, pointer
from wire.times import rfc3339

from .models import Baseline, Examined, Version, Workflow
from .names import DesignedAt, Name, Number, Text
from .parsing import content_hash

MAX_FILE = 64 * 1024 * 1024  # characters
MAX_DEFINITION = 2 * 1024 * 1024  # bytes of JSON, as in a request
MAX_VALUES = 2_000_000
MAX_DEPTH = strict_json.MAX_DEPTH + 3  # a definition stands in a version of a list
MAX_FAULTS = 50

Json = dict[str, object]
Track = Callable[[list], Iterable]


class Carried(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CarriedVersion(Carried):
    """`content_hash` may be left out by whoever writes the file by hand; where it is there, it is compared."""

    version: Number
    content_hash: str | None = None
    changelog: Annotated[str, Field(max_length=20_000)] = ""
    design_context: Json = {}
    designed_by: Text = ""
    designed_at: DesignedAt | None = None
    intelligence_level: Annotated[str, Field(max_length=50)] = ""
    design_cost: Usd | None = None
    definition: Json


class CarriedBaseline(Carried):
    method: Literal["declared", "repriced_warm", "repriced_cold", "measured"]
    model: Annotated[str, Field(max_length=250)] = ""
    cost_per_execution: Usd | None = None
    prompt: str = ""
    from_: Annotated[Moment, Field(alias="from")]

    @property
    def row(self) -> dict[str, object]:
        cost = None if self.cost_per_execution is None else to_pico(self.cost_per_execution)
        said = {"method": self.method, "model": self.model, "prompt": self.prompt}
        return {**said, "cost_per_execution": cost, "valid_from": self.from_}


class CarriedWorkflow(Carried):
    """`export` is the format of the document. `published` is the version that was live."""

    export: Annotated[int, Field(ge=1, le=1)]
    name: Name
    published: Number | None = None
    versions: Annotated[list[CarriedVersion], Field(min_length=1)]
    baselines: list[CarriedBaseline] = []

    def faults(self) -> Iterator[Fault]:
        """What is wrong with it in itself, wherever it goes."""
        numbers = [one.version for one in self.versions]
        for place, one in enumerate(self.versions):
            if one.version in numbers[:place]:
                yield Fault(pointer("versions", place, "version"), f"The version {one.version} stands twice.")
            if one.content_hash not in (None, content_hash(one.definition)):
                said = "The definition is not the one that was exported. Leave content_hash out if that is meant."
                yield Fault(pointer("versions", place, "content_hash"), said)
        if self.published not in (None, *numbers):
            yield Fault("/published", f"The version {self.published} is not in this document.")
        for place, one in enumerate(self.baselines):
            if (one.method == Baseline.Method.DECLARED) != (one.cost_per_execution is not None):
                said = "The method declared needs the cost of one execution, no other has it."
                yield Fault(pointer("baselines", place, "cost_per_execution"), said)
            if len(one.prompt.encode()) > Baseline.MAX_PROMPT:
                said = f"A prompt has at most {Baseline.MAX_PROMPT} bytes."
                yield Fault(pointer("baselines", place, "prompt"), said)


@dataclass
class Arrival:
    """What an import has done. `there`: versions that the project had already, with this very definition."""

    workflow: Workflow
    added: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    baselines: int = 0
    published: str | None = None

    @property
    def changed(self) -> bool:
        return bool(self.added or self.baselines or self.published)


def exported(workflow: Workflow, numbers: Collection[str] = ()) -> Json:
    """The document: all versions, oldest first, or those of these numbers. Raises `Conflict` for a number that there is not."""
    versions = [one for one in workflow.versions.order_by("pk") if not numbers or one.number in numbers]
    if missing := set(numbers) - {one.number for one in versions}:
        raise Conflict(f"The workflow {workflow.name} has no version {sorted(missing)[0]}.")
    live = workflow.live and workflow.live.version.number
    return {
        "export": 1,
        "name": workflow.name,
        "published": live if live in {one.number for one in versions} else None,
        "versions": [_version(one) for one in versions],
        "baselines": [_baseline(one) for one in workflow.baselines.order_by("valid_from", "pk")],
    }


def _version(version: Version) -> Json:
    """Without what is empty; the definition last, because it is long."""
    said = {
        "changelog": version.changelog,
        "designed_by": version.designed_by,
        "designed_at": rfc3339(version.designed_at),
        "intelligence_level": version.intelligence_level,
        "design_cost": usd_text(version.design_cost_usd),
        "design_context": version.design_context,
    }
    kept = {key: value for key, value in said.items() if value}
    head = {"version": version.number, "content_hash": version.content_hash}
    return {**head, **kept, "definition": version.definition}


def _baseline(baseline: Baseline) -> Json:
    cost = None if baseline.cost_per_execution is None else usd_text(to_usd(baseline.cost_per_execution))
    said = {"method": baseline.method, "model": baseline.model, "cost_per_execution": cost, "prompt": baseline.prompt}
    return {key: value for key, value in said.items() if value} | {"from": rfc3339(baseline.valid_from)}


def read(text: str) -> CarriedWorkflow:
    """A document of `exported`, as YAML or JSON. Raises a `Problem` that says where it is wrong."""
    if len(text) > MAX_FILE:
        raise TooLarge(f"An exported workflow has at most {MAX_FILE} characters.")
    if text.lstrip().startswith("{"):
        document = strict_json.loads(text, MAX_VALUES, MAX_DEPTH)
    else:
        document = strict_yaml.loads(text, MAX_VALUES, MAX_FILE, MAX_DEPTH)
    try:
        carried = CarriedWorkflow.model_validate(document)
    except ValidationError as error:
        raise Invalid.of(faults_of(error, document)) from error
    if faults := list(carried.faults()):
        raise Invalid.of(faults)
    return carried


def bring(
    carried: CarriedWorkflow, project: Project, by: str, *, publish: bool = False, track: Track = iter
) -> Arrival:
    """Adds what the project lacks of it, all or nothing: versions as drafts, baselines as of their dates, and with `publish` the
    publication of the version that was live. Raises `Invalid` for what does not fit the project, and `Conflict` where it has
    another definition under one of these numbers, or the workflow is archived. `track` is passed what takes time, to watch."""
    if publish and carried.published is None:
        raise Conflict(f"No version of {carried.name} was live where this comes from; there is nothing to publish.")
    workflow = Workflow.objects.filter(project=project, name=carried.name).first()
    here = {one.number: one for one in workflow.versions.all()} if workflow else {}
    new = [one for one in carried.versions if _is_new(one, here)]
    examined = _examined(new, carried, project, track)
    try:
        with transaction.atomic():
            arrival = Arrival(workflow or Workflow.objects.begin(project, carried.name, by))
            arrival.there = [one.version for one in carried.versions if one.version not in examined]
            for one in carried.versions:
                if one.version in examined:
                    _save(one, arrival.workflow, examined[one.version], by)
                    arrival.added.append(one.version)
            arrival.baselines = _state(carried.baselines, arrival.workflow, by)
            if publish and _publish(carried.published, arrival.workflow, by):
                arrival.published = carried.published
            return arrival
    except IntegrityError as error:
        raise Conflict(f"Somebody else has just made the workflow {carried.name}; import once more.") from error


def _is_new(carried: CarriedVersion, here: dict[str, Version]) -> bool:
    known = here.get(carried.version)
    if known is not None and known.content_hash != content_hash(carried.definition):
        raise Conflict(
            f"The project has a version {carried.version} of this workflow with another definition, and a version never "
            "changes: import under another name, or export without this version.",
            version=carried.version,
        )
    return known is None


def _examined(
    new: list[CarriedVersion], carried: CarriedWorkflow, project: Project, track: Track
) -> dict[str, Examined]:
    """By number. Everything is looked at before anything is written, and all that is wrong is said at once."""
    found, faults = {}, list(_faults_of_baselines(carried.baselines, project))
    for one in track(new):
        where = pointer("versions", carried.versions.index(one), "definition")
        try:
            _must_be_sendable(one.definition)
            found[one.version] = Examined.of(one.definition, project)
        except Problem as problem:
            faults += [fault.under(where) for fault in problem.faults or [Fault("", problem.detail)]]
    if faults:
        raise Invalid.of(faults[:MAX_FAULTS])
    return found


def _must_be_sendable(definition: Json) -> None:
    """As small as what comes by a request: whatever works with definitions counts on that."""
    text = json.dumps(definition, ensure_ascii=False)
    if len(text.encode()) > MAX_DEFINITION:
        raise Invalid(f"A definition has at most {MAX_DEFINITION} bytes of JSON.")
    strict_json.loads(text)


def _faults_of_baselines(baselines: list[CarriedBaseline], project: Project) -> Iterator[Fault]:
    providers = project.known_providers()
    for place, one in enumerate(baselines):
        try:
            if one.model:
                parse_target(one.model, providers)
        except ValueError as error:
            yield Fault(pointer("baselines", place, "model"), str(error))


def _save(one: CarriedVersion, workflow: Workflow, examined: Examined, by: str) -> None:
    workflow.draft(
        examined,
        one.version,
        changelog=one.changelog,
        design_context=one.design_context,
        designed_by=one.designed_by,
        designed_at=one.designed_at,
        intelligence_level=one.intelligence_level,
        design_cost=None if one.design_cost is None else to_pico(one.design_cost),
        created_by=by,
    )


def _state(baselines: list[CarriedBaseline], workflow: Workflow, by: str) -> int:
    """States those that are not stated yet; how many. They are compared as they are kept: without what the project redacts."""
    policy = redaction(workflow.project_id)
    rows = [{**one.row, "prompt": policy.text(one.prompt)} for one in baselines]
    new = [row for row in rows if not workflow.baselines.filter(**row).exists()]
    for row in new:
        workflow.state_baseline(by, **row)
    return len(new)


def _publish(number: str, workflow: Workflow, by: str) -> bool:
    """False where it is live already."""
    if workflow.live and workflow.live.version.number == number:
        return False
    version = workflow.versions.select_related("workflow__project").get(number=number)
    if not version.publications.exists():
        version.examine_again()
    version.publish(by)
    return True
