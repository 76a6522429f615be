"""What every savings page is made of: who may see it, what its address asks for, and how it is answered."""

from collections.abc import Mapping
from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from wire.filters import Filter
from wire.problems import Malformed, Problem

from .asking import COMMON, Asked, asked
from .door import Door, refused
from .filtering import filters_of, scope
from .tabs import tabs


class Page(Door):
    """One page of a project or of a workflow. `name`: of its address; `heading`: what it is called; `filters`: what it heeds."""

    name: ClassVar[str]
    heading: ClassVar[str]
    template: ClassVar[str]
    filters: ClassVar[Mapping[str, Filter]] = COMMON

    def get(self, request: HttpRequest, project: str, workflow: str | None = None) -> HttpResponse:
        try:
            _check(request.GET.dict(), self.filters)
            about = asked(request.user, project, workflow, request.GET.dict(), self.filters)
            return self.answer(request, about)
        except Problem as problem:
            return refused(request, problem)

    def answer(self, request: HttpRequest, about: Asked) -> HttpResponse:
        return render(request, self.template, {**self.frame(about), **self.shown(about)}, using="reports")

    def frame(self, about: Asked) -> dict[str, object]:
        """What stands around every page."""
        return {
            "about": about,
            "page": self,
            "tabs": tabs(about, self.name),
            "filters": filters_of(about, self.filters),
            "scope": scope(about, self.filters),
        }

    def shown(self, about: Asked) -> dict[str, object]:
        """What the template shows. Raises `Problem`: a sentence in its place."""
        raise NotImplementedError


def _check(query: Mapping[str, str], filters: Mapping[str, Filter]) -> None:
    """Days in the wrong order, by what the bar calls them. Whatever else is wrong with a day is found where it is read."""
    since, until = (filters[name].read(name, query[name]) if query.get(name) else None for name in ("since", "until"))
    if since and until and since >= until:
        raise Malformed("Until must be later than From.")
