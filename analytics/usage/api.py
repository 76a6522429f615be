"""REST for what providers say of the ledger. Parses, calls one domain verb, renders."""

from rest_framework.request import Request
from rest_framework.response import Response

from projects.models import Scope
from wire.answers import Problem
from wire.filters import DAY, TEXT, check_days
from wire.views import View

from . import shown
from .comparison import latest
from .representation import represent_latest


class Reconciliation(View):
    scopes = {"GET": Scope.READ}
    filters = {"provider": TEXT, "since": DAY, "until": DAY}
    answers = {"GET": {200: shown.Reconciliation, 422: Problem}}

    def get(self, request: Request) -> Response:
        """Whether the ledger equals what each provider says of the days that were imported, and what differs."""
        since, until = self.given.get("since"), self.given.get("until")
        check_days(since, until)
        found = latest(request.auth.project, self.given.get("provider"), since, until)
        return Response({"currency": "USD", "providers": [represent_latest(one) for one in found]})
