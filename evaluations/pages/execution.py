"""What evaluations add to the page of an execution, a trial's too: a case is made of it."""

from collections.abc import Container

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse

from executions.models import Execution, Status
from executions.pages.execution import ExecutionAdmin
from executions.proposing import answers_of
from projects.audited import actor
from projects.models import Role
from wire.problems import Problem

from .. import cases, proposals
from ..cases import ABSENT
from ..models import Case
from . import case_form
from .case_form import CaseForm
from .standing import in_words


class KeptExecutionAdmin(ExecutionAdmin):
    """The pages of an execution, and the one on which it becomes a case: of them `executions` knows nothing."""

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.make_case)
        return [path("<path:object_id>/make-case/", view, name="executions_execution_make_case"), *super().get_urls()]

    def shown_since(self, request: HttpRequest, execution: Execution, known: Container[str]) -> dict[str, object]:
        makes = not refused(execution) and self.may(request, Role.DESIGNER, execution)
        return {**super().shown_since(request, execution, known), "can_make_case": makes}

    def make_case(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Filled in with what came, what was answered, and what came from outside; somebody looks at it, and it counts."""
        execution = self.found(request, object_id, Role.DESIGNER)
        workflow, why_not = execution.workflow, refused(execution)
        form = CaseForm(request.POST or None, initial={} if why_not else _known(execution))
        if request.method == "POST" and not why_not and form.is_valid():
            try:
                case = cases.add(workflow, form.said(execution.pk), actor(request), Case.Source.EXAMPLE)
                messages.success(request, f"It counts now: {in_words(workflow)}.")
                return redirect("admin:evaluations_case_change", case.pk)
            except Problem as problem:
                form.refused(problem)
        back = reverse("admin:executions_execution_change", args=[execution.pk])
        shown = {"form": form, "followed": case_form.followed(workflow), "refused": why_not, "button": "Make it a case"}
        shown |= {"back": back, "trail": [(back, str(execution))], "said": _said(execution)}
        return self.rendered(request, "admin/evaluations/case/form.html", execution, "Make a case of it", **shown)


def refused(execution: Execution) -> list[str]:
    """Why no case can be made of it."""
    if execution.purged_at:
        return ["Its texts were deleted."]
    if execution.purpose == Execution.Purpose.EVALUATION:
        return ["It was made of a case itself."]
    if execution.purpose == Execution.Purpose.SHADOW:
        return ["It is the shadow of another one: make the case of that."]
    workflow = execution.version.workflow
    return [f"{workflow.name} is archived."] if workflow.archived_at else []


def _known(execution: Execution) -> dict[str, object]:
    answered = execution.status == Status.COMPLETED
    answers = proposals.followed(execution.workflow, answers_of(execution))
    return case_form.of_execution(execution.input, execution.output if answered else ABSENT, answers)


def _said(execution: Execution) -> list[str]:
    if execution.status == Status.COMPLETED:
        return [
            "Filled in with what came and what was answered. Correct what was not right: it counts as it stands here."
        ]
    return [
        "Filled in with what came. It was not answered: say whether it should be flagged, or what should come of it."
    ]


admin.site.unregister(Execution)
admin.site.register(Execution, KeptExecutionAdmin)
