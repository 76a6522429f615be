"""The pages of designs and redesigns: the list, and one of them: what it does, what was wrong in each round, and what came of
it."""

from collections.abc import Iterator, Sequence

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from evaluations.models import Case, Evaluation
from evaluations.pages import told as evaluations_told
from evaluations.pages.series import BudgetForm
from executions.models import Flag
from projects.admin import OwnFilter, usd
from projects.audited import actor
from projects.lists import Bounded, OneOf
from projects.live import LiveAdmin
from projects.models import Role
from projects.pages import ById, sentences
from wire.money import to_pico, to_usd, usd_text
from wire.problems import Problem
from workflows.pages.version import differences, state_of
from workflows.pages.workflow import LARGE

from .. import running, spending
from ..models import Design
from . import told
from .beginning import AnswersForm, BeginningAdmin, can_be_answered, questions

STATES = {"running": "", "waiting": "asks", "completed": "good", "failed": "bad", "cancelled": ""}
TEXTS = ("brief", "examples", "answer", "figures")
CASES = 50  # of a redesign, and evaluations of a draft
FLAGS = 50


class Statuses(OneOf):
    title = parameter_name = "status"
    words = tuple(Design.Status.values)


class Sorts(OneOf):
    title = parameter_name = "kind"
    words = tuple(Design.Kind.values)


class Costed(ChangeList):
    """With what each row has cost: asked for once, not row by row. Without the texts, which no row shows."""

    def get_queryset(self, request: HttpRequest, *args: object, **named: object) -> models.QuerySet:
        return super().get_queryset(request, *args, **named).defer(*TEXTS)

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        costs = spending.spent_by(self.result_list)
        for design in self.result_list:
            design.cost_so_far = costs[design.pk]


