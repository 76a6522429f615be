"""REST for tables as files. Parses, calls one domain verb, sends."""

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
from .downloads import Download, sent
from .exporting import export
from .files import KINDS
from .tables import table_of, wanted


class CsvRenderer(JSONRenderer):
    """That `Accept: text/csv` is understood. What is refused is a problem in JSON all the same."""

    media_type = "text/csv"
    format = "csv"


class Tables(View):
    """An export. What was sent when it breaks off ends in the middle, and the connection with it."""

    scopes = {"GET": Scope.READ}
    filters = {
        **{name: FILTERS[name] for name in ("since", "until", "baseline", "subject", "simulated")},
        "format": one_of(KINDS),
    }
    answers = {"GET": {200: shown.Export, 422: Problem, 503: Problem}}
    renderer_classes = (JSONRenderer, CsvRenderer)

    def _answer(self, request: Request, workflow: Workflow | None, name: str) -> Download:
        table = table_of(name, workflow)
        asked = wanted(request.auth.project, workflow, table, self.given)
        form = self.given.get("format") or request.accepted_renderer.format
        return sent(export(table, asked, form, str(request.user)))


class WorkflowExports(Tables):
    def get(self, request: Request, name: str, table: str) -> Download:
        """A table of a workflow as a file, CSV or JSON."""
        return self._answer(request, workflow_of(request.auth.project, name), table)


class ProjectExports(Tables):
    def get(self, request: Request, table: str) -> Download:
        """A table of the whole project as a file, CSV or JSON."""
        return self._answer(request, None, table)
