"""Stating what is asked of a version: examined here, and kept in one row of its workflow."""

from collections.abc import Mapping
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from projects import audit
from projects.audit import Verb
from projects.keeping import redaction
from wire.problems import Fault, Invalid, pointer
from workflows.models import Workflow

from . import graders
from .models import Gate, gate_of

MAX_STEPS = 50
MAX_MARGIN = Decimal("0.25")


def state(workflow: Workflow, said: Mapping[str, object], by: str) -> Gate:
    """`said`: columns of a `Gate`; what is not among them stays. Raises `Invalid`."""
    said = redaction(workflow.project_id).value(dict(said))
    said |= {name: Decimal(said[name]) for name in ("margin", "min_recall") if name in said}
    if faults := list(_faults(said)):
        raise Invalid.of(faults)
    with transaction.atomic():
        Workflow.objects.select_for_update(no_key=True).get(pk=workflow.pk)
        gate = gate_of(workflow)
        for name, value in said.items():
            setattr(gate, name, value)
        gate.stated_by, gate.stated_at = by, timezone.now()
        gate.save()
        told = {"min_cases": gate.min_cases, "margin": str(Decimal(gate.margin)), "min_recall": str(gate.min_recall)}
        audit.record(workflow.project_id, by, Verb.STATED, gate, workflow.name, **told)
    return gate


def _faults(said: Mapping[str, object]) -> list[Fault]:
    found = []
    if said.get("margin") == 0:
        found.append(Fault("/margin", "With a margin of 0 no number of cases is enough: state one above it."))
    elif said.get("margin", 0) > MAX_MARGIN:
        found.append(Fault("/margin", f"A margin is at most {MAX_MARGIN}: beyond that a verdict says nothing."))
    found += graders.faults(said.get("graders", []), "/graders")
    steps = said.get("step_graders", {})
    if len(steps) > MAX_STEPS:
        found.append(Fault("/step_graders", f"At most {MAX_STEPS} steps."))
    for step, several in list(steps.items())[:MAX_STEPS]:
        found += graders.faults(several, "/step_graders" + pointer(step))
    return found
