"""Cases in the admin: a list to choose from, with how many there are and how many are wanted, a page to read, and what somebody
decides of one or of several at once."""

from collections import Counter
from collections.abc import Callable

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from executions.models import Execution
from projects.admin import OwnFilter
from projects.audited import actor
from projects.lists import Bounded
from projects.models import Role
from projects.pages import ById, ReadableAdmin, readable
from wire.problems import Conflict, Problem

from .. import cases
from ..models import Case
from . import case_form, standing
from .case_form import CaseForm

READ_FOR_TAGS = 2_000  # cases that a list looks through for the tags that it offers
TAGS = 30

DECIDED = {
    "confirm": (Role.REVIEWER, cases.confirm, [Case.State.PROPOSED]),
    "retire": (Role.DESIGNER, cases.retire, [Case.State.PROPOSED, Case.State.CONFIRMED]),
}


class TagFilter(admin.SimpleListFilter):
    """The tags that most of the newest cases have; any other is taken from the address."""

    title = parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        rows = model_admin.get_queryset(request).order_by("-pk")
        if (chosen := standing.chosen(request)) is not None:
            rows = rows.filter(workflow=chosen)
        found = Counter(tag for tags in rows.values_list("tags", flat=True)[:READ_FOR_TAGS] for tag in tags)
        return [(tag, tag) for tag, _ in found.most_common(TAGS)]

    def queryset(self, request: HttpRequest, rows: models.QuerySet) -> models.QuerySet:
        return rows.tagged(self.value()) if self.value() else rows


class CaseAdmin(ById, ReadableAdmin):
    of_project = "workflow__project"
    audits_itself = True  # see `cases`
    page = "admin/evaluations/case/page.html"
    change_list_template = "admin/evaluations/case/change_list.html"
    list_display = ["short", "workflow", "kind", "state", "words", "created_at"]
    list_filter = ["state", "kind", "source", TagFilter, ("workflow", OwnFilter)]
    list_select_related = ["workflow__project"]
    search_fields = ["pk"]
    search_help_text = "The id of a case."
    ordering = ["-pk"]
    paginator = Bounded
    actions = ["confirm", "retire"]
    intro = (
        "Inputs with what should come of them. Only confirmed ones count; what a program proposed, somebody confirms."
    )
    empty = (
        "There is no case yet. Add one of a workflow, or import a file of them, above; or make one of an execution, on its page. A "
        "program posts them to /api/v1/workflows/NAME/cases. Answered flags and corrected answers propose some."
    )

    def get_urls(self) -> list:
        views = {"replace": self.replace, "confirm": self.confirm_one, "retire": self.retire_one}
        of_row = [
            path(f"<path:object_id>/{word}/", self.admin_site.admin_view(view), name=f"evaluations_case_{word}")
            for word, view in views.items()
        ]
        return [*of_row, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        found = standing.standings(request) if self.has_view_permission(request) else []
        told = {"standings": found, "nothing_yet": not any(one.confirmed or one.proposed for one in found)}
        return super().changelist_view(request, {**told, **(extra_context or {})})

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
            "can": {
                "confirm": case.state == Case.State.PROPOSED and self.may(request, Role.REVIEWER, case),
                "change": case.state != Case.State.RETIRED and self.may(request, Role.DESIGNER, case),
            },
        }

    def replace(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What a case says never changes: the corrected one takes its place, and what was a result of it still is."""
        case = self.found(request, object_id, Role.DESIGNER)
        workflow, form = case.workflow, CaseForm(request.POST or None, initial=case_form.of_case(case))
        refused = [] if case.state != Case.State.RETIRED else ["It is retired already: add another one."]
        if request.method == "POST" and not refused and form.is_valid():
            try:
                made = cases.examined(workflow, [form.said()], actor(request), Case.Source.HAND)[0]
                made = cases.replace(case, made, actor(request))
                messages.success(request, "It stands in place of the other one, which is retired.")
                return redirect("admin:evaluations_case_change", made.pk)
            except Problem as problem:
                form.refused(problem)
        said = ["A new case takes the place of this one, which is retired; results that are of it stay as they are."]
        back = reverse("admin:evaluations_case_change", args=[case.pk])
        shown = {"form": form, "followed": case_form.followed(workflow), "said": said, "button": "Put it in its place"}
        shown |= {"back": back, "trail": [(back, str(case))], "refused": refused}
        return self.rendered(request, "admin/evaluations/case/form.html", case, "Correct this case", **shown)

    def confirm_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        said = [
            "You stand for it: what comes in is what may come in, and what should come of it is right. It counts then."
        ]
        return self._decide_one(request, object_id, "confirm", said)

    def retire_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        said = ["It counts no more, and cannot be taken back: another one can be added. Results that are of it stay."]
        said.append("Verdicts over the set with it do not open the gate any more.")
        return self._decide_one(request, object_id, "retire", said)

    def _decide_one(self, request: HttpRequest, object_id: str, word: str, said: list[str]) -> HttpResponse:
        least, decide, before = DECIDED[word]
        case = self.found(request, object_id, least)

        def do() -> str:
            return f"It is {decide(case, actor(request)).state}."

        shown = {"title": f"{word.capitalize()} this case", "button": f"{word.capitalize()} it", "said": said}
        shown["refused"] = [] if case.state in before else [f"It is {case.state}."]
        back = reverse("admin:evaluations_case_change", args=[case.pk])
        return self.confirmed(request, case, do, back=back, **shown)

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
