"""REST for endpoints and what they are told. Parses, calls one domain verb, renders."""

from typing import Annotated
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from projects.idempotency import ONCE, once, once_examined
from projects.models import Project, Scope
from wire.answers import Listed, Problem
from wire.bodies import Body
from wire.filters import one_of
from wire.paging import page
from wire.problems import Conflict, Invalid, NotFound
from wire.times import rfc3339
from wire.views import View
from workflows.api import workflow_of

from . import shown
from .checking import TOO_MANY, fault_of_address, has_room
from .models import (
    KEEP_HOURS,
    MAX_HOURS,
    MAX_KEEP_HOURS,
    USUAL_HOURS,
    Delivery,
    Endpoint,
    Kind,
    Secret,
    Type,
    check_events,
)
from .outbox import try_out
from .representation import represent_delivery, represent_endpoints

Address = Annotated[str, Field(max_length=500)]
Events = Annotated[list[str], Field(min_length=1, max_length=20, json_schema_extra={"items": {"enum": Type.values}})]
WorkflowName = Annotated[str, Field(max_length=100)]
Hours = Annotated[int, Field(ge=1, le=MAX_HOURS)]


class NewEndpoint(Body):
    kind: Annotated[str, Field(json_schema_extra={"enum": Kind.values})]
    address: Address
    events: Events
    workflow: WorkflowName | None = None
    hours: Hours = USUAL_HOURS


class EndpointChange(Body):
    """What is not said stays as it is."""

    address: Address | None = None
    events: Events | None = None
    workflow: WorkflowName | None = None
    hours: Hours | None = None
    enabled: bool | None = None


class NewSecret(Body):
    keep_hours: Annotated[int, Field(ge=0, le=MAX_KEEP_HOURS)] = KEEP_HOURS


class Nothing(Body):
    """A body that has nothing to say."""


class EndpointList(View):
    scopes = {"GET": Scope.ADMIN, "POST": Scope.ADMIN}
    paged = True
    bodies = {"POST": NewEndpoint}
    heeds = {"POST": ONCE}
    answers = {"GET": {200: Listed[shown.Endpoint]}, "POST": {201: shown.Endpoint, 404: Problem, 409: Problem}}

    def get(self, request: Request) -> Response:
        """Where the project wants to be told."""
        rows = Endpoint.objects.living().filter(project=request.auth.project).select_related("workflow")
        return page(request, rows, represent_endpoints)

    def post(self, request: Request) -> Response:
        """Makes an endpoint.

        The answer has the secret of a webhook: keep it, it is not shown again.
        """
        body: NewEndpoint = self.body
        project = request.auth.project
        if body.kind not in Kind.values:
            raise Invalid.at("/kind", f"This is one of {', '.join(Kind.values)}.")
        workflow = workflow_of(project, body.workflow) if body.workflow is not None else None

        def examine() -> Endpoint:
            return Endpoint(
                project=project,
                kind=body.kind,
                address=_address(body.kind, body.address),
                events=_events(body.events),
                workflow=workflow,
                hours=body.hours,
                created_by=str(request.user),
            )

        made, _, secret = once_examined(request, examine, _made).partition(" ")
        represented = represent_endpoints([endpoint_of(project, UUID(made))])[0]
        return Response({**represented, "secret": _text_of(secret)}, status=201)


class EndpointDetail(View):
    scopes = {"GET": Scope.ADMIN, "PATCH": Scope.ADMIN, "DELETE": Scope.ADMIN}
    bodies = {"PATCH": EndpointChange}
    answers = {"GET": {200: shown.Endpoint}, "PATCH": {200: shown.Endpoint}, "DELETE": {204: None}}

    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """One endpoint."""
        return Response(represent_endpoints([endpoint_of(request.auth.project, endpoint_id)])[0])

    def patch(self, request: Request, endpoint_id: UUID) -> Response:
        """Changes what is said of an endpoint, and disables or enables it.

        A `workflow` of null is every workflow. One that is enabled again is told of what happens from then on.
        """
        body: EndpointChange = self.body
        endpoint = endpoint_of(request.auth.project, endpoint_id)
        if "workflow" in body.model_fields_set:
            name = body.workflow
            endpoint.workflow = workflow_of(request.auth.project, name) if name is not None else None
        if body.address is not None:
            endpoint.address = _address(endpoint.kind, body.address)
        if body.events is not None:
            endpoint.events = _events(body.events)
        endpoint.hours = body.hours or endpoint.hours
        endpoint.change(str(request.user), body.enabled)
        return Response(represent_endpoints([endpoint])[0])

    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        """Takes an endpoint away, and what it was told with it."""
        endpoint_of(request.auth.project, endpoint_id).remove(str(request.user))
        return Response(status=204)


