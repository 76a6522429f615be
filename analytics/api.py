"""REST for the cost summary of a workflow and of a project. Parses, calls one domain verb, renders."""

from datetime import date

from rest_framework.request import Request
from rest_framework.response import Response

from projects.models import Project, Scope
from wire.problems import Invalid, Malformed
from wire.views import View
from workflows.api import workflow_of
from workflows.models import Workflow

from .baselines import Method
from .costs import is_simulated, summarise
from .extent import Extent
from .groups import GROUPINGS, grouped
from .representation import represent_group, represent_summary

FILTERS = ("since", "until", "baseline", "group_by", "simulated")


class WorkflowCosts(View):
    scopes = {"GET": Scope.READ}
    filters = FILTERS

    def get(self, request: Request, name: str) -> Response:
        return _costs(request, self.given, workflow_of(request.auth.project, name))


class ProjectCosts(View):
    scopes = {"GET": Scope.READ}
    filters = FILTERS

    def get(self, request: Request) -> Response:
        return _costs(request, self.given, None)


def _costs(request: Request, given: dict[str, str], workflow: Workflow | None) -> Response:
    extent = _extent(request.auth.project, workflow, given)
    method = _method(given.get("baseline"))
    group_by = _one_of("group_by", given.get("group_by"), list(GROUPINGS))
    body = represent_summary(summarise(extent, method))
    if group_by:
        body["groups"] = [represent_group(group) for group in grouped(extent, group_by)]
    return Response(body)


def _extent(project: Project, workflow: Workflow | None, given: dict[str, str]) -> Extent:
    since, until = _day("since", given.get("since")), _day("until", given.get("until"))
    if since and until and until <= since:
        raise Malformed("until is a day after since; it is not counted itself.")
    kind = _one_of("simulated", given.get("simulated"), ["true", "false"])
    simulated = kind == "true" if kind else is_simulated(project, workflow)
    return Extent(project, workflow, simulated, since, until)


def _day(name: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise Malformed(f"{name} is a day such as 2026-11-23, in UTC.")
    return day


def _method(text: str | None) -> Method | None:
    if text == "measured":
        raise Invalid("The baseline measured is not available yet.")
    known = _one_of("baseline", text, Method.values)
    return Method(known) if known else None


def _one_of(name: str, value: str | None, known: list[str]) -> str | None:
    if value is not None and value not in known:
        raise Malformed(f"{name} is one of {', '.join(known)}.")
    return value
