"""Beginning designs from pages: what one would cost is seen first, and then begins exactly that, once however often a button is
pressed."""

import json
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from evaluations.models import digest
from evaluations.pages.offer import begin_once, offer, offered
from gateway.types import Request
from projects.admin import usd
from projects.audited import actor
from projects.models import Project, Role
from projects.pages import ReadableAdmin, sentences
from projects.roles import projects_of
from wire.problems import Problem
from wire.rest import MAX_BODY
from workflows.models import Workflow

from .. import brief, costing, designing
from ..models import Design
from . import brief_form
from .brief_form import MOST_SLOTS, SLOTS, BriefForm

SALT, ANSWERS = "designs.offer", "designs.answers"
TOO_LARGE = "What is sent here has at most 2 MB together; manage.py design takes larger files. Nothing was taken."


class AnswersForm(forms.Form):
    """A field for each question of a design: what is left empty stays as it was assumed."""

    def __init__(self, questions: Sequence[Mapping[str, str]], *args: object, **named: object) -> None:
        super().__init__(*args, **named)
        self.questions = questions
        for n in range(len(questions)):
            area = forms.Textarea(attrs={"rows": 2, "cols": 80})
            self.fields[f"answer-{n}"] = forms.CharField(
                label="Your answer", required=False, widget=area, max_length=brief.MAX_LINE
            )

    @property
    def asked(self) -> list[tuple[Mapping[str, str], forms.BoundField]]:
        return [(one, self[f"answer-{n}"]) for n, one in enumerate(self.questions)]

    def clean(self) -> dict[str, object]:
        if not self.errors and not self.given():
            raise forms.ValidationError("Answer one of them at least.")
        return self.cleaned_data

    def given(self) -> list[dict[str, str]]:
        said = [self.cleaned_data[f"answer-{n}"] for n in range(len(self.questions))]
        pairs = zip(self.questions, said, strict=True)
        return [{"question": one["question"], "answer": answer} for one, answer in pairs if answer]


