"""What the two pages of rows behind a figure have in common: a bar that keeps what was asked, the way back, and the way on."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from analytics.extent import Extent
from wire.filters import Filter
from wire.problems import Malformed
from wire.times import rfc3339

from ...charts.chart import Cell
from ...numbers import day
from ..asking import COMMON, OF_EXECUTIONS, Asked
from ..filtering import Field, filters_of
from ..page import Page
from ..tabs import tabs

NONE = "none"  # of the tiers: calls without one
LONGEST = 300  # characters of a name that is asked for


def _id(name: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Malformed(f"{name} is the id of the last row of the page before.") from error


def _word(name: str, text: str) -> str:
    if len(text) > LONGEST or not text.isprintable():
        raise Malformed(f"{name} is a name of at most {LONGEST} characters.")
    return text


AFTER = Filter(_id, {"type": "string", "format": "uuid"})
WORD = Filter(_word, {"type": "string"})


class Behind(Page):
    """`asks`: the filter that says which rows. `own`: those that no other page knows; beside them what leads back."""

    asks: ClassVar[str]
    own: ClassVar[Mapping[str, Filter]]

    def frame(self, about: Asked) -> dict[str, object]:
        found = super().frame(about)
        return {**found, "tabs": tabs(self.report(about), self.name), "filters": self.bar(about)}

    def report(self, about: Asked) -> Asked:
        """What is asked of the report that led here."""
        kept = {name: text for name, text in about.kept.items() if name in COMMON or name in OF_EXECUTIONS}
        return replace(about, kept=kept)

    def back(self, about: Asked) -> str:
        return self.report(about).to("workflow" if about.workflow else "portfolio")

    def more(self, about: Asked, last: object) -> str:
        return about.to(self.name, after=last)

    def bar(self, about: Asked) -> list[Field]:
        """What is asked, to be changed; the rest of the address goes along unseen."""
        shown = self.controls(about)
        names = {one.name for one in shown} | {"after"}
        unseen = [Field(name, "", text, hidden=True) for name, text in about.kept.items() if name not in names]
        return [*shown, *unseen]

    def controls(self, about: Asked) -> list[Field]:
        known = {"since", "until", "lane", "simulated"} | ({"version"} if about.workflow else set())
        return filters_of(about, known)


def only(about: Asked) -> dict[str, object]:
    """What is asked of a column: as the ledger and the executions have them both."""
    found: dict[str, object] = {}
    if about.version:
        found["version"] = about.version.pk
    if "lane" in about.given:
        found["lane"] = about.given["lane"]
    return found


def whose(about: Asked) -> str:
    """`support-ticket, 1 October 2026 to 26 November 2026, version 1.2.0`."""
    kept = about.kept
    said = [about.workflow.name if about.workflow else f"all of {about.project.name}", days(about.extent)]
    for name in ("version", "step"):
        said += [f"{name} {kept[name]}"] if name in kept else []
    said += ["no tier" if kept["tier"] == NONE else f"tier {kept['tier']}"] if "tier" in kept else []
    said += [f"lane {kept['lane'].replace('_', ' ')}"] if "lane" in kept else []
    said += [f"on {kept['model']}"] if "model" in kept else []
    said += ["simulated"] if about.extent.simulated else []
    return ", ".join(said)


def days(extent: Extent) -> str:
    last = extent.until and extent.until - timedelta(days=1)
    if extent.since is None:
        return f"to the end of {day(last)}" if last else "to date"
    if last is None:
        return f"from {day(extent.since)} on"
    return _from_to(extent.since, last)


def _from_to(first: date, last: date) -> str:
    if first == last:
        return day(first)
    begun = f"{first.day} {first:%B}" if first.year == last.year else day(first)
    return f"{begun} to {day(last)}"


def moment(value: datetime | None, href: str = "") -> Cell:
    """To the second, in UTC: moments stand below each other."""
    if value is None:
        return Cell("–", "", href)
    return Cell(f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}", rfc3339(value), href)


def export(about: Asked, table: str) -> str:
    """The page on which the same days are downloaded; there is one of a workflow. Empty: there is none."""
    if about.workflow is None:
        return ""
    money = "simulated" if about.extent.simulated else "real"
    asked = {"table": table, "money": money}
    asked |= {name: about.kept[name] for name in ("since", "until") if name in about.kept}
    return f"{reverse('admin:workflows_workflow_exports', args=[about.workflow.pk])}?{urlencode(asked)}"
