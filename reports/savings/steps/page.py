"""The page of a version's steps: the routed workflow as a picture, with what each step costs, and its calls by tier and model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from analytics.operations.figures import Operation, operations
from analytics.operations.steps import Steps, steps
from analytics.snapshot import snapshot
from wire.filters import Filter
from workflows.definition import Definition, ModelStep
from workflows.models import Publication, Version

from ...charts import calls as charts
from ...numbers import count, rate, usd
from ..asking import COMMON, OF_EXECUTIONS, Asked
from ..page import Page
from ..rows.behind import NONE
from ..versions.page import SIMULATED
from .flow import flow

ORDER = ("cheap", "standard", "frontier")  # of tiers
NOT_PUBLISHED = ("draft", "it never went live: the models are those of the project as they are today")


class StepsAndTiers(Page):
    name, heading, template = "steps", "Steps and tiers", "steps.html"
    filters: ClassVar[Mapping[str, Filter]] = {
        **{name: COMMON[name] for name in ("since", "until", "simulated")},
        **OF_EXECUTIONS,
    }

    def frame(self, about: Asked) -> dict[str, object]:
        """Without a version among the filters it is of the live one, and not of all."""
        found = super().frame(about)
        live = about.workflow.live
        told = f"the live one, {live.version.number}" if live else "the newest one"
        found["filters"] = [
            replace(one, choices=[("", told), *one.choices[1:]]) if one.name == "version" else one
            for one in found["filters"]
        ]
        return found

    def shown(self, about: Asked) -> dict[str, object]:
        version = _version(about)
        if version is None:
            return {"version": None, "headline": "There is no version yet, so there are no steps.", "labels": []}
        only = {"version": version.pk, **({"lane": about.given["lane"]} if "lane" in about.given else {})}
        publication = version.publications.order_by("-pk").first()
        with snapshot():
            found = steps(about.extent, only)
            by = {name: operations(about.extent, name, only) for name in ("tier", "model")}
            by["tier"].sort(key=lambda one: ORDER.index(one.key["tier"]) if one.key["tier"] in ORDER else len(ORDER))
        definition = version.parsed()
        tier_map = publication.tier_map if publication else about.project.tier_map()
        nodes = flow(definition, tier_map, found, about, version.number)
        return {
            "version": version,
            "definition": definition,
            "headline": _headline(version, definition, found),
            "labels": _labels(about, publication, found),
            "nodes": nodes,
            "before": found.of("").flagged,
            "handed_over": [case for case in definition.edge_cases if case.escalates],
            "lanes": _lanes(definition),
            "completed": count(found.completed),
            **_calls(by, about, version),
        }


def _version(about: Asked) -> Version | None:
    """The one that is asked for, or the live one, or else the newest. Raises `NotFound`."""
    if about.version:
        return about.version
    live = about.workflow.live
    return live.version if live else about.workflow.versions.order_by("-pk").first()


def _headline(version: Version, definition: Definition, found: Steps) -> str:
    asking = [step.id for step in definition.steps if isinstance(step, ModelStep)]
    whole = len(definition.steps)
    begins = f"{version.number} has {count(whole)} step{'' if whole == 1 else 's'}, and {_of(len(asking))} of them asks a model"
    begins = begins.replace("asks", "ask") if len(asking) != 1 else begins
    if not found.completed:
        return f"{begins}. Nothing of it was completed in these days."
    if found.unpriced or not found.cost:
        return f"{begins}."
    most = max(found.taken.values(), key=lambda one: one.cost)
    each = found.cost / found.completed
    return f"{begins}. Executing one costs {usd(each)}, of which {most.step or 'no step'} takes {rate(found.share(most.step))}."


def _of(number: int) -> str:
    return count(number) if number else "none"


def _labels(about: Asked, publication: Publication | None, found: Steps) -> list[tuple[str, str]]:
    labels = [SIMULATED] if about.extent.simulated else []
    labels += [] if publication else [NOT_PUBLISHED]
    if found.unpriced:
        calls = "1 call has" if found.unpriced == 1 else f"{count(found.unpriced)} calls have"
        labels.append(("incomplete", f"{calls} no price, so no step's share is known"))
    return labels


def _lanes(definition: Definition) -> str:
    """When every model step is on the frontier instead."""
    return definition.lanes.quality or ""


def _calls(by: Mapping[str, Sequence[Operation]], about: Asked, version: Version) -> dict[str, object]:
    def leads(name: str) -> charts.Leads:
        return lambda one: about.to("calls", version=version.number, **{name: one.key[name] or NONE})

    return {
        "charts": [
            charts.costs("tier", by["tier"], leads("tier")),
            charts.costs("model", by["model"], leads("model")),
            charts.latencies("model", by["model"], leads("model")),
        ],
        "tables": [
            (
                f"Calls by {name}",
                (name.capitalize(), *charts.COLUMNS),
                [charts.row(one, name, leads(name)) for one in rows],
            )
            for name, rows in by.items()
        ],
        "caching": [(charts.named(one, "model"), one.caching.said) for one in by["model"] if one.caching.said],
    }
