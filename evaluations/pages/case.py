"""Cases in the admin: a list to choose from, a page to read, and what somebody decides of several at once."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from executions.models import Execution
from projects.admin import OwnFilter
from projects.audited import actor
from projects.lists import Bounded
from projects.models import Role
from projects.pages import ById, ReadableAdmin, readable
from wire.problems import Conflict

from .. import cases
from ..models import Case


class CaseAdmin(ById, ReadableAdmin):
    of_project = "workflow__project"
    audits_itself = True  # see `cases`
    page = "admin/evaluations/case/page.html"
    list_display = ["short", "workflow", "kind", "state", "source", "words", "weight", "created_by", "created_at"]
    list_filter = ["state", "kind", "source", ("workflow", OwnFilter)]
    list_select_related = ["workflow__project"]
    search_fields = ["pk"]
    search_help_text = "The id of a case."
    ordering = ["-pk"]
    paginator = Bounded
    actions = ["confirm", "retire"]
    intro = (
        "Inputs with what should come of them. Only confirmed ones count; what a program proposed, somebody confirms."
    )
    empty = "There is no case yet. Post one to /workflows/NAME/cases, or import a file: manage.py import_cases."

    def shown(self, request: HttpRequest, case: Case) -> dict[str, object]:
        parts = [
            ("What comes in", case.input),
            ("What should come of it", "A flag: it is not answered." if case.expects_flag else case.expected),
            ("What single steps should say", case.steps),
            ("What is answered instead of being called", case.answers),
        ]
        return {
            "parts": [(title, readable(value)) for title, value in parts if value != {} or title == parts[0][0]],
            "execution": self._execution(case),
            "weight": f"{case.weight.normalize():f}",
        }

    def _execution(self, case: Case) -> str:
        """The address of what it was made of, while that is there."""
        there = (
            case.execution and Execution.objects.filter(pk=case.execution, project=case.workflow.project_id).exists()
        )
        return reverse("admin:executions_execution_change", args=[case.execution]) if there else ""

    def has_confirm_permission(self, request: HttpRequest) -> bool:
        return self.may(request, Role.REVIEWER)

    def has_retire_permission(self, request: HttpRequest) -> bool:
        return self.may(request, Role.DESIGNER)

    @admin.action(description="Confirm the selected cases: they count", permissions=["confirm"])
    def confirm(self, request: HttpRequest, chosen: models.QuerySet[Case]) -> None:
        self._decide(request, chosen, Role.REVIEWER, cases.confirm, "confirmed")

    @admin.action(description="Retire the selected cases: they count no more", permissions=["retire"])
    def retire(self, request: HttpRequest, chosen: models.QuerySet[Case]) -> None:
        self._decide(request, chosen, Role.DESIGNER, cases.retire, "retired")

    def _decide(
        self,
        request: HttpRequest,
        chosen: models.QuerySet[Case],
        least: Role,
        do: Callable[[Case, str], Case],
        word: str,
    ) -> None:
        """Each by itself: what cannot be decided so is said, and the others are."""
        done, refused = 0, []
        for case in chosen.select_related("workflow__project").order_by("pk"):
            if not self.may(request, least, case):
                refused.append(f"{case}: this takes a {least}.")
                continue
            try:
                do(case, actor(request))
                done += 1
            except Conflict as conflict:
                refused.append(f"{case}: {conflict.detail}")
        if done:
            self.message_user(request, f"{done} {word}.")
        for said in refused[:5]:
            self.message_user(request, said, messages.WARNING)
        if len(refused) > 5:
            self.message_user(request, f"… and {len(refused) - 5} more were not {word}.", messages.WARNING)

    @admin.display(description="input", ordering="pk")
    def short(self, case: Case) -> str:
        value = case.input
        texts = [text for text in value.values() if isinstance(text, str)] if isinstance(value, dict) else []
        return Truncator(texts[0] if texts else str(value)).chars(100) or "–"

    @admin.display(description="tags")
    def words(self, case: Case) -> SafeString | str:
        return format_html_join(" ", '<span class="tag">{}</span>', ((tag,) for tag in case.tags)) or "–"
