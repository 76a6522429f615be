"""What an address of a savings page asks for: whose figures, of which days, against what. And the addresses of other pages that
ask for the same, so that a page can be sent, and leads on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.urls import reverse

from analytics.api import FILTERS, compared_with, extent_of
from analytics.baselines import Method
from analytics.extent import Extent
from executions.lanes import LANES
from projects.models import Project, Role
from projects.roles import may
from shadows.models import Subject
from wire.filters import TEXT, Filter, one_of
from wire.problems import Malformed, NotFound
from workflows.models import Version, Workflow

# What every page heeds. A page has others of its own beside them.
COMMON: dict[str, Filter] = {name: FILTERS[name] for name in ("since", "until", "baseline", "subject", "simulated")}
TURNED = "page"  # which part of a long table: of one page alone, so no other address has it
FIRST, LAST = (
    date(2000, 1, 1),
    date(2199, 12, 31),
)  # of the days that are asked for: beyond them the calendar ends somewhere
WHAT = ("figure", "which")  # of which rows a page is
OF_EXECUTIONS: dict[str, Filter] = {"version": TEXT, "lane": one_of(LANES)}


@dataclass(frozen=True)
class Asked:
    """`given`: the filters as they were read. `kept`: as they stand in the address."""

    project: Project
    workflow: Workflow | None
    extent: Extent
    method: Method
    subject: Subject | None
    given: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)

    def to(self, page: str, /, workflow: Workflow | str | None = None, **changed: object) -> str:
        """The address of another page, with the same filters but for those that are changed; None takes one away. An empty
        `workflow`: a page of the project."""
        named = self.workflow if workflow is None else workflow
        name = getattr(named, "name", named)
        arguments = [self.project.name, *([name] if name else [])]
        kept = self.kept | changed
        query = urlencode({key: value for key, value in kept.items() if value is not None})
        return reverse(f"reports:{page}", args=arguments) + (f"?{query}" if query else "")

    def bare(self, page: str) -> str:
        """Without any filter, of the same rows."""
        return self.to(page, **dict.fromkeys(self.narrowed))

    @property
    def narrowed(self) -> list[str]:
        """The filters that are set, without those that say what the page is of."""
        return [name for name in self.kept if name not in WHAT]

    @cached_property
    def version(self) -> Version | None:
        """The one that is asked for by its number. Raises `Malformed`."""
        number = self.given.get("version")
        return None if number is None else self.version_of(str(number))

    def version_of(self, number: str) -> Version:
        """Raises `Malformed`: the rest of the address is right, and the page without it is there."""
        if self.workflow is None:
            raise Malformed("A version is of one workflow, and this page is of all of them.")
        found = self.workflow.versions.filter(number=number).first()
        if not found:
            said = "".join(letter for letter in number[:40] if letter.isprintable())
            raise Malformed(f"There is no version {said} of this workflow.")
        return found

    def of(self, workflow: Workflow) -> Asked:
        """The same of one workflow."""
        return replace(self, workflow=workflow, extent=replace(self.extent, workflow=workflow))


def asked(
    account: AbstractBaseUser | AnonymousUser,
    project: str,
    workflow: str | None,
    query: Mapping[str, str],
    filters: Mapping[str, Filter] = COMMON,
) -> Asked:
    """Raises `NotFound` also for what is another project's, and `Malformed` or `Invalid` for a filter that cannot be read. What
    no page knows is left alone: an address gets longer on its way through mail programs."""
    if "\x00" in f"{project}{workflow}":
        raise NotFound("There is nothing at this address.")
    owner = Project.objects.filter(name=project).first()
    if owner is None or not may_see(account, owner):
        raise NotFound("There is nothing at this address.")
    about = owner.workflows.filter(name=workflow).first() if workflow else None
    if workflow and about is None:
        raise NotFound("There is nothing at this address.")
    kept = {name: query[name] for name in filters if query.get(name)}
    if any("\x00" in text for text in kept.values()):
        raise Malformed("A filter has a NUL character.")
    given = {name: filters[name].read(name, text) for name, text in kept.items()}
    kept.pop(TURNED, None)
    _check_calendar(given)
    _settle_subject(given, kept, filters)
    extent = extent_of(owner, about, given)
    method, _, subject = compared_with(extent, given)
    return Asked(owner, about, extent, method, subject, given, kept)


def _check_calendar(given: Mapping[str, Any]) -> None:
    """Raises `Malformed`."""
    for name in ("since", "until"):
        if name in given and not FIRST <= given[name] <= LAST:
            raise Malformed(f"{name} is a day from {FIRST} to {LAST}.")


def _settle_subject(given: dict[str, Any], kept: dict[str, str], filters: Mapping[str, Filter]) -> None:
    """What shadows are of is asked only of what they measured."""
    if "subject" not in given:
        return
    if "baseline" not in filters:  # a page about shadows: other pages are asked for what they measured
        given["baseline"] = kept["baseline"] = Method.MEASURED.value
    elif given.get("baseline", Method.MEASURED) != Method.MEASURED:  # the form still sends it when another is chosen
        del given["subject"], kept["subject"]


def may_see(account: AbstractBaseUser | AnonymousUser, project: Project) -> bool:
    return may(account, Role.VIEWER, project.pk)
