"""Steps that an earlier live version asked a model, and that a later one does in code or by a tool: what they would have cost."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

from workflows.models import Publication, Version

from .baselines import AllFrontier
from .measuring import Ended

WITHOUT_A_MODEL = ("code", "tool")
Asked = Callable[[int, int, str], AllFrontier]


class Moved(NamedTuple):
    """`before`: the versions that were live before this one first was, and asked a model for the step, the last one first."""

    version: int
    step: str
    before: tuple[int, ...]


def saved_by_code(ended: Iterable[Ended], to_date: Iterable[Ended], asked: Asked) -> int | None:
    """Pico-dollars: for each such step, completed executions of the version that has it in code × what the step was worth
    all-frontier for each completed execution of the version before. `asked(workflow, version, step)` says what that was in all.
    None where it has no price; of the versions before the last one counts of which anything completed."""
    here, ever = _counted(ended), _counted(to_date)
    saved = Fraction(0)
    for workflow in sorted({workflow for workflow, _ in here}):
        for one in moved(workflow, {version for of, version in here if of == workflow}):
            executed = next((version for version in one.before if ever[workflow, version]), None)
            if executed is None:
                continue
            worth, before = asked(workflow, executed, one.step), ever[workflow, executed]
            if worth.unpriced:
                return None
            saved += Fraction(here[workflow, one.version] * worth.pico, before)
    return round(saved)


def moved(workflow: int, versions: set[int]) -> Iterator[Moved]:
    """Of these versions of the workflow."""
    rows = Publication.objects.filter(version__workflow=workflow).order_by("pk").values_list("version", flat=True)
    live = list(dict.fromkeys(rows))
    if len(live) < 2:
        return
    kinds = {pk: _kinds(definition) for pk, definition in _definitions(live)}
    for place, version in enumerate(live):
        if version not in versions:
            continue
        for step, kind in kinds[version].items():
            earlier = [one for one in live[:place] if kinds[one].get(step) == "model"]
            if kind in WITHOUT_A_MODEL and earlier:
                yield Moved(version, step, tuple(reversed(earlier)))


def _definitions(versions: list[int]) -> Iterator[tuple[int, dict]]:
    yield from Version.objects.filter(pk__in=versions).values_list("pk", "definition").iterator()


def _kinds(definition: dict) -> dict[str, str]:
    return {step["id"]: step["kind"] for step in definition["steps"]}


def _counted(ended: Iterable[Ended]) -> Counter[tuple[int, int]]:
    found: Counter[tuple[int, int]] = Counter()
    for one in ended:
        found[one.workflow, one.stratum.version] += one.count
    return found