class DesignAdmin(ById, LiveAdmin, BeginningAdmin):
    of_project = "project"
    page = "admin/designs/page.html"
    change_list_template = "admin/designs/change_list.html"
    list_display = ["begun_at", "workflow", "sort", "stands", "made", "spent", "asked", "created_by"]
    list_filter = [Statuses, Sorts, ("project", OwnFilter), ("workflow", OwnFilter)]
    list_per_page = 50
    search_fields = ["id"]  # see ById
    search_help_text = "The id of a design or redesign."
    ordering = ["-pk"]
    paginator = Bounded
    show_facets = admin.ShowFacets.NEVER
    sortable_by = []
    intro = (
        "Workflows that the frontier writes: of a task in plain words (a design), or as the smallest patch that closes what "
        "flags show (a redesign). What comes of one is a draft, with its cases; a person publishes it."
    )
    empty = (
        "There is no design yet. Have a workflow designed: say what is to be done, and the frontier writes it, once. Of one "
        "that is live already, its page begins a redesign from its flags."
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request).select_related("project", "workflow__project", "draft", "base", "follows")
        large = (f"{of}__{name}" for of in ("draft", "base") for name in LARGE)
        follows = (f"follows__{name}" for name in TEXTS)
        return rows.defer(*large, *follows, "examples")

    def get_changelist(self, request: HttpRequest, **named: object) -> type[ChangeList]:
        return Costed

    def get_urls(self) -> list:
        own = [path("begin/", self.admin_site.admin_view(self.begin), name="designs_design_begin")]
        own += [
            path(f"<path:object_id>/{word}/", self.admin_site.admin_view(view), name=f"designs_design_{word}")
            for word, view in (("cancel", self.cancel), ("budget", self.budget), ("answer", self.answer))
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        told_too = {"designs": self.may(request, Role.DESIGNER)}
        return super().changelist_view(request, {**told_too, **(extra_context or {})})

    def moves(self, design: Design) -> bool:
        return design.is_to_come

    def marks(self, design: Design) -> Sequence[object]:
        columns = ("number", "intent", "failed", "again_at", "answered_at", "looked_at", "finished_at")
        rounds = list(design.rounds.order_by("number").values_list(*columns))
        return [(design.status, design.budget, design.said, rounds, spending.spent(design))]

    @admin.display(description="begun")
    def begun_at(self, design: Design) -> str:
        return f"{design.created_at:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="kind")
    def sort(self, design: Design) -> str:
        return f"{design.kind} of {design.base.number}" if design.base else design.kind

    @admin.display(description="status")
    def stands(self, design: Design) -> SafeString:
        return format_html('<span class="state {}">{}</span>', STATES[design.status], design.status)

    @admin.display(description="spent")
    def spent(self, design: Design) -> str:
        return usd(design.cost_so_far, simulated=design.simulated)

    @admin.display(description="model")
    def asked(self, design: Design) -> str:
        return design.target

    @admin.display(description="draft")
    def made(self, design: Design) -> SafeString | str:
        if design.draft is None:
            return "–"
        address = reverse("admin:workflows_version_change", args=[design.draft_id])
        return format_html('<a href="{}">{}</a>', address, design.draft.number)

    def shown(self, request: HttpRequest, design: Design) -> dict[str, object]:
        several = sorted(design.rounds.all(), key=lambda one: one.number)
        answer, designs = design.answer or {}, self.may(request, Role.DESIGNER, design)
        said = told.stands(design, several)
        return {
            "workflow": design.workflow,
            "base": design.base,
            "kind": STATES[design.status],
            "said": said,
            "aloud": said,
            "finished": sum(1 for one in several if one.finished_at),
            "spent": usd(spending.spent(design), simulated=design.simulated),
            "budget": "none" if design.budget is None else usd(design.budget),
            "rounds": told.rounds(several),
            "fit": told.fit(answer),
            "figures": told.figures(design.figures, simulated=design.simulated),
            "questions": AnswersForm(questions(design)),
            "answers": designs and can_be_answered(design),
            "changes": list(told.changes(answer)),
            "softens": answer.get("softens", []),
            "brief": told.brief(design.brief),
            "examples": design.examples_count,
            "groups": list(told.groups(design.brief)),
            "followers": design.followers.order_by("pk").only("pk", "status"),
            "moves": design.is_to_come,
            "changes_it": designs and design.is_to_come,
            "designs": designs,
            **(_of_draft(design) if design.draft else {}),
            **(_of_flags(design) if design.kind == Design.Kind.REDESIGN else {}),
        }

    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        design = self.found(request, object_id, Role.DESIGNER)

        def do() -> str:
            running.cancel(design, actor(request))
            return "It is cancelled."

        said = ["There is no draft. A call that is on its way is paid, and comes to nothing."]
        named = {"title": f"Cancel this {design.kind}", "button": "Cancel it", "said": said, "refused": _ended(design)}
        return self.confirmed(request, design, do, back=_address(design), **named)

    def budget(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """States what it may cost in all; one that waits for it goes on."""
        design = self.found(request, object_id, Role.DESIGNER)
        now = "" if design.budget is None else usd_text(to_usd(design.budget))
        form, wrong = BudgetForm(request.POST or None, initial={"budget": now}), []
        if request.method == "POST" and form.is_valid():
            try:
                asked = form.cleaned_data["budget"]
                running.raise_budget(design, None if asked is None else to_pico(asked), actor(request))
                return redirect(_address(design))
            except Problem as problem:
                wrong = sentences(problem)
        spent = usd(spending.spent(design), simulated=design.simulated)
        shown = {"form": form, "wrong": wrong, "refused": _ended(design), "spent": spent, "back": _address(design)}
        title = f"What this {design.kind} may cost"
        return self.rendered(request, "admin/evaluations/budget.html", design, title, **shown)


def _ended(design: Design) -> list[str]:
    return [] if design.is_to_come else [f"It has ended: it is {design.status}."]


def _of_draft(design: Design) -> dict[str, object]:
    """What became of its draft, and the cases that came with it: no other design of the workflow was there at the time."""
    draft, made = design.draft, (Case.Source.DESIGN, Case.Source.EXAMPLE)
    cases = design.workflow.cases.filter(source__in=made, created_at__gte=design.created_at)
    cases = cases.filter(created_at__lte=design.finished_at or timezone.now()).order_by("pk")
    evaluations = draft.evaluations.order_by("-pk").defer("rules")
    return {
        "draft": draft,
        "draft_state": state_of(draft, design.workflow.live),
        "cases": [(one, *told.case(one)) for one in cases[:CASES]],
        "evaluations": [(one, evaluations_told.headline(one)) for one in _with_others(evaluations)],
        "difference": differences(design.base, draft) if design.base else None,
    }


def _with_others(evaluations: models.QuerySet[Evaluation]) -> models.QuerySet[Evaluation]:
    return evaluations.select_related("incumbent__version")[:CASES]


def _of_flags(design: Design) -> dict[str, object]:
    """The flags that it is to close, of which the first are named."""
    ids = design.resolves
    flags = Flag.objects.filter(pk__in=ids, execution__project=design.project_id)
    return {"flags": list(_flags(flags)), "all_flags": len(ids)}


def _flags(flags: models.QuerySet[Flag]) -> Iterator[Flag]:
    return flags.order_by("pk").only("pk", "state", "reason", "step")[:FLAGS].iterator()


def _address(design: Design) -> str:
    return reverse("admin:designs_design_change", args=[design.pk])
