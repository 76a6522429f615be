"""REST for the share of spot checks of a workflow: how many of its unflagged executions somebody looks at."""

from decimal import Decimal

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from projects import audit
from projects.audit import Verb
from projects.models import Scope
from wire.bodies import Body, Share
from wire.money import rate_text
from wire.views import View

from . import shown
from .api import workflow_of
from .models import Workflow


class NewSpotChecks(Body):
    share: Share | None


class SpotChecks(View):
    scopes = {"GET": Scope.READ, "PUT": Scope.DESIGN}
    bodies = {"PUT": NewSpotChecks}
    answers = {"GET": {200: shown.SpotChecks}, "PUT": {200: shown.SpotChecks}}

    def get(self, request: Request, name: str) -> Response:
        """The share of a workflow's unflagged executions that somebody looks at."""
        return Response(represent_spot_checks(workflow_of(request.auth.project, name)))

    def put(self, request: Request, name: str) -> Response:
        """States the share, from the next completion on. Null: its project's."""
        body: NewSpotChecks = self.body
        workflow = workflow_of(request.auth.project, name)
        stated = None if body.share is None else str(body.share)
        with transaction.atomic():
            Workflow.objects.filter(pk=workflow.pk).update(spot_check_share=body.share)
            audit.record(workflow.project_id, str(request.user), Verb.STATED, workflow, spot_check_share=stated)
        return Response(represent_spot_checks(workflow_of(request.auth.project, name)))


def represent_spot_checks(workflow: Workflow) -> dict:
    own, projects = workflow.spot_check_share, workflow.project.spot_check_share
    return {
        "workflow": workflow.name,
        "share": rate_text(next((one for one in (own, projects) if one is not None), Decimal(0))),
        "stated_for": "workflow" if own is not None else "project" if projects is not None else None,
    }
