"""Agreement, and the range that Wilson gives it, with the numbers put in."""

from decimal import Decimal
from math import sqrt
from statistics import NormalDist

from analytics.savings import ratio
from analytics.shadowed import FEWEST
from analytics.side_by_side import Beside
from evaluations.statistics import wilson

from ...charts.chart import Cell, counted
from ...numbers import NOTHING, count
from ..asking import Asked
from .formulas import rows_of
from .line import Line, Part, share

Z = NormalDist().inv_cdf(0.975)
FROM = "(2 × same + z² − z × √(z² + 4 × same × (n − same) ÷ n)) ÷ (2 × (n + z²)), z = 1.96"


def quality(one: Beside, about: Asked) -> Part:
    """`one`: what is measured."""
    found = one.measured
    said = "The share of compared shadows whose result the graders of the workflow call the same, with its Wilson interval."
    if found is None or not found.share.says:
        compared = count(found.compared if found else 0)
        said += f" Shadows of these days that were compared: {compared}; below {FEWEST} nothing is said."
        nothing = Cell(NOTHING, is_number=True)
        return Part("quality", "At what quality", said, [Line("Agreement", "same ÷ compared", nothing)])
    same, n = found.same, found.compared
    low, high = wilson(same, n)
    by_hand = [counted(same), "÷", counted(n, rows_of(about, "shadow_cost"))]
    middle, half = 2 * same + Z * Z, Z * sqrt(Z * Z + 4 * same * (n - same) / n)
    below = 2 * (n + Z * Z)
    lines = [
        Line("Agreement", "same ÷ compared", share(ratio(same, n)), by_hand),
        Line("… from", FROM, share(Decimal(low)), _side(middle, "−", half, below)),
        Line("… to", "the same with +", share(Decimal(high)), _side(middle, "+", half, below)),
    ]
    return Part("quality", "At what quality", said, lines)


def _side(middle: float, sign: str, half: float, below: float) -> list[Cell | str]:
    terms = [Cell(f"{one:.4f}", f"{one:.12f}", is_number=True) for one in (middle, half, below)]
    return ["(", terms[0], sign, terms[1], ") ÷", terms[2]]
