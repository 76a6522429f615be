"""REST for groups of flags. Parses, calls one domain verb, renders."""

from typing import Annotated
from uuid import UUID

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from executions.feedback import ABSENT
from executions.models import Flag
from executions.resolution import DECISIONS, Decision
from projects.idempotency import ONCE, once_examined
from projects.models import Project, Scope
from wire.answers import Listed, Problem
from wire.bodies import Body
from wire.filters import one_of
from wire.paging import page, page_of
from wire.problems import NotFound
from wire.views import View
from workflows.api import workflow_of

from . import group_order, group_resolution, group_shown
from .group_representation import represent_group, represent_members, represent_reopened, represent_resolved
from .models import Group, GroupDecision


class NewGroupResolution(Body):
    resolution: Annotated[str, Field(json_schema_extra={"enum": list(DECISIONS)})]
    output: object = ABSENT
    step_output: object = ABSENT
    note: Annotated[str, Field(max_length=10_000)] = ""


class GroupList(View):
    scopes = {"GET": Scope.READ}
    filters = {"state": one_of(Group.State.values)}
    paged = True
    answers = {"GET": {200: Listed[group_shown.FlagGroup]}}

    def get(self, request: Request, name: str) -> Response:
        """The groups of a workflow's flags that are not closed, the most worth deciding first."""
        found = group_order.listed([workflow_of(request.auth.project, name)], self.given.get("state", ""))
        decisions = group_resolution.last_decisions([one.group for one in found])
        return page_of(
            request, found, lambda one: str(one.group.pk), lambda one: represent_group(one, decisions.get(one.group.pk))
        )


class GroupDetail(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: group_shown.FlagGroup}}

    def get(self, request: Request, group_id: UUID) -> Response:
        """One group."""
        group = group_of(request.auth.project, group_id)
        return Response(represent_group(group_order.weighed(group), group_resolution.last_decision(group)))


class GroupFlags(View):
    scopes = {"GET": Scope.READ}
    filters = {"state": one_of(Flag.State.values)}
    paged = True
    answers = {"GET": {200: Listed[group_shown.GroupedFlag]}}

    def get(self, request: Request, group_id: UUID) -> Response:
        """The flags of a group, newest first, each with why it is of this group."""
        members = group_of(request.auth.project, group_id).members.select_related(
            "flag__execution__workflow", "flag__execution__version"
        )
        if "state" in self.given:
            members = members.filter(flag__state=self.given["state"])
        return page(request, members, represent_members)


class GroupResolution(View):
    scopes = {"POST": Scope.REVIEW, "DELETE": Scope.REVIEW}
    bodies = {"POST": NewGroupResolution}
    heeds = {"POST": ONCE}
    answers = {
        "POST": {200: group_shown.GroupResolved, 409: Problem},
        "DELETE": {200: group_shown.GroupReopened, 409: Problem},
    }

    def post(self, request: Request, group_id: UUID) -> Response:
        """A person's decision on all open flags of a group, each as by itself. What is refused is told with the reason."""
        body: NewGroupResolution = self.body
        group = group_of(request.auth.project, group_id)
        decision = Decision(body.resolution, str(request.user), body.output, body.step_output, body.note)
        made = once_examined(
            request,
            lambda: group_resolution.examine(group, decision),
            lambda ready: str(group_resolution.decide(ready).pk),
        )
        return Response(represent_resolved(GroupDecision.objects.get(group=group, pk=made)))

    def delete(self, request: Request, group_id: UUID) -> Response:
        """Takes back what was last decided of the group at once, as far as nothing was built on it."""
        group = group_of(request.auth.project, group_id)
        return Response(represent_reopened(group_resolution.reopen(group, str(request.user))))


def group_of(project: Project, group_id: UUID) -> Group:
    found = Group.objects.filter(workflow__project=project, pk=group_id).select_related("workflow").first()
    if found is None:
        raise NotFound("There is no such group in this project.")
    return found