class BeginningAdmin(ReadableAdmin):
    """The pages on which a design begins: of what somebody says, or of answers to what another one asked."""

    def begin(self, request: HttpRequest) -> HttpResponse:
        if not self.may(request, Role.DESIGNER):
            raise PermissionDenied
        again, workflow = self._again(request), _workflow(request)
        form, shown = None, {"again": again, "workflow": workflow, "refused": _refused(workflow)}
        projects = designable(request)
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:  # what arrived of it is not the whole form
            shown["wrong"] = [TOO_LARGE]
            form = BriefForm(projects, MOST_SLOTS, again, initial=request.POST.dict())
        elif request.method == "POST" and not shown["refused"]:
            form, pk = self._posted(request, again, shown)
            if pk is not None:
                return redirect("admin:designs_design_change", pk)
        shown["form"] = form or BriefForm(projects, SLOTS, again, initial=_initial(again, workflow, projects))
        shown["projects"] = projects
        return self.rendered(request, "admin/designs/begin.html", None, "Have a workflow designed", **shown)

    def _posted(self, request: HttpRequest, again: Design | None, shown: dict) -> tuple[BriefForm, UUID | None]:
        """The form, and the id of what has begun."""
        said, wrong = brief_form.uploaded(request.POST, request.FILES)
        slots = int(said["slots"]) if said.get("slots", "").isdecimal() and len(said["slots"]) < 4 else SLOTS
        projects = designable(request)
        if "more" in said and not wrong:
            return BriefForm(projects, slots + SLOTS, again, initial=said), None
        form = BriefForm(projects, slots, again, said)
        if form.is_valid() and not wrong:
            try:
                ready = designing.examine(form.asked(), actor(request))
                pk = begun(request, ready.design, _terms(ready), SALT, lambda: designing.begin(ready))
                if pk is not None:
                    return form, pk
                shown |= priced(ready.design, designing.request(ready.design, []), _terms(ready), SALT)
            except Problem as problem:
                form.refused(problem)
        for field, problem in wrong.items():
            for sentence in brief_form.sentences(problem):
                form.add_error(field, sentence)
        return form, None

    def answer(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Another design follows, with the answers beside the rest of the brief."""
        design = self.found(request, object_id, Role.DESIGNER)
        form, shown = AnswersForm(questions(design), request.POST or None), {"wrong": []}
        if request.method == "POST" and can_be_answered(design) and form.is_valid():
            try:
                ready = designing.examine(designing.answered(design, form.given()), actor(request))
                terms = _terms(ready)
                pk = begun(request, ready.design, terms, ANSWERS, lambda: designing.begin(ready))
                if pk is not None:
                    return redirect("admin:designs_design_change", pk)
                shown |= priced(ready.design, designing.request(ready.design, []), terms, ANSWERS)
            except Problem as problem:
                shown["wrong"] = sentences(problem)
        refused = [] if can_be_answered(design) else ["It has no questions that could be answered."]
        back = reverse("admin:designs_design_change", args=[design.pk])
        shown |= {"form": form, "refused": refused, "back": back}
        return self.rendered(request, "admin/designs/answer.html", design, "Answer its questions", **shown)

    def _again(self, request: HttpRequest) -> Design | None:
        """The design that the form begins with, where one is named. Raises `Http404`."""
        named = request.POST.get("again") or request.GET.get("from")
        if not named:
            return None
        design = self.found(request, named, Role.DESIGNER)
        if design.kind != Design.Kind.DESIGN or design.purged_at:
            raise Http404
        return design


def begun(request: HttpRequest, design: Design, terms: str, salt: str, begin: Callable[[], object]) -> UUID | None:
    """The id of what has begun; None where the estimate is to be seen first. Raises `Problem`."""
    pk = offered(request, terms, salt)
    if pk is not None:
        begin_once(request, design, pk, begin)
    return pk


def priced(design: Design, asked: Request, terms: str, salt: str) -> dict[str, object]:
    """What a page shows before it begins."""
    found = costing.expected(design, asked)
    told = {
        "model": design.target,
        "tokens": found.tokens,
        "rounds": design.max_rounds,
        "expected": usd(found.expected, simulated=design.simulated),
        "upper": usd(found.upper, simulated=design.simulated),
    }
    return {"estimate": told, "offer": offer(terms, salt)}


def terms_of(design: Design, *more: object) -> str:
    """Of everything that was estimated."""
    said = [design.project_id, design.kind, design.base_id, design.target, design.max_rounds, *more]
    budget = None if design.budget is None else str(design.budget)
    return digest([json.dumps([*said, budget], sort_keys=True, ensure_ascii=False)])


def _terms(ready: designing.Ready) -> str:
    design = ready.design
    follows = design.follows_id and str(design.follows_id)
    return terms_of(design, ready.name, design.brief, design.examples, follows)


def designable(request: HttpRequest) -> list[Project]:
    rows = Project.objects.order_by("name")
    return list(rows if request.user.is_superuser else rows.filter(pk__in=projects_of(request.user, Role.DESIGNER)))


def questions(design: Design) -> list[Mapping[str, str]]:
    return (design.answer or {}).get("questions", [])


def can_be_answered(design: Design) -> bool:
    ended = design.status == Design.Status.COMPLETED and not design.purged_at
    return design.kind == Design.Kind.DESIGN and ended and bool(questions(design))


def _workflow(request: HttpRequest) -> Workflow | None:
    """The one that is named, where it is one of the account's."""
    named = request.GET.get("workflow", "")
    if not named.isdecimal() or len(named) > 18:
        return None
    return Workflow.objects.filter(pk=named, project__in=designable(request)).first()


def _refused(workflow: Workflow | None) -> list[str]:
    archived = workflow is not None and workflow.archived_at
    return [f"{workflow.name} is archived: take that back first."] if archived else []


def _initial(again: Design | None, workflow: Workflow | None, projects: Sequence[Project]) -> dict[str, object]:
    if again:
        return brief_form.initial(again, again.workflow.name, again.project_id)
    project = workflow.project_id if workflow else projects[0].pk if projects else None
    return brief_form.initial(None, workflow.name if workflow else "", project)
