"""REST for tables as files. Parses, calls one domain verb, sends."""

from django.http import StreamingHttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from analytics.api import FILTERS
from projects.models import Scope
from wire.answers import Problem
from wire.filters import one_of
from wire.views import View
from workflows.api import workflow_of
from workflows.models import Workflow

from . import shown
from .exporting import Export, export
from .files import KINDS
from .tables import table_of, wanted


class CsvRenderer(JSONRenderer):
    """That `Accept: text/csv` is understood. What is refused is a problem in JSON all the same."""

    media_type = "text/csv"
    format = "csv"


class Tables(View):
    """An export. It is streamed: what was sent when it breaks off ends in the middle, and the connection with it."""

    scopes = {"GET": Scope.READ}
    filters = {
        **{name: FILTERS[name] for name in ("since", "until", "baseline", "subject", "simulated")},
        "format": one_of(KINDS),
    }
    answers = {"GET": {200: shown.Export, 422: Problem}}
    renderer_classes = (JSONRenderer, CsvRenderer)

    def _answer(self, request: Request, workflow: Workflow | None, name: str) -> StreamingHttpResponse:
        table = table_of(name, workflow)
        asked = wanted(request.auth.project, workflow, table, self.given)
        form = self.given.get("format") or request.accepted_renderer.format
        return sent(export(table, asked, form, str(request.user)))


class WorkflowExports(Tables):
    def get(self, request: Request, name: str, table: str) -> StreamingHttpResponse:
        """A table of a workflow as a file, CSV or JSON."""
        return self._answer(request, workflow_of(request.auth.project, name), table)


class ProjectExports(Tables):
    def get(self, request: Request, table: str) -> StreamingHttpResponse:
        """A table of the whole project as a file, CSV or JSON."""
        return self._answer(request, None, table)


def sent(made: Export) -> StreamingHttpResponse:
    """The answer that a browser keeps as a file."""
    charset = "; charset=utf-8" if made.kind == KINDS["csv"] else ""
    response = StreamingHttpResponse(made.pieces, content_type=made.kind + charset)
    response["Content-Disposition"] = f'attachment; filename="{made.name}"'
    response["Cache-Control"] = "no-store"
    return response
