"""Money at rest is an integer number of pico-dollars (10⁻¹² USD); in Python it is Decimal; outside, a decimal string."""

from decimal import ROUND_HALF_EVEN, Decimal

PICO = 10**12
CENT = Decimal("0.01")


def to_pico(usd: Decimal) -> int:
    """USD → whole pico-dollars, half to even."""
    return int((usd * PICO).to_integral_value(ROUND_HALF_EVEN))


def to_usd(pico: int) -> Decimal:
    """Pico-dollars → exact USD."""
    return Decimal(pico).scaleb(-12)


def usd_text(usd: Decimal | None) -> str | None:
    """`Decimal("12.500000")` → `"12.50"`, `Decimal("0.000245")` → `"0.000245"`: exact, and never fewer than two places."""
    if usd is None:
        return None
    places = max(2, -int(usd.normalize().as_tuple().exponent))
    return f"{usd:.{places}f}"


def pico_text(pico: int | None) -> str | None:
    """`12_500_000_000_000` → `"12.50"`."""
    return None if pico is None else usd_text(to_usd(pico))


def percent_text(value: Decimal | None) -> str | None:
    """A percentage with two places, half to even."""
    return None if value is None else str(value.quantize(CENT, ROUND_HALF_EVEN))


def rate_text(value: Decimal | None) -> str | None:
    """A rate between 0 and 1 with four places, half to even."""
    return None if value is None else str(value.quantize(Decimal("0.0001"), ROUND_HALF_EVEN))


def rounded(usd: Decimal) -> str:
    """To be read, not to be added: two places, more where it is little."""
    size = abs(usd)
    if size == 0 or size >= 1:
        return f"{usd:,.2f} USD"
    places = next((places for places in (2, 3, 4, 5, 6) if round(size, places) * 10**places >= 10), 0)
    return f"{usd:.{places}f} USD" if places else "less than 0.00001 USD"


def fine(usd: Decimal) -> str:
    """Three digits that say something, for an amount beside others close to it: `0.145 USD`."""
    if not usd or abs(usd) >= 1:
        return rounded(usd)
    places = min(2 - usd.adjusted(), 9)
    return f"{usd:.{places}f} USD"
