"""REST for how good escalation is. Parses, calls one domain verb, renders."""

from rest_framework.request import Request
from rest_framework.response import Response

from projects.models import Scope
from wire.answers import Problem
from wire.filters import BOOLEAN, DAY, TEXT, check_days
from wire.problems import Conflict
from wire.views import View
from workflows.api import version_of, workflow_of
from workflows.models import Version, Workflow

from . import escalation_quality, escalation_shown


class EscalationQualityView(View):
    scopes = {"GET": Scope.READ}
    filters = {"version": TEXT, "since": DAY, "until": DAY, "simulated": BOOLEAN}
    answers = {"GET": {200: escalation_shown.EscalationQuality, 409: Problem}}

    def get(self, request: Request, name: str) -> Response:
        """How good a version is at noticing what it should not answer: by its newest evaluation, and by its production."""
        since, until = self.given.get("since"), self.given.get("until")
        check_days(since, until)
        version = _version(workflow_of(request.auth.project, name), self.given.get("version"))
        asked = escalation_quality.window(version, since, until, self.given.get("simulated"))
        return Response(escalation_quality.of(asked))


def _version(workflow: Workflow, number: str | None) -> Version:
    """What is live, where none is named; where nothing is, the newest."""
    if number is not None:
        return version_of(workflow.project, workflow.name, number)
    found = workflow.live.version if workflow.live else workflow.versions.order_by("-pk").first()
    if found is None:
        raise Conflict(f"{workflow.name} has no version yet.")
    return found