class EndpointSecret(View):
    scopes = {"POST": Scope.ADMIN}
    bodies = {"POST": NewSecret}
    heeds = {"POST": ONCE}
    answers = {"POST": {201: shown.Secret, 409: Problem}}

    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Rotates the secret of a webhook.

        The one before signs too for `keep_hours` (24), so that the receiver can be changed meanwhile; 0: no longer.
        """
        body: NewSecret = self.body
        endpoint = endpoint_of(request.auth.project, endpoint_id)
        if endpoint.kind != Kind.WEBHOOK:
            raise Conflict("Only a webhook is signed.")
        by = str(request.user)
        made = once(request, lambda: str(endpoint.rotate(by, body.keep_hours).pk))
        before = endpoint.secrets.alive().filter(pk__lt=int(made)).order_by("-pk").first()
        text = _text_of(made)
        if text is None:
            raise Conflict("This secret was rotated since, or SECRET_KEY is another one; rotate again.")
        return Response({"secret": text, "previous_until": rfc3339(before.expires_at) if before else None}, status=201)


class EndpointTest(View):
    scopes = {"POST": Scope.ADMIN}
    bodies = {"POST": Nothing}
    heeds = {"POST": ONCE}
    answers = {"POST": {202: shown.Delivery, 409: Problem}}

    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Tells an endpoint something, to see whether it arrives; its deliveries say what came of it."""
        endpoint = endpoint_of(request.auth.project, endpoint_id)
        made = once_examined(
            request, lambda: _enabled(endpoint), lambda enabled: str(try_out(enabled, str(request.user)).pk)
        )
        return Response(represent_delivery(delivery_of(request.auth.project, UUID(made))), status=202)


class EndpointDeliveries(View):
    scopes = {"GET": Scope.ADMIN}
    filters = {"state": one_of(Delivery.State.values)}
    paged = True
    answers = {"GET": {200: Listed[shown.Delivery]}}

    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """What an endpoint was told, and is to be told, newest first."""
        rows = endpoint_of(request.auth.project, endpoint_id).deliveries.filter(**self.given)
        return page(request, rows, lambda found: [represent_delivery(one) for one in found])


class Redelivery(View):
    scopes = {"POST": Scope.ADMIN}
    bodies = {"POST": Nothing}
    heeds = {"POST": ONCE}
    answers = {"POST": {202: shown.Delivery, 409: Problem}}

    def post(self, request: Request, delivery_id: UUID) -> Response:
        """Sends something once more, with the same id."""
        delivery = delivery_of(request.auth.project, delivery_id)

        def make(_: Endpoint) -> str:
            delivery.again(str(request.user))
            return str(delivery.pk)

        once_examined(request, lambda: _enabled(delivery.endpoint), make)
        return Response(represent_delivery(delivery_of(request.auth.project, delivery_id)), status=202)


def endpoint_of(project: Project, endpoint_id: UUID) -> Endpoint:
    found = Endpoint.objects.living().filter(project=project, pk=endpoint_id).select_related("workflow").first()
    if found is None:
        raise NotFound("There is no such endpoint in this project.")
    return found


def delivery_of(project: Project, delivery_id: UUID) -> Delivery:
    living = Endpoint.objects.living().filter(project=project)
    found = Delivery.objects.filter(endpoint__in=living, pk=delivery_id).select_related("endpoint").first()
    if found is None:
        raise NotFound("There is no such delivery in this project.")
    return found


@transaction.atomic
def _made(endpoint: Endpoint) -> str:
    """Its id, and that of its secret."""
    if not has_room(endpoint.project):
        raise Conflict(TOO_MANY)
    secret = endpoint.begin()
    return f"{endpoint.pk} {secret.pk}" if secret else str(endpoint.pk)


def _text_of(secret: str) -> str | None:
    """What that row stands for; None where it is gone."""
    row = Secret.objects.filter(pk=int(secret)).first() if secret else None
    return row.text if row else None


def _enabled(endpoint: Endpoint) -> Endpoint:
    if not endpoint.enabled:
        raise Conflict("This endpoint is disabled; enable it first.", state="disabled")
    return endpoint


def _address(kind: str, address: str) -> str:
    if fault := fault_of_address(kind, address):
        raise Invalid.at("/address", fault)
    return address


def _events(events: list[str]) -> list[str]:
    try:
        return check_events(events)
    except ValidationError as error:
        raise Invalid.at("/events", error.message) from error
