"""/reports/: the projects of an account, each with its sentence; of one alone, its portfolio at once."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from analytics.costs import is_simulated, summarise
from analytics.extent import Extent
from analytics.snapshot import snapshot
from projects.models import Project
from projects.roles import projects_of

from ..headline import headline, is_empty
from .door import Door

AT_ONCE = 5  # projects on a page: each is a summary of its own


class Said(NamedTuple):
    """`empty`: nothing was executed in it yet."""

    project: Project
    headline: str
    empty: bool


class Home(Door):
    def get(self, request: HttpRequest) -> HttpResponse:
        projects = Project.objects.order_by("name").prefetch_related("tiers")
        if not request.user.is_superuser:
            projects = projects.filter(pk__in=projects_of(request.user))
        page = Paginator(projects, AT_ONCE).get_page(request.GET.get("page"))
        if page.paginator.count == 1:
            return redirect("reports:portfolio", page.object_list[0].name)
        with snapshot():
            shown = {"page": page, "projects": list(_said(page.object_list))}
        return render(request, "home.html", shown, using="reports")


def _said(projects: Iterable[Project]) -> Iterator[Said]:
    for project in projects:
        summary = summarise(Extent(project, None, is_simulated(project, None)))
        yield Said(project, headline(summary), is_empty(summary))
