"""How an execution is served: `fast`, as designed, or `quality`, every model step on the frontier. Who asks for it says so, or the
design chooses by the input."""

from collections.abc import Generator, Mapping
from typing import get_args

from gateway.providers import registry
from wire.problems import Conflict
from workflows.definition import Definition, Lane, Lanes, ModelStep
from workflows.sandbox import truth_of

from .effects import Effect, Evaluate
from .evaluating import raise_failure
from .run import Run

FAST, QUALITY = "fast", "quality"
LANES = get_args(Lane)
OF_STEP = "steps."  # in a tier map, before a step's id: the model of that step alone
LATER = Lanes.later  # designed and not built


def at_first(definition: Definition, asked: str | None) -> str:
    """The lane of a new execution; empty where the engine has to look at its input."""
    return asked or ("" if definition.lanes.quality is not None else definition.default_lane)


def handed_on(lane: str | None) -> str | None:
    """What an execution that comes of another one, a rerun or a called one, is asked for: `fast` leaves it to its own design."""
    return None if lane == FAST else lane


def choose(run: Run) -> Generator[Effect, object, None]:
    """The first rule of the design that is true, else its default. Raises `Stopped` where the rule breaks."""
    if run.execution.lane:
        return
    definition = run.compiled.definition
    [wanted] = yield Evaluate((truth_of(definition.lanes.quality),), run.names())
    raise_failure(run, wanted, "The rule of the lane quality")
    run.execution.lane = run.journal.lane = QUALITY if wanted else definition.default_lane


def tier(run: Run, step: ModelStep) -> str:
    return "frontier" if run.execution.lane == QUALITY else step.tier


def target(run: Run, step: ModelStep, tier: str) -> str:
    """`provider:model` of a step's own call. An evaluation may try another one on a single step."""
    of_step = run.execution.tier_map.get(f"{OF_STEP}{step.id}") if run.execution.lane != QUALITY else None
    return of_step or run.execution.tier_map[tier]


def is_simulated(project: int, definition: Definition, tiers: Mapping[str, str], asked: str | None) -> bool:
    """Whether its models are: those that it can reach, or, where it asks none, those of its project. Raises `Conflict` where
    the lane that is asked for has no model, or one of the other kind."""
    reachable = definition.reachable_tiers or set(tiers)
    if asked == QUALITY and definition.step_tiers:
        if "frontier" not in tiers:
            raise Conflict(
                "The lane quality needs a model for the tier frontier; a person maps one and publishes again."
            )
        reachable = reachable | {"frontier"}
    kinds = {registry.is_simulated(project, tiers[tier]) for tier in reachable}
    if asked == QUALITY and len(kinds) > 1:
        raise Conflict(
            "The frontier model of this publication is simulated and others are real, or the other way round."
        )
    return any(kinds)
