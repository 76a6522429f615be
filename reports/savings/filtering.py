"""The bar of filters on a page: a form that sends what stands in the address."""

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import UTC, timedelta

from django.utils import timezone

from analytics.baselines import Method
from analytics.extent import Extent
from executions.lanes import LANES
from shadows.models import Subject
from workflows.models import Version

from ..numbers import day
from .asking import Asked

MOST = 100  # versions that can be chosen
METHODS = {
    Method.DECLARED: "what a person declared",
    Method.REPRICED_WARM: "the same tokens, warm cache",
    Method.REPRICED_COLD: "the same tokens, no cache",
    Method.MEASURED: "what shadows measured",
}
SUBJECTS = {Subject.WORKFLOW: "the workflow on the frontier", Subject.TASK: "the task in one call"}


@dataclass(frozen=True)
class Field:
    """One control. Without `choices` it is a day. `hidden`: it is only sent along."""

    name: str
    label: str
    value: str
    choices: list[tuple[str, str]] = field(default_factory=list)
    hidden: bool = False


def filters_of(about: Asked, known: Container[str]) -> list[Field]:
    """Those that the page heeds, in their order."""
    return [made for made in _fields(about, of_shadows="baseline" not in known) if made.name in known]


def _fields(about: Asked, *, of_shadows: bool) -> list[Field]:
    kept = about.kept
    kind = "true" if about.extent.simulated else "false"
    fields = [
        Field("since", "From", kept.get("since", "")),
        Field("until", "Until (not counted)", kept.get("until", "")),
        Field("version", "Version", kept.get("version", ""), [("", "all"), *_versions(about)]),
        Field("lane", "Lane", kept.get("lane", ""), [("", "all"), *((lane, lane.replace("_", " ")) for lane in LANES)]),
        Field(
            "baseline", "Compared with", about.method.value, [(method.value, said) for method, said in METHODS.items()]
        ),
    ]
    if about.method == Method.MEASURED or of_shadows:
        said = [("", "as the baseline says"), *((subject.value, said) for subject, said in SUBJECTS.items())]
        fields.append(Field("subject", "Shadows of", kept.get("subject", ""), said))
    return [*fields, Field("simulated", "Figures", kind, [("false", "real"), ("true", "simulated")])]


def _versions(about: Asked) -> list[tuple[str, str]]:
    if about.workflow is None:
        return []
    return [(number, number) for number in versions_of(about, about.version)]


def versions_of(about: Asked, *chosen: Version | None) -> list[str]:
    """The numbers of the newest ones, the newest first, and of those that are chosen, however old."""
    numbers = list(about.workflow.versions.order_by("-pk").values_list("number", flat=True)[:MOST])
    older = {one.pk: one.number for one in chosen if one and one.number not in numbers}
    return numbers + [older[pk] for pk in sorted(older, reverse=True)]


def scope(about: Asked, known: Container[str], extent: Extent | None = None) -> str:
    """What is shown, in words: a page that is printed has no form, and no now. `extent`: where it is not that of the filters.
    `From 1 October 2026 until 26 November 2026, 18:30 UTC, real money, version 1.2.0.`"""
    extent = extent or about.extent
    begins = f"from {day(extent.since)}" if extent.since else "from the beginning"
    now = timezone.now().astimezone(UTC)
    is_over = extent.until and extent.until <= now.date()
    ends = (
        f"to {day(extent.until - timedelta(days=1))} (UTC)" if is_over else f"until {day(now.date())}, {now:%H:%M} UTC"
    )
    parts = [f"{begins} {ends}", "simulated money" if extent.simulated else "real money"]
    if "baseline" in known:
        parts.append(f"compared with {METHODS[about.method]}")
    parts += [f"{name} {about.kept[name]}" for name in ("version", "lane") if name in known and name in about.kept]
    said = ", ".join(parts)
    return f"{said[:1].upper()}{said[1:]}."
