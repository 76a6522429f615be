"""The versions of a workflow beside each other: what each escalates, costs and takes, how often its shadows agree, and what it cost
to come to be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from designs.models import Design
from designs.spending import spent_by, unpriced_of
from gateway.types import Purpose
from shadows.measurements import measurements
from wire.money import to_usd
from workflows.models import Version

from .baselines import stated_model
from .cells import Cells
from .extent import Extent
from .learning.by_version import Escalated, by_version
from .learning.fixes import fixes
from .measuring import subject_of
from .operations.figures import Executed, executions
from .reading import Only, Reading
from .savings import ratio
from .shadowed import Share
from .snapshot import snapshot


@dataclass(frozen=True)
class Took:
    """What it cost to come to be, whenever that was paid, in USD; None: a call has no price. `declared`: what a person said that
    designing it cost, None where nobody did."""

    design: Decimal | None
    declared: Decimal | None
    evaluation: Decimal | None


@dataclass(frozen=True)
class VersionFigures:
    """`executed` None: nothing of it was accepted or finished in these days. `escalated` None: it never went live before their end.
    `execution_cost`: of production, in USD, without what is in doubt; `unpriced`: calls of it without a price."""

    version: Version
    executed: Executed | None
    escalated: Escalated | None
    execution_cost: Decimal
    unpriced: int
    retry_rate: Decimal | None
    agreed: Share
    took: Took

    @property
    def completed(self) -> int:
        return self.executed.completed if self.executed else 0

    @property
    def cost_per_completed(self) -> Decimal | None:
        """Of executing it: what it cost to come to be stands apart, so that a young version is not dearer for its youth."""
        return None if self.unpriced else ratio(self.execution_cost, self.completed)


def version_figures(extent: Extent, versions: Sequence[Version], only: Only) -> list[VersionFigures]:
    """Of these versions of the extent's workflow, in their order. `only`: of a lane. In a constant number of queries."""
    with snapshot():
        reading = Reading(extent)
        executed = {version: found for (version,), found in executions(reading, "version", ("version",), only).items()}
        escalated = {one.version: one for one in by_version(extent, fixes(extent), only, most=None)}
        executing = _executing(reading, only)
        agreed = _agreed(extent)
        took = _took(extent, versions)
    figures = []
    for version in versions:
        calls = executing.get(version.pk, Counter())
        figures.append(
            VersionFigures(
                version=version,
                executed=executed.get(version.pk),
                escalated=escalated.get(version.number),
                execution_cost=to_usd(calls["cost"]),
                unpriced=calls["unpriced"],
                retry_rate=ratio(calls[Purpose.REPAIR], calls[Purpose.STEP]),
                agreed=agreed.get(version.pk, Share(0, 0)),
                took=took[version.pk],
            )
        )
    return figures


def _executing(reading: Reading, only: Only) -> dict[int | None, Counter[str]]:
    """By version: pico-dollars, calls without a price, and how many calls there were of each purpose."""
    found: dict[int | None, Counter[str]] = defaultdict(Counter)
    for row in reading.calls(
        ("version", "account", "purpose", "trial", "reported"), ("cost", "unpriced", "calls"), only
    ):
        if row["reported"] or row["trial"]:
            continue
        mine = found[row["version"]]
        mine[row["purpose"]] += row["calls"]
        if row["account"] == "execution_cost":
            mine["cost"] += row["cost"]
            mine["unpriced"] += row["unpriced"]
    return found


def _agreed(extent: Extent) -> dict[int, Share]:
    """Of the shadows that a summary counts, whatever the lane of what they repeat."""
    days = {"since": extent.since, "until": extent.until, "simulated": extent.simulated}
    found = [
        one for one in measurements(extent.workflow.pk, subject_of(extent.workflow), **days) if one.same is not None
    ]
    model = _model(extent) if found else None
    same, compared = Counter(), Counter()
    for one in found:
        if one.model == model:
            same[one.version] += one.same
            compared[one.version] += 1
    return {version: Share(same[version], compared[version]) for version in compared}


def _model(extent: Extent) -> str | None:
    """The baseline's, as a summary names it."""
    return stated_model(extent) or Cells(extent).pinned_model(extent) or extent.project.tier_map().get("frontier")


def _took(extent: Extent, versions: Sequence[Version]) -> dict[int, Took]:
    designed, evaluated = _designed(extent, versions), _evaluated(replace(extent, since=None, until=None))
    return {
        one.pk: Took(_usd(designed.get(one.pk, 0)), one.design_cost_usd, _usd(evaluated.get(one.pk, 0)))
        for one in versions
    }


def _designed(extent: Extent, versions: Sequence[Version]) -> dict[int, int | None]:
    designs = list(Design.objects.filter(draft__in=versions, simulated=extent.simulated).only("pk", "draft"))
    spent, unpriced = spent_by(designs), unpriced_of(designs)
    found: dict[int, int | None] = {}
    for one in designs:
        _add(found, one.draft_id, None if one.pk in unpriced else spent[one.pk])
    return found


def _evaluated(whole: Extent) -> dict[int | None, int | None]:
    found: dict[int | None, int | None] = {}
    for row in Reading(whole).calls(("version", "account", "reported"), ("cost", "unpriced")):
        if not row["reported"] and row["account"] == "evaluation_cost":
            _add(found, row["version"], None if row["unpriced"] else row["cost"])
    return found


def _add(found: dict[int | None, int | None], version: int | None, pico: int | None) -> None:
    so_far = found.get(version, 0)
    found[version] = None if so_far is None or pico is None else so_far + pico


def _usd(pico: int | None) -> Decimal | None:
    return None if pico is None else to_usd(pico)
