"""The pages of groups of flags: the list in its order, and one group with why its flags belong together, the decision on all of
them at once, and the way back."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse

from evaluations.pages.results import short
from executions.decision_form import DecisionForm
from executions.dossier import REDESIGN, Dossier
from executions.models import Flag
from executions.pages.texts import deleted
from executions.queue_page import age, words
from executions.resolution import Decision
from projects.audited import actor
from projects.lists import Bounded
from projects.models import Role
from projects.pages import ReadableAdmin
from projects.roles import projects_of
from wire.problems import Conflict, Problem
from workflows.models import Workflow

from .. import group_order, group_resolution
from ..group_order import Weighed
from ..group_resolution import Refused
from ..models import Group, GroupDecision, Member

ON_A_PAGE = 25
STATES = {"": "To be decided", **{state.value: words(state.value) for state in Group.State}}
DONE = {
    Flag.Resolution.ANSWERED: "answered",
    Flag.Resolution.DISMISSED: "dismissed",
    Flag.Resolution.RETRY: "tried again",
    Flag.Resolution.REDESIGN: "marked for redesign",
}
SURE = "Say that you mean all of them."
SHOWN = 300  # characters of a text in the list
NAMED = 20  # refused flags


@dataclass(frozen=True)
class Line:
    """A group in the list."""

    one: Weighed
    address: str
    came: str
    found: str

    @property
    def reason(self) -> str:
        return words(self.one.group.reason)


@dataclass(frozen=True)
class Row:
    """A flag of a group."""

    member: Member
    input: str

    @property
    def percent(self) -> str:
        return f"{self.member.similarity:.0%}"


class GroupAdmin(ReadableAdmin):
    of_project = "workflow__project"
    page = "admin/designs/group/page.html"

    def get_urls(self) -> list:
        views = {"decide": self.decide, "reopen": self.reopen}
        of_row = [
            path(f"<path:object_id>/{word}/", self.admin_site.admin_view(view), name=f"designs_group_{word}")
            for word, view in views.items()
        ]
        return [*of_row, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).select_related("workflow__project")

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """In the order in which they are worth deciding: no column of the table says it."""
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        workflows, state = self._workflows(request), request.GET.get("state", "")
        state = state if state in STATES else ""
        chosen = workflows.filter(pk=number) if (number := _number(request, "workflow")) is not None else workflows
        found = Paginator(group_order.listed(chosen, state), ON_A_PAGE).get_page(request.GET.get("page", "1"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Groups of flags",
            "lines": [_line(one) for one in found.object_list],
            "page": found,
            "workflows": _choices(workflows),
            "workflow": number,
            "states": STATES,
            "state": state,
        }
        return render(request, "admin/designs/group/list.html", context)

    def shown(self, request: HttpRequest, group: Group) -> dict[str, object]:
        return self._shown(request, group, self._form(request, group))

    def decide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Decides what is open of what was seen: a flag that has joined since is not meant."""
        group = self.found(request, object_id, Role.REVIEWER)
        form = self._form(request, group)
        if request.method != "POST" or form is None:
            return redirect("admin:designs_group_change", group.pk)
        decision = form.decided(actor(request))
        if decision and "sure" not in request.POST:
            form.add_error(None, SURE)
        if form.is_valid() and decision and self._decided(request, group, form, decision):
            return redirect("admin:designs_group_change", group.pk)
        shown = self._shown(request, group, form)
        answer = self.rendered(request, self.page, group, str(group), **shown)
        answer.status_code = 422
        return answer

    def reopen(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Takes back what was decided at once, and says what could not be."""
        group = self.found(request, object_id, Role.REVIEWER)
        if request.method == "POST":
            try:
                found = group_resolution.reopen(group, actor(request))
            except Conflict as conflict:
                messages.warning(request, f"Not taken back. {conflict.detail}")
            else:
                if found.flags:
                    messages.success(request, f"Taken back: {_flags(len(found.flags))} open again.")
                for said in _in_sum("Not taken back", found.refused):
                    messages.warning(request, said)
        return redirect("admin:designs_group_change", group.pk)

    def _workflows(self, request: HttpRequest) -> QuerySet[Workflow]:
        rows = Workflow.objects.order_by("name")
        return rows if request.user.is_superuser else rows.filter(project__in=projects_of(request.user))

    def _form(self, request: HttpRequest, group: Group) -> DecisionForm | None:
        """That of the oldest open flag: the others are like it. It begins with a redesign: that is what groups are for."""
        if not self.may(request, Role.REVIEWER, group):
            return None
        flag = group.open_flags().select_related("execution__version", "execution__workflow__project").first()
        if flag is None:
            return None
        form = DecisionForm(Dossier(flag), request.POST or None)
        if REDESIGN in {choice.word for choice in form.found.choices}:
            form.initial["decision"] = REDESIGN
        return form

    def _decided(self, request: HttpRequest, group: Group, form: DecisionForm, decision: Decision) -> bool:
        """Whether it went through; else the form says what was wrong."""
        try:
            row = group_resolution.resolve(group, decision, upto=_id(request.POST.get("upto", "")))
        except Problem as problem:
            form.refused(problem)
            return False
        if row.resolved:
            messages.success(request, f"{_flags(row.resolved)} {DONE[decision.resolution]} now.")
        for said in _in_sum("Not decided", [Refused(one["flag"], one["detail"]) for one in row.refused]):
            messages.warning(request, said)
        if row.left:
            messages.warning(request, f"{_flags(row.left)} left: decide the same again, and it goes on with them.")
        return True

    def _shown(self, request: HttpRequest, group: Group, form: DecisionForm | None) -> dict[str, object]:
        one, decision = group_order.weighed(group), group_resolution.last_decision(group)
        rows, page = _members(group, request.GET.get("page", "1"))
        newest = group.open_flags().order_by("pk").values_list("pk", flat=True).last() if form else None
        return {
            "one": one,
            "reason": words(group.reason),
            "state": words(one.state),
            "rows": rows,
            "page": page,
            "form": form,
            "choices": form.found.choices if form else (),
            "meant": _meant(one),
            "upto": request.POST.get("upto") or newest,
            "decision": decision,
            "decided": decision and _decision(decision),
            "refused": decision.refused[:NAMED] if decision else [],
            "reviews": self.may(request, Role.REVIEWER, group),
            "designs": self.may(request, Role.DESIGNER, group) and one.undecided > 0,
        }


def _line(one: Weighed) -> Line:
    address = reverse("admin:designs_group_change", args=[one.group.pk])
    if one.group.text is None:
        return Line(one, address, "Its text was deleted.", "")
    found, _, came = one.group.text.partition("\n")
    return Line(one, address, came[:SHOWN], found[:SHOWN])


def _members(group: Group, number: str) -> tuple[list[Row], object]:
    """The oldest first: the others are compared with it."""
    members = group.members.select_related("flag__execution").defer("flag__execution__metadata").order_by("flag")
    found = Bounded(members, ON_A_PAGE).get_page(number)
    return [Row(one, deleted(one.flag.execution) or short(one.flag.execution.input)) for one in found], found


def _meant(one: Weighed) -> str:
    still = one.group.open_flags().filter(waiting=True).count()
    said = f"I decide all {one.open} open flags of this group" if one.open > 1 else "I decide the one open flag of it"
    return f"{said}; an execution stands still for {still} of them." if still else f"{said}; no execution waits."


def _decision(decision: GroupDecision) -> str:
    who = decision.decided_by.removeprefix("user:")
    done, when = DONE[decision.resolution], age(decision.decided_at)
    said = f"{decision.resolved} flag{'' if decision.resolved == 1 else 's'} {done} at once by {who}, {when} ago"
    if decision.reopened_at is None:
        return f"{said}."
    return f"{said}; taken back by {decision.reopened_by.removeprefix('user:')}, {age(decision.reopened_at)} ago."


def _in_sum(what: str, refused: Iterable[Refused]) -> list[str]:
    """One sentence for each reason."""
    counts = Counter(one.detail for one in refused)
    return [f"{what}: {count} flag{'' if count == 1 else 's'}. {detail}" for detail, count in counts.most_common(5)]


def _flags(count: int) -> str:
    return "1 flag is" if count == 1 else f"{count} flags are"


def _choices(workflows: QuerySet[Workflow]) -> Sequence[tuple[int, str]]:
    """Those that have groups."""
    found = workflows.filter(pk__in=Group.objects.order_by().values("workflow").distinct())
    return [(pk, f"{name} ({project})") for pk, name, project in found.values_list("pk", "name", "project__name")[:200]]


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


admin.site.register(Group, GroupAdmin)
