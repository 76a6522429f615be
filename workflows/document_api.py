"""The edge of what definitions are as documents: their schema, and what differs between two of them."""

from functools import cache

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from projects.models import Scope
from wire.filters import TEXT
from wire.views import View

from . import diff, shown
from .api import version_of, workflow_of
from .definition import Definition
from .models import Version, Workflow


class DefinitionSchema(View):
    scopes = {"GET": Scope.READ}
    answers = {"GET": {200: shown.DefinitionSchema}}

    def get(self, request: Request) -> Response:
        """The JSON Schema of a definition, format 1: for editors, and for models that write one. What it cannot say (names,
        references, texts that compile) is found when a version is saved."""
        return Response(definition_schema())


class DiffView(View):
    scopes = {"GET": Scope.READ}
    filters = {"from": TEXT, "to": TEXT}
    answers = {"GET": {200: shown.Diff}}

    def get(self, request: Request, name: str) -> Response:
        """What changed from one version to another, place by place and as text. Unless they are named, they are the newest one and
        the one that was stored before it."""
        workflow = workflow_of(request.auth.project, name)
        second = _version(workflow, self.given.get("to"), workflow.versions.order_by("-pk"))
        before = workflow.versions.filter(pk__lt=second.pk).order_by("-pk")
        first = _version(workflow, self.given.get("from"), before) or second
        names = (f"{name} {first.number}", f"{name} {second.number}")
        changes, complete = diff.changes(first.definition, second.definition)
        found = [
            {"op": one.op, "pointer": one.pointer, "about": one.about or None, "before": one.before, "after": one.after}
            for one in changes
        ]
        said = {
            "from": first.number,
            "to": second.number,
            "identical": not found,
            "complete": complete,
            "changes": found,
        }
        return Response({**said, "text": diff.text(first.definition, second.definition, names)})


def _version(workflow: Workflow, number: str | None, otherwise: QuerySet[Version]) -> Version | None:
    return otherwise.first() if number is None else version_of(workflow.project, workflow.name, number)


@cache
def definition_schema() -> dict:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Definition.model_json_schema()}
