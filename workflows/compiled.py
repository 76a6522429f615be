"""A version made ready to execute: parsed once, its validators and constant texts built once. Versions never change, so
this is kept for the life of the process."""

from dataclasses import dataclass
from functools import lru_cache

from gateway.types import Block

from . import envelope, prompts
from .definition import Definition, EdgeCase, ModelStep, Step
from .leaks import Passages, Told
from .models import Version
from .schemas import Schema


@dataclass(frozen=True)
class CompiledStep:
    """`schema`: what an output must follow. The rest is a model step's: what is sent as system and as schema, and what of
    it must not come back."""

    step: Step
    schema: Schema | None
    system: tuple[Block, ...] = ()
    envelope: dict | None = None
    told: Told | None = None


@dataclass(frozen=True)
class Compiled:
    definition: Definition
    input_schema: Schema
    output_schema: Schema | None
    steps: dict[str, CompiledStep]
    edge_cases: tuple[EdgeCase, ...]  # their texts with the constants filled in, as people read them
    escalating: tuple[str, ...]  # ids of those that a model may answer `escalate` with


@lru_cache(maxsize=256)
def compiled(version_id: int) -> Compiled:
    return build(Version.objects.select_related("workflow__project").get(pk=version_id).parsed())


def build(definition: Definition) -> Compiled:
    told = [case for case in definition.edge_cases if case.when is None]
    escalating = tuple(case.id for case in told if case.escalates)
    prefix = prompts.system_prefix(definition, told)
    passages = Passages(prefix)
    steps = {step.id: _compile_step(step, passages, definition, escalating) for step in definition.steps}
    return Compiled(
        definition=definition,
        input_schema=Schema(definition.input_schema),
        output_schema=Schema(definition.output_schema) if definition.output_schema is not None else None,
        steps=steps,
        edge_cases=tuple(
            case.model_copy(update={"case": prompts.fill(case.case, definition.constants)})
            for case in definition.edge_cases
        ),
        escalating=escalating,
    )


def _compile_step(step: Step, prefix: Passages, definition: Definition, escalating: tuple[str, ...]) -> CompiledStep:
    schema = Schema(step.output_schema) if step.output_schema is not None else None
    if not isinstance(step, ModelStep):
        return CompiledStep(step, schema)
    system = (Block(prefix.source), Block(prompts.step_block(step.instructions, step.examples), cached=True))
    told = Told(prefix, step.instructions, definition.constants, step.output_schema)
    return CompiledStep(step, schema, system, envelope.schema(step.output_schema, escalating), told)
