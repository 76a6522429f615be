"""Workflows that call workflows: what a step's reference means at this moment, and what a publication pins it to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.providers.registry import is_simulated
from projects.models import Project
from wire.problems import Conflict

from .definition import CALLEE, MAX_STEPS, called
from .meaning import WorkflowSignature

if TYPE_CHECKING:
    from .models import Publication, Version

MAX_DEPTH = 3  # of executions that stand in each other


def callees(document: dict, project: Project) -> dict[str, WorkflowSignature]:
    """What a document's steps call, by the names that they use; a name of nothing is not among them."""
    steps = document.get("steps") if isinstance(document, dict) else None
    named = (
        [one.get("workflow") for one in steps[:MAX_STEPS] if isinstance(one, dict)] if isinstance(steps, list) else []
    )
    references = {one for one in named if isinstance(one, str) and CALLEE.fullmatch(one)}
    found = {reference: _callee(reference, project)[0] for reference in references}
    return {reference: signature for reference, signature in found.items() if signature}


def callee(reference: str, project: Project) -> Publication:
    """The publication that would be called now. Raises `Conflict` where there is none, or none that can be."""
    signature, publication = _callee(reference, project)
    if signature is None:
        raise Conflict(f"There is no workflow {reference} in this project.")
    if signature.refused:
        raise Conflict(signature.refused)
    return publication


def pins(version: Version) -> dict[str, int]:
    """The publications that a version's steps call once it is published, by the names that they use. Raises `Conflict` where
    one cannot be called: it is not there, calls this workflow itself, or its models are of the other kind than ours."""
    workflow, definition = version.workflow, version.parsed()
    found = {reference: callee(reference, workflow.project) for reference in sorted(definition.callees)}
    for reference, publication in found.items():
        if workflow.pk in publication.workflows():
            raise Conflict(f"{reference} calls {workflow.name} itself: what calls itself would never end.")
    tiers = workflow.project.tier_map()
    own = {is_simulated(workflow.project_id, tiers[tier]) for tier in definition.reachable_tiers}
    if len(own.union(*(kinds(publication) for publication in found.values()))) > 1:
        raise Conflict("One of them asks simulated models and another real ones; both moneys are never added.")
    return {reference: publication.pk for reference, publication in found.items()}


def kinds(publication: Publication) -> set[bool]:
    """Whether its models are simulated, and those of what it calls; empty where none is asked."""
    project, tiers = publication.version.workflow.project_id, publication.tier_map
    own = {is_simulated(project, tiers[tier]) for tier in publication.version.parsed().reachable_tiers}
    return own.union(*(kinds(one) for one in publication.called()))


def _callee(reference: str, project: Project) -> tuple[WorkflowSignature | None, Publication | None]:
    """What would be called now. Without a publication the signature says why; without a workflow there is neither."""
    name, major = called(reference)
    workflow = project.workflows.filter(name=name).select_related("live__version__workflow").first()
    if workflow is None:
        return None, None
    publication, refused = workflow.called_as(major), ""
    if workflow.archived_at:
        refused = f"The workflow {name} is archived: it takes no executions."
    elif publication is None:
        which = "" if major is None else f" {major}.x"
        refused = f"The workflow {name} has no published version{which}: publish one first."
    elif publication.depth() >= MAX_DEPTH:
        refused = f"{reference} calls others that call others: executions stand in each other at most {MAX_DEPTH} deep."
    schema = publication.version.definition["input_schema"] if publication else {}
    return WorkflowSignature(reference, schema, refused), publication
