"""REST for workflows, versions, publications and baselines. Parses, calls one domain verb, renders."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Literal

from django.db import IntegrityError, transaction
from django.utils import timezone
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from projects.idempotency import ONCE, once, once_examined
from projects.models import Project, Scope
from projects.targets import parse_target
from wire.answers import Listed, Problem
from wire.bodies import Body, Moment, Nothing, Usd
from wire.filters import BOOLEAN
from wire.money import to_pico, to_usd, usd_text
from wire.paging import page
from wire.problems import Conflict, Fault, Invalid, NotFound
from wire.rest import StrictJSONParser, StrictYAMLParser
from wire.times import rfc3339
from wire.views import View

from . import closing, shown
from .documents import document_of
from .models import Baseline, Examined, Publication, Version, Workflow
from .names import DesignedAt, Name, Number, Text


class Design(Body):
    """What a new version says of itself, wherever it is posted."""

    definition: dict[str, object] | str
    changelog: Annotated[str, Field(max_length=20_000)] = ""
    design_context: dict[str, object] = {}
    designed_by: Text = ""
    designed_at: DesignedAt | None = None
    intelligence_level: Annotated[str, Field(max_length=50)] = ""
    design_cost: Usd | None = None
    publish: bool = False

    def examined(self, project: Project) -> Examined:
        """Pointers are those of the whole body."""
        try:
            return Examined.of(document_of(self.definition), project)
        except Invalid as problem:
            raise Invalid.of([fault.under("/definition") for fault in problem.faults]) from problem

    def save(
        self, workflow: Workflow, examined: Examined, number: str, by: str, resolves: Sequence[str] = ()
    ) -> Version:
        """The version, and its publication where that is asked for."""
        version = workflow.draft(
            examined,
            number,
            resolves,
            changelog=self.changelog,
            design_context=self.design_context,
            designed_by=self.designed_by,
            designed_at=self.designed_at,
            intelligence_level=self.intelligence_level,
            design_cost=None if self.design_cost is None else to_pico(self.design_cost),
            created_by=by,
        )
        if self.publish:
            version.publish(by)
        return version


class NewWorkflow(Design):
    name: Name
    version: Number = "1.0.0"


class NewVersion(Design):
    bump: Literal["major", "minor", "patch"] | None = None
    version: Number | None = None
    resolves: Annotated[
        list[Annotated[str, Field(max_length=64)]],
        Field(max_length=closing.MOST, description="Ids of the flags that its publication closes."),
    ] = []

    def number(self, workflow: Workflow) -> str:
        if (self.bump is None) == (self.version is None):
            raise Invalid.at("/bump", "Say either bump (major, minor or patch) or version, not both and not neither.")
        return self.version or workflow.number_after(self.bump)


class NewPublication(Body):
    override: Annotated[
        str | None,
        Field(min_length=1, max_length=2000, pattern=r"\S", description="Why, without a verdict that passes."),
    ] = None


class NewBaseline(Body):
    method: Annotated[str, Field(json_schema_extra={"enum": Baseline.Method.values})]
    model: Annotated[str, Field(max_length=250)] = ""
    cost_per_execution: Usd | None = None
    prompt: Annotated[
        str | None,
        Field(
            min_length=1,
            pattern=r"\S",
            description="How the model is asked the task without its workflow, at most 64 KiB: what shadows of the task say.",
        ),
    ] = None
    from_: Annotated[Moment | None, Field(alias="from")] = None

    def faults(self) -> Iterator[Fault]:
        if self.prompt and len(self.prompt.encode()) > Baseline.MAX_PROMPT:
            yield Fault("/prompt", f"A prompt has at most {Baseline.MAX_PROMPT} bytes.")
        if self.method not in Baseline.Method.values:
            yield Fault("/method", f"Unknown method; known are {', '.join(Baseline.Method.values)}.")
        elif (self.method == Baseline.Method.DECLARED) != (self.cost_per_execution is not None):
            yield Fault(
                "/cost_per_execution", "The method declared needs the cost of one execution in USD, no other has it."
            )

    def target(self, project: Project) -> str:
        """`provider:model`. A bare name is one of the provider of the project's frontier; nothing at all is the frontier.
        Raises `Invalid`."""
        frontier = frontier_of(project)
        if not self.model:
            return frontier
        target = self.model if ":" in self.model else f"{frontier.partition(':')[0]}:{self.model}"
        try:
            parse_target(target, project.known_providers())
        except ValueError as error:
            raise Invalid.at("/model", str(error)) from error
        return target


class WorkflowList(View):
    parser_classes = (StrictJSONParser, StrictYAMLParser)
    scopes = {"GET": Scope.READ, "POST": Scope.DESIGN}
    filters = {"archived": BOOLEAN}
    paged = True
    bodies = {"POST": NewWorkflow}
    heeds = {"POST": ONCE}
    answers = {"GET": {200: Listed[shown.Workflow]}, "POST": {201: shown.StoredWorkflow, 409: Problem}}

    def get(self, request: Request) -> Response:
        """The workflows of the project, newest first; the archived ones where they are asked for."""
        rows = Workflow.objects.filter(project=request.auth.project).select_related("live__version__workflow")
        rows = rows.filter(archived_at__isnull=not self.given.get("archived", False))
        return page(request, rows, lambda found: [represent_workflow(row) for row in found])

    def post(self, request: Request) -> Response:
        """Stores a workflow and its first version."""
        body: NewWorkflow = self.body
        project = request.auth.project

        @transaction.atomic
        def make(examined: Examined) -> str:
            by = str(request.user)
            return body.save(_made(project, body.name, by), examined, body.version, by).number

        number = once_examined(request, lambda: body.examined(project), make)
        workflow = workflow_of(project, body.name)
        version = represent_version(version_of(project, body.name, number))
        return Response({**version, **represent_workflow(workflow)}, status=201)


class WorkflowDetail(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: shown.Workflow}}

    def get(self, request: Request, name: str) -> Response:
        """One workflow, with its published definition."""
        return Response(represent_workflow(workflow_of(request.auth.project, name)))


class Archival(View):
    scopes = {"POST": Scope.DESIGN, "DELETE": Scope.DESIGN}
    bodies = {"POST": Nothing}
    heeds = {"POST": ONCE}
    answers = {"POST": {200: shown.Workflow, 409: Problem}, "DELETE": {200: shown.Workflow, 409: Problem}}

    def post(self, request: Request, name: str) -> Response:
        """Takes a workflow out of use: no executions, versions and publications any more. Reports and reading stay, and what was
        accepted ends."""
        workflow = workflow_of(request.auth.project, name)

        def archive() -> str:
            workflow.archive(str(request.user))
            return name

        once(request, archive)
        return Response(represent_workflow(workflow_of(request.auth.project, name)))

    def delete(self, request: Request, name: str) -> Response:
        """Takes it back into use."""
        workflow = workflow_of(request.auth.project, name)
        workflow.take_back(str(request.user))
        return Response(represent_workflow(workflow_of(request.auth.project, name)))


class VersionList(View):
    parser_classes = (StrictJSONParser, StrictYAMLParser)
    scopes = {"GET": Scope.READ, "POST": Scope.DESIGN}
    paged = True
    bodies = {"POST": NewVersion}
    heeds = {"POST": ONCE}
    answers = {"GET": {200: Listed[shown.Version]}, "POST": {201: shown.Version, 409: Problem}}

    def get(self, request: Request, name: str) -> Response:
        """The versions of a workflow, newest first."""
        rows = workflow_of(request.auth.project, name).versions.prefetch_related("publications")
        return page(request, rows, lambda found: [represent_version(row) for row in found])

    def post(self, request: Request, name: str) -> Response:
        """Adds a version: a new draft, never an edit."""
        body: NewVersion = self.body
        workflow = workflow_of(request.auth.project, name)

        def examine() -> Examined:
            workflow.must_be_in_use()
            return body.examined(workflow.project)

        @transaction.atomic
        def make(examined: Examined) -> str:
            number = body.number(workflow)
            return body.save(workflow, examined, number, str(request.user), body.resolves).number

        number = once_examined(request, examine, make)
        return Response(represent_version(version_of(workflow.project, name, number)), status=201)


class VersionDetail(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: shown.Version}}

    def get(self, request: Request, name: str, number: str) -> Response:
        """One version."""
        return Response(represent_version(version_of(request.auth.project, name, number)))


class PublicationView(View):
    scopes = {"POST": Scope.DESIGN}
    bodies = {"POST": NewPublication}
    heeds = {"POST": ONCE}
    answers = {"POST": {201: shown.Publication, 409: Problem}}

    def post(self, request: Request, name: str, number: str) -> Response:
        """Makes a version live. Of one that was live before it is the roll-back. Where the workflow has enough cases, it takes
        an evaluation that passed, or an override that says why it goes live without."""
        version = version_of(request.auth.project, name, number)
        by, override = str(request.user), self.body.override or ""
        made = once_examined(request, version.must_be_publishable, lambda _: str(version.publish(by, override).pk))
        publication = Publication.objects.select_related("version__workflow").get(pk=made, version=version)
        return Response(represent_publication(publication), status=201)


class BaselineView(View):
    scopes = {"GET": Scope.READ, "PUT": Scope.DESIGN}
    bodies = {"PUT": NewBaseline}
    answers = {"GET": {200: shown.Baseline}, "PUT": {200: shown.Baseline}}

    def get(self, request: Request, name: str) -> Response:
        """The baseline in force: what savings are measured against."""
        workflow = workflow_of(request.auth.project, name)
        baseline = workflow.baseline_at(timezone.now())
        if baseline is None:
            return Response(default_baseline(workflow))
        return Response(represent_baseline(baseline))

    def put(self, request: Request, name: str) -> Response:
        """States the baseline, from a moment on."""
        body: NewBaseline = self.body
        if faults := list(body.faults()):
            raise Invalid.of(faults)
        workflow = workflow_of(request.auth.project, name)
        # The first statement holds from the beginning: before it, nobody had said anything.
        beginning = timezone.now() if workflow.baselines.exists() else workflow.created_at
        baseline = workflow.state_baseline(
            str(request.user),
            method=body.method,
            model=body.target(workflow.project),
            cost_per_execution=None if body.cost_per_execution is None else to_pico(body.cost_per_execution),
            prompt=body.prompt or "",
            valid_from=body.from_ or beginning,
        )
        return Response(represent_baseline(baseline))


def _made(project: Project, name: str, by: str) -> Workflow:
    try:
        return Workflow.objects.begin(project, name, by)
    except IntegrityError as error:
        said = f"The workflow {name} exists already; post a new version to /workflows/{name}/versions."
        raise Conflict(said, workflow=name) from error


def workflow_of(project: Project, name: str) -> Workflow:
    workflow = (
        Workflow.objects.filter(project=project, name=name).select_related("live__version__workflow", "project").first()
    )
    if workflow is None:
        raise NotFound("There is no such workflow in this project.")
    return workflow


def version_of(project: Project, name: str, number: str) -> Version:
    version = Version.objects.filter(workflow__project=project, workflow__name=name, number=number)
    found = version.select_related("workflow__project").first()
    if found is None:
        raise NotFound("There is no such version of this workflow.")
    return found


def frontier_of(project: Project) -> str:
    return project.tier_map().get("frontier", "")


def represent_workflow(workflow: Workflow) -> dict:
    live = workflow.live
    return {
        "name": workflow.name,
        "published": live and {**represent_publication(live), "definition": live.version.definition},
        "archived_at": rfc3339(workflow.archived_at),
        "created_at": rfc3339(workflow.created_at),
    }


def represent_version(version: Version) -> dict:
    publications = [represent_publication(row) for row in version.publications.all()]
    return {
        "workflow": version.workflow.name,
        "version": version.number,
        "state": "published" if publications else "draft",
        "definition": version.definition,
        "content_hash": version.content_hash,
        "changelog": version.changelog,
        "design_context": version.design_context,
        "designed_by": version.designed_by or None,
        "designed_at": rfc3339(version.designed_at),
        "intelligence_level": version.intelligence_level or None,
        "design_cost": usd_text(version.design_cost_usd),
        "resolves": version.resolves or [],
        "warnings": version.warnings,
        "publications": publications,
        "created_by": version.created_by,
        "created_at": rfc3339(version.created_at),
    }


def represent_publication(publication: Publication) -> dict:
    return {
        "workflow": publication.version.workflow.name,
        "version": publication.version.number,
        "tier_map": publication.tier_map,
        "prompt_format": publication.prompt_format,
        "evidence": publication.evidence,
        "evaluation": publication.evaluation and str(publication.evaluation),
        "reason": publication.reason or None,
        "unproven": publication.evidence == Publication.Evidence.NONE,
        "published_by": publication.published_by,
        "published_at": rfc3339(publication.published_at),
    }


def represent_baseline(baseline: Baseline) -> dict:
    cost: Decimal | None = None if baseline.cost_per_execution is None else to_usd(baseline.cost_per_execution)
    return {
        "method": baseline.method,
        "model": baseline.model or None,
        "cost_per_execution": usd_text(cost),
        "prompt": baseline.prompt or None,
        "from": rfc3339(baseline.valid_from),
    }


def default_baseline(workflow: Workflow) -> dict:
    """What holds while nobody stated one: the same tokens on the project's frontier model, with a warm cache."""
    return {
        "method": Baseline.Method.REPRICED_WARM,
        "model": frontier_of(workflow.project) or None,
        "cost_per_execution": None,
        "prompt": None,
        "from": rfc3339(workflow.created_at),
    }
