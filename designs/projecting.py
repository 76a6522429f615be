"""What an execution of a draft is expected to cost, on its own tiers and on each one alone, and when its design has paid for
itself. Assumed from what its prompts say, until executions have shown it.
"""

from collections.abc import Iterator, Sequence

from executions import estimates
from wire.money import pico_text
from wire.problems import Problem
from workflows.compiled import compiled
from workflows.models import Version

from . import spending
from .models import Design

TIERS = ("cheap", "standard", "frontier")
LONGEST = 24  # months after which a design that has not paid for itself is said to be too rare


def figures(design: Design, version: Version, inputs: Sequence[object]) -> dict[str, object]:
    """`per_execution`: USD as it is designed, and with every model step on one tier; null where that cannot be said. `break_even`:
    after how many executions the design is paid, ⌈design cost ÷ (frontier − as designed)⌉; null where it never is."""
    taken = [one for one in inputs if not compiled(version.pk).input_schema.faults(one)]
    costs = per_execution(version, taken)
    spent = spending.spent(design)
    designed, frontier = costs["as_designed"], costs["frontier"]
    saved = None if designed is None or frontier is None else frontier - designed
    even = -(-spent // saved) if saved and saved > 0 else None
    monthly = design.brief.get("executions_per_month")
    return {
        "per_execution": {name: pico_text(pico) for name, pico in costs.items()},
        "basis": "assumed",
        "design_cost": pico_text(spent),
        "break_even": even,
        "executions_per_month": monthly,
        "saved_per_month": None if saved is None or not monthly else pico_text(saved * monthly),
        "doubts": list(_doubts(saved, even, monthly)),
    }


def per_execution(version: Version, inputs: Sequence[object]) -> dict[str, int | None]:
    """Pico-dollars."""
    found = {"as_designed": _of(version, inputs, None)}
    targets = version.workflow.project.tier_map()
    for tier in TIERS:
        found[tier] = _of(version, inputs, dict.fromkeys(TIERS, targets[tier])) if tier in targets else None
    return found


def _of(version: Version, inputs: Sequence[object], tiers: dict[str, str] | None) -> int | None:
    if not inputs:
        return None
    try:
        expected = estimates.estimate(version, None, inputs, tiers=tiers).expected
    except Problem:
        return None
    return None if expected is None else expected // len(inputs)


def _doubts(saved: int | None, even: int | None, monthly: int | None) -> Iterator[str]:
    """What the figures say against it, in sentences."""
    if saved is not None and saved <= 0:
        yield "As it is designed it costs no less than the frontier does: it saves nothing."
    if even is not None and monthly and even > monthly * LONGEST:
        yield f"At {monthly} executions a month it takes more than {LONGEST} months to pay for its design: too rare to pay."
