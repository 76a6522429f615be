"""REST for the audit trail of a project: who did what to it. Read only."""

from datetime import datetime, timedelta

from rest_framework.request import Request
from rest_framework.response import Response

from wire.answers import Listed
from wire.filters import TEXT, TIME, one_of
from wire.ids import first_id
from wire.paging import page
from wire.times import rfc3339
from wire.views import View

from . import shown
from .audit import Verb
from .models import AuditEvent, Scope

# An id is made a moment before or after its row's time; that much more of the list is looked at.
SLACK = timedelta(minutes=1)


class EventList(View):
    scopes = {"GET": Scope.ADMIN}
    filters = {
        "since": TIME,
        "until": TIME,
        "actor": TEXT,
        "verb": one_of(Verb.values),
        "object": TEXT,
        "name": TEXT,
    }
    paged = True
    answers = {"GET": {200: Listed[shown.AuditEvent]}}

    def get(self, request: Request) -> Response:
        """Who did what to the project, newest first.

        `object` is a kind, such as `workflow` or `key`, and `name` what one of them is called. `since` is inclusive, `until`
        is not.
        """
        rows = AuditEvent.objects.filter(project=request.auth.project)
        columns = {"actor": "actor", "verb": "verb", "object": "kind", "name": "name"}
        rows = rows.filter(**{column: self.given[name] for name, column in columns.items() if name in self.given})
        if since := self.given.get("since"):
            rows = rows.filter(at__gte=since, pk__gte=first_id(_shifted(since, -SLACK)))
        if until := self.given.get("until"):
            rows = rows.filter(at__lt=until, pk__lt=first_id(_shifted(until, SLACK)))
        return page(request, rows, lambda found: [represent_event(row) for row in found])


def _shifted(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return moment


def represent_event(event: AuditEvent) -> dict:
    return {
        "id": str(event.pk),
        "at": rfc3339(event.at),
        "actor": event.actor,
        "actor_name": event.actor_name or None,
        "operator": event.operator,
        "verb": event.verb,
        "object": {"kind": event.kind, "id": event.object_id, "name": event.name},
        "detail": event.detail,
    }
