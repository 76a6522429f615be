"""The steps of an execution on its page: each with all its attempts, calls and flags. What a page that follows has already is not
read again, let alone sent: a prompt may be long, and does not move."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from gateway.models import Call
from projects.admin import pretty, usd
from projects.live import mark
from wire.money import to_usd, usd_text

from ..models import Execution, Flag, StepResult
from .progress import Progress
from .texts import deleted

ATTEMPTS, CALLS = 200, 50  # of one execution on its page
LONGEST = 20_000  # characters of a text; the ledger's page has the whole
NOT_KEPT = "Not there: it was never kept, or it was deleted, as its project says."


@dataclass
class CallShown:
    """A call with its texts: `asked` are labelled."""

    row: Call
    cost: str
    prices: str
    asked: list[tuple[str, str]]
    answered: str


@dataclass
class Place:
    """A step, or one item of its list: every attempt and every call, oldest first. `marks`: what it is known by; `same`: the page
    has it already; `at`: the execution is at work there."""

    step: str
    iteration: int | None
    number: int | str = "–"
    attempts: list[tuple[StepResult, object]] = field(default_factory=list)
    calls: list[CallShown] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    marks: list[object] = field(default_factory=list)
    same: bool = False
    at: bool = False

    @property
    def anchor(self) -> str:
        return f"place-{self.step}" if self.iteration is None else f"place-{self.step}-{self.iteration}"

    @property
    def last(self) -> StepResult | None:
        return self.attempts[-1][0] if self.attempts else None

    @property
    def cost(self) -> str:
        costs = [call.row.cost for call in self.calls]
        if not costs:
            return ""
        return "unpriced" if None in costs else f"{usd_text(to_usd(sum(costs)))} USD"


@dataclass
class Outline:
    """What there is, without a text: `rows` and `calls` are the first, `whole` whether these are all."""

    places: dict[tuple[str, int | None], Place]
    rows: list[StepResult]
    calls: list[Call]
    whole: bool

    @property
    def marks(self) -> list[object]:
        return [(key, place.at, place.marks) for key, place in self.places.items()]


def attempts_of(execution: Execution) -> list[StepResult]:
    """One more than are shown, as no text is read yet."""
    told = ("pk", "execution", "step", "iteration", "status", "attempt", "started_at", "finished_at")
    return list(execution.steps.order_by("pk").only(*told)[: ATTEMPTS + 1])


def outline(
    execution: Execution, rows: Sequence[StepResult], flags: Sequence[Flag], progress: Progress | None
) -> Outline:
    """In the order in which they were come to. `progress`: where it is now, if it moves."""
    numbers = {step["id"]: number for number, step in enumerate(execution.version.definition["steps"], 1)}
    found = Outline({}, list(rows[:ATTEMPTS]), [], len(rows) <= ATTEMPTS)

    def at(step: str, iteration: int | None) -> Place:
        return found.places.setdefault((step, iteration), Place(step, iteration, numbers.get(step, "–")))

    for row in found.rows:
        at(row.step, row.iteration).marks.append((row.pk, row.status, row.finished_at))
    calls = Call.objects.filter(execution=execution.pk).order_by("intended_at", "pk").only("pk", "step", "iteration")
    several = list(calls[: CALLS + 1])
    found.calls, found.whole = several[:CALLS], found.whole and len(several) <= CALLS
    for call in found.calls:
        at(call.step, call.iteration).marks.append(call.pk)
    for flag in flags:
        if flag.step:
            place = at(flag.step, flag.iteration)
            place.flags.append(flag)
            place.marks.append((flag.pk, flag.state))
    if progress and progress.place and not progress.stands:
        at(*progress.place).at = True
    return found


def filled(execution: Execution, found: Outline, known: Container[str]) -> list[Place]:
    """With their texts, but for those whose mark is known."""
    for marked, place in zip(found.marks, found.places.values(), strict=True):
        place.same = mark(marked) in known
    wanted = {key: place for key, place in found.places.items() if not place.same}
    rows = [row.pk for row in found.rows if row.place in wanted]
    for row in execution.steps.filter(pk__in=rows).order_by("pk") if rows else ():
        answer = deleted(execution) or (pretty(row.output) if row.has_output else "")
        wanted[row.place].attempts.append((row, answer))
    calls = [call.pk for call in found.calls if (call.step, call.iteration) in wanted]
    several = Call.objects.filter(pk__in=calls).select_related("payload").order_by("intended_at", "pk")
    for call in several if calls else ():
        wanted[call.step, call.iteration].calls.append(_call(call))
    return list(found.places.values())


def _call(call: Call) -> CallShown:
    payload = getattr(call, "payload", None)
    asked = payload.request if payload and isinstance(payload.request, dict) else {}
    system, user = asked.get("system"), asked.get("user")
    texts = [
        ("Instructions", "\n\n".join(map(str, system))) if isinstance(system, list) else ("", ""),
        ("Prompt", user or ""),
    ]
    return CallShown(
        row=call,
        cost="unpriced" if call.cost is None else usd(call.cost, simulated=call.simulated),
        prices=_prices(call),
        asked=[(label, _short(str(text))) for label, text in texts if text],
        answered=_short(payload.response) if payload and payload.response else NOT_KEPT,
    )


def _prices(call: Call) -> str:
    if call.price_input is None:
        return "no price is known"
    kinds = {"input": call.price_input, "output": call.price_output, "read from the cache": call.price_cache_read}
    named = ", ".join(f"{kind} {usd_text(to_usd(price))}" for kind, price in kinds.items() if price is not None)
    return f"USD per million tokens: {named} ({call.price_source} {call.price_version})"


def _short(text: str) -> str:
    more = len(text) - LONGEST
    return f"{text[:LONGEST]}\n… {more} more characters: see the call in the ledger." if more > 0 else text
