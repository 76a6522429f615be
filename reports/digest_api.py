"""REST for scheduled summaries. Parses, calls one domain verb, renders."""

from typing import Annotated, Literal
from uuid import UUID

from django.db import transaction
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from projects.idempotency import ONCE, once, once_examined
from projects.models import Project, Scope
from wire.answers import Listed, Problem
from wire.bodies import Body, Nothing
from wire.paging import page
from wire.problems import Conflict, Invalid, NotFound
from wire.times import rfc3339
from wire.views import View
from workflows.api import workflow_of
from workflows.models import Workflow

from . import recipients, shown
from .models import MOST, MOST_EMAILS, Digest
from .sending import try_out

Emails = Annotated[list[Annotated[str, Field(max_length=254)]], Field(max_length=MOST_EMAILS)]
Hour = Annotated[int, Field(ge=0, le=23)]
Every = Literal["day", "week", "month"]
WorkflowName = Annotated[str, Field(max_length=100)]
EndpointId = Annotated[str, Field(max_length=36)]
TOO_MANY = f"A project has at most {MOST} digests; delete one first."


class NewDigest(Body):
    workflow: WorkflowName | None = None
    every: Every
    hour: Hour = 6
    emails: Emails = []
    endpoint: EndpointId | None = None


class DigestChange(Body):
    """What is not said stays as it is."""

    every: Every | None = None
    hour: Hour | None = None
    emails: Emails | None = None
    endpoint: EndpointId | None = None
    enabled: bool | None = None


class DigestList(View):
    scopes = {"GET": Scope.ADMIN, "POST": Scope.ADMIN}
    paged = True
    bodies = {"POST": NewDigest}
    heeds = {"POST": ONCE}
    answers = {"GET": {200: Listed[shown.Digest]}, "POST": {201: shown.Digest, 404: Problem, 409: Problem}}

    def get(self, request: Request) -> Response:
        """The summaries that are sent at fixed times."""
        rows = Digest.objects.filter(project=request.auth.project).select_related("workflow")
        return page(request, rows, lambda found: [represent_digest(one) for one in found])

    def post(self, request: Request) -> Response:
        """Has a summary sent for each day, week or month that is over."""
        body: NewDigest = self.body
        project, by = request.auth.project, str(request.user)
        workflow = workflow_of(project, body.workflow) if body.workflow is not None else None

        def make(webhook: object) -> str:
            return _made(project, workflow, body, recipients.made(project, body.emails, webhook, by), by)

        made = once_examined(
            request, lambda: recipients.check(project, body.emails, _endpoint(body.endpoint)), transaction.atomic(make)
        )
        return Response(represent_digest(digest_of(project, UUID(made))), status=201)


class DigestDetail(View):
    scopes = {"GET": Scope.ADMIN, "PATCH": Scope.ADMIN, "DELETE": Scope.ADMIN}
    bodies = {"PATCH": DigestChange}
    answers = {"GET": {200: shown.Digest}, "PATCH": {200: shown.Digest, 409: Problem}, "DELETE": {204: None}}

    def get(self, request: Request, digest_id: UUID) -> Response:
        """One of them."""
        return Response(represent_digest(digest_of(request.auth.project, digest_id)))

    def patch(self, request: Request, digest_id: UUID) -> Response:
        """Changes it. `"endpoint": null` takes the webhook away."""
        body: DigestChange = self.body
        project, by = request.auth.project, str(request.user)
        said = body.model_fields_set & {"emails", "endpoint"}
        with transaction.atomic():
            digest = digest_of(project, digest_id, held=True)  # what another one changes meanwhile stays changed
            for name in ("every", "hour", "enabled"):
                if (value := getattr(body, name)) is not None:
                    setattr(digest, name, value)
            digest.change(by, _changed(digest, body, by) if said else None)
        return Response(represent_digest(digest_of(project, digest_id)))

    def delete(self, request: Request, digest_id: UUID) -> Response:
        """Takes it away. The endpoints of its addresses stay."""
        digest_of(request.auth.project, digest_id).remove(str(request.user))
        return Response(status=204)


class DigestTest(View):
    scopes = {"POST": Scope.ADMIN}
    bodies = {"POST": Nothing}
    heeds = {"POST": ONCE}
    answers = {"POST": {202: shown.Sent, 409: Problem}}

    def post(self, request: Request, digest_id: UUID) -> Response:
        """Sends the latest summary now, marked as a test."""
        digest = digest_of(request.auth.project, digest_id)

        def make() -> str:
            return ",".join(str(one.pk) for one in try_out(digest, str(request.user)))

        return Response({"deliveries": once(request, make).split(",")}, status=202)


def digest_of(project: Project, digest_id: UUID, *, held: bool = False) -> Digest:
    rows = Digest.objects.filter(project=project, pk=digest_id).select_related("project", "workflow")
    found = (rows.select_for_update(of=("self",)) if held else rows).first()
    if found is None:
        raise NotFound("There is no such digest in this project.")
    return found


def represent_digest(digest: Digest) -> dict:
    webhook = digest.webhook()
    return {
        "id": str(digest.pk),
        "workflow": digest.workflow.name if digest.workflow else None,
        "every": digest.every,
        "hour": digest.hour,
        "emails": digest.emails(),
        "endpoint": webhook and str(webhook.pk),
        "enabled": digest.enabled,
        "due_at": rfc3339(digest.due_at) if digest.enabled else None,
        "last_sent_for": digest.last_sent_for and digest.last_sent_for.isoformat(),
        "created_by": digest.created_by,
        "created_at": rfc3339(digest.created_at),
    }


def _made(project: Project, workflow: Workflow | None, body: NewDigest, to: list, by: str) -> str:
    if project.digests.count() >= MOST:
        raise Conflict(TOO_MANY)
    digest = Digest(project=project, workflow=workflow, every=body.every, hour=body.hour, created_by=by)
    digest.begin(to)
    return str(digest.pk)


def _changed(digest: Digest, body: DigestChange, by: str) -> list:
    """What is not said of both stays."""
    emails, webhook = digest.emails() if body.emails is None else body.emails, digest.webhook()
    endpoint = _endpoint(body.endpoint) if "endpoint" in body.model_fields_set else webhook and webhook.pk
    found = recipients.check(digest.project, emails, endpoint)
    return recipients.made(digest.project, emails, found, by)


def _endpoint(said: str | None) -> UUID | None:
    try:
        return UUID(said) if said is not None else None
    except ValueError as error:
        raise Invalid.at("/endpoint", "There is no such webhook in this project.") from error
