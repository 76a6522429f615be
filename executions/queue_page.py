"""The page of the queue, `/admin/queue/`: one flag after the other, with all that it takes to decide it. Works by keyboard
(`static/queue.js`) and without any script. What is decided goes through `resolution`, as over REST."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from projects import audited, roles
from projects.admin import usd
from projects.models import Role
from wire.problems import Conflict, Problem
from workflows.models import Workflow

from . import markdown, resolution
from .decision_form import DecisionForm
from .dossier import Dossier
from .flag_queue import Alike, Filters, Kind, Line, open_kinds
from .models import Flag
from .resolution import ABSENT

SIZE = 25  # flags of the list at once
SHOWN = 20_000  # characters of a value
MOST_KEYS = 40
FILTERS = ("project", "workflow", "reason", "waiting")


@dataclass(frozen=True)
class Reviewer:
    """An account, and what of the queue is its own."""

    request: HttpRequest

    @cached_property
    def projects(self) -> set[int] | None:
        """None: all."""
        account = self.request.user
        return None if account.is_superuser else roles.projects_of(account, Role.REVIEWER)

    @property
    def actor(self) -> str:
        return audited.actor(self.request)

    def may(self, project: int, role: str) -> bool:
        """A review that asks designers or owners is theirs; any other word is one of the project's own, for its reviewers."""
        above = role in (Role.DESIGNER, Role.OWNER)
        return roles.may(self.request.user, Role(role) if above else Role.REVIEWER, project)

    def flag(self, flag_id: UUID) -> Flag:
        """Raises `Http404` for one that is not there, or not theirs."""
        flag = self._flags().filter(pk=flag_id).first()
        if flag is None or not self.may(flag.execution.project_id, flag.role):
            raise Http404
        return flag

    def known(self, text: str) -> Flag | None:
        """One that is named in an address, if it is one."""
        try:
            return self.flag(UUID(text))
        except (ValueError, Http404):
            return None

    def _flags(self) -> QuerySet[Flag]:
        flags = Flag.objects.select_related("execution__version", "execution__workflow__project")
        return flags if self.projects is None else flags.filter(execution__project__in=self.projects)


@dataclass(frozen=True)
class View:
    """What of the queue is looked at: the filters, and where the list begins. Goes along in every address."""

    given: Mapping[str, str]

    @classmethod
    def of(cls, query: QueryDict) -> "View":
        given = {name: query.get(name, "")[:60] for name in (*FILTERS, "after")}
        return cls({name: value for name, value in given.items() if value})

    @property
    def filtered(self) -> bool:
        return any(name in self.given for name in FILTERS)

    def number(self, name: str) -> int | None:
        text = self.given.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None

    def address(self, flag: UUID | None = None, **more: object) -> str:
        base = reverse("admin:queue_flag", args=[flag]) if flag else reverse("admin:queue")
        query = urlencode({name: str(value) for name, value in {**self.given, **more}.items() if value})
        return f"{base}?{query}" if query else base


class Queue:
    """The queue as an account sees it now."""

    def __init__(self, reviewer: Reviewer, view: View) -> None:
        self.reviewer, self.view = reviewer, view
        kinds = open_kinds(reviewer.projects)
        found = Workflow.objects.filter(pk__in={kind.alike.workflow for kind in kinds}).select_related("project")
        self.workflows = {workflow.pk: workflow for workflow in found}
        theirs = [kind for kind in kinds if self._is_theirs(kind)]
        self.kinds = {kind.alike: kind for kind in theirs}
        self.line = Line(theirs, self._filters())

    def _is_theirs(self, kind: Kind) -> bool:
        workflow = self.workflows.get(kind.alike.workflow)
        return workflow is not None and self.reviewer.may(workflow.project_id, kind.alike.role)

    def _filters(self) -> Filters:
        chosen, project = self.view.number("workflow"), self.view.number("project")
        among = None
        if chosen is not None or project is not None:
            among = frozenset(
                pk
                for pk, workflow in self.workflows.items()
                if chosen in (None, pk) and project in (None, workflow.project_id)
            )
        waiting = {"yes": True, "no": False}.get(self.view.given.get("waiting", ""))
        return Filters(among, self.view.given.get("reason", ""), waiting)

    @property
    def choices(self) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """What can be filtered by: name, label, values with their labels."""
        projects = {str(each.project_id): each.project.name for each in self.workflows.values()}
        several = len(projects) > 1
        workflows = {
            str(pk): f"{each.name} ({each.project.name})" if several else each.name
            for pk, each in self.workflows.items()
        }
        reasons = {alike.reason: words(alike.reason) for alike in self.kinds}
        found = [
            ("project", "Project", sorted(projects.items(), key=lambda each: each[1])),
            ("workflow", "Workflow", sorted(workflows.items(), key=lambda each: each[1])),
            ("reason", "Reason", sorted(reasons.items())),
            ("waiting", "Waiting", [("yes", "an execution waits"), ("no", "nothing waits")]),
        ]
        return found if several else found[1:]

    def page(self, flag: Flag | None) -> list[UUID]:
        """Of the list, with the flag in it, and one more where there is more."""
        after = self.reviewer.known(self.view.given["after"]) if "after" in self.view.given else None
        found = self.line.page(SIZE + 1, after)
        if flag is None or flag.state != Flag.State.OPEN or flag.pk in found[:SIZE]:
            return found
        return self.line.page(SIZE + 1, flag, itself=True)

    def behind(self, flag: Flag) -> UUID | None:
        """The next one; the first, where it was the last."""
        found = self.line.page(1, flag) or self.line.page(1)
        return found[0] if found else None

    def reason_of(self, alike: Alike, waiting: bool, created_at: object) -> str:
        """Why it stands where it does, in a few words."""
        kind = self.kinds.get(alike)
        others = kind.count - 1 if kind else 0
        parts = [f"waits {age(created_at)}"] if waiting else []
        parts.append(f"{others} like it" if others else "none like it")
        parts.append(kind.cost.text if kind and kind.cost else "cost unknown")
        return " · ".join(parts)

    def rows(self, ids: list[UUID], current: UUID | None) -> list[dict]:
        columns = (*("pk", "waiting", "created_at", "short"), *Alike._fields)
        found = Flag.objects.filter(pk__in=ids).annotate(short=Left("explanation", 140)).values_list(*columns)
        rows = {pk: (waiting, at, short, Alike(*alike)) for pk, waiting, at, short, *alike in found}
        return [self._row(pk, *rows[pk], current) for pk in ids if pk in rows]

    def _row(self, pk: UUID, waiting: bool, at: object, short: str, alike: Alike, current: UUID | None) -> dict:
        return {
            "address": self.view.address(pk),
            "current": pk == current,
            "waiting": waiting,
            "reason": words(alike.reason),
            "workflow": self.workflows[alike.workflow].name,
            "step": alike.step or "the whole",
            "short": short,
            "why_here": self.reason_of(alike, waiting, at),
        }


class QueuePage:
    """The views. `site`: the admin's."""

    def __init__(self, site: admin.AdminSite) -> None:
        self.site = site

    @property
    def urls(self) -> list[URLPattern]:
        page, undo = self.site.admin_view(self.page), self.site.admin_view(require_POST(self.undo))
        return [
            path("queue/", page, name="queue"),
            path("queue/<uuid:flag_id>/", page, name="queue_flag"),
            path("queue/<uuid:flag_id>/undo/", undo, name="queue_undo"),
        ]

    def page(self, request: HttpRequest, flag_id: UUID | None = None) -> HttpResponse:
        reviewer, view = _reviewer(request), View.of(request.GET)
        if flag_id is None:
            return self._first(reviewer, view)
        flag = reviewer.flag(flag_id)
        if request.method == "POST":
            return self._decide(reviewer, view, flag)
        return self._shown(Queue(reviewer, view), flag)

    def undo(self, request: HttpRequest, flag_id: UUID) -> HttpResponse:
        """Takes a decision back, and shows the flag again; or says why it cannot be."""
        reviewer, view = _reviewer(request), View.of(request.GET)
        flag = reviewer.flag(flag_id)
        try:
            resolution.reopen(flag, reviewer.actor)
        except Conflict as conflict:
            messages.warning(request, f"Not taken back. {conflict.detail}")
            back = reviewer.known(request.POST.get("back", ""))
            return redirect(view.address(back and back.pk))
        messages.success(request, "Taken back: the flag is open again.")
        return redirect(view.address(flag.pk))

    def _first(self, reviewer: Reviewer, view: View) -> HttpResponse:
        queue = Queue(reviewer, view)
        found = queue.page(None)
        return self._shown(queue, reviewer.flag(found[0]) if found else None, found)

    def _decide(self, reviewer: Reviewer, view: View, flag: Flag) -> HttpResponse:
        form = DecisionForm(Dossier(flag), reviewer.request.POST)
        decision = form.decided(reviewer.actor)
        if flag.state == Flag.State.OPEN and decision is None:
            return self._shown(Queue(reviewer, view), flag, form=form, status=422)
        beaten = decision is None
        try:
            if decision:
                resolution.resolve(flag, decision)
        except Problem as problem:
            flag.refresh_from_db()
            if flag.state == Flag.State.OPEN:
                form.refused(problem)
                return self._shown(Queue(reviewer, view), flag, form=form, status=problem.status)
            beaten = True
        queue = Queue(reviewer, view)
        following = queue.behind(flag)
        if not beaten:
            return redirect(view.address(following, done=flag.pk))
        following = reviewer.flag(following) if following else None
        return self._shown(queue, following, status=409, beaten=(flag, form.typed()))

    def _shown(
        self,
        queue: Queue,
        flag: Flag | None,
        ids: list[UUID] | None = None,
        *,
        form: DecisionForm | None = None,
        status: int = 200,
        beaten: tuple[Flag, str] | None = None,
    ) -> HttpResponse:
        reviewer, view = queue.reviewer, queue.view
        request = reviewer.request
        ids = queue.page(flag) if ids is None else ids
        done = reviewer.known(request.GET["done"]) if "done" in request.GET and not beaten else None
        context = {
            **self.site.each_context(request),
            "title": "Flag queue",
            "is_nav_sidebar_enabled": False,
            "line": queue.line,
            "filters": [(*each, view.given.get(each[0], "")) for each in queue.choices],
            "filtered": view.filtered,
            "everything": reverse("admin:queue"),
            "rows": queue.rows(ids[:SIZE], flag and flag.pk),
            **_neighbours(view, ids, flag),
            "done": _decided(done) if done and done.state != Flag.State.OPEN else None,
            "beaten": {**_decided(beaten[0]), "typed": beaten[1]} if beaten else None,
            "query": view.address().partition("?")[2],
            **(_of_flag(queue, flag, form) if flag else {}),
        }
        return render(request, "admin/queue/queue.html", context, status=status)


def _reviewer(request: HttpRequest) -> Reviewer:
    """Raises `PermissionDenied` for an account that decides nothing anywhere."""
    if not roles.may(request.user, Role.REVIEWER):
        raise PermissionDenied
    return Reviewer(request)


def _neighbours(view: View, ids: list[UUID], flag: Flag | None) -> dict[str, str]:
    """Addresses: of the flags before and behind this one, of the list's next page, and of its beginning."""
    at = ids.index(flag.pk) if flag and flag.pk in ids else -1
    found = {}
    if at > 0:
        found["previous"] = view.address(ids[at - 1])
    if at + 1 < len(ids):
        last = {"after": ids[SIZE - 1]} if at + 1 == SIZE else {}
        found["following"] = view.address(ids[at + 1], **last)
    if len(ids) > SIZE:
        found["more"] = view.address(after=ids[SIZE - 1])
    if "after" in view.given:
        found["top"] = view.address(after="")
    return found


def _of_flag(queue: Queue, flag: Flag, form: DecisionForm | None) -> dict[str, object]:
    found, execution = Dossier(flag), flag.execution
    pico, calls = found.cost
    return {
        "flag": flag,
        "found": found,
        "reason": words(flag.reason),
        "why_here": queue.reason_of(Alike.of(flag), flag.waiting, flag.created_at),
        "deleted": execution.purged_at,
        "cost": usd(pico, simulated=execution.simulated) if calls else "nothing",
        "calls": calls,
        "input": shown(execution.input),
        "item": None if found.item is ABSENT else shown(found.item),
        "trace": [(row, shown(row.output)) for row in found.trace],
        "attempts": [
            (row, shown(row.output) if row.output is not None else "", found.said.get(row.call, "")[:SHOWN])
            for row in found.attempts
        ],
        "output": shown(execution.output) if execution.output is not None else "",
        "asked": markdown.rendered(flag.explanation) if found.is_review else "",
        "form": (form or DecisionForm(found)) if flag.state == Flag.State.OPEN else None,
        "choices": found.choices,
        "decided": _decided(flag) if flag.state != Flag.State.OPEN else None,
        "due": found.due_at and until(found.due_at),
    }


def _decided(flag: Flag) -> dict[str, object]:
    """By whom, as what, and when; and whether it can be taken back."""
    return {
        "flag": flag,
        "by": flag.resolved_by.removeprefix("user:") or "nobody",
        "as": flag.get_resolution_display().lower() or flag.get_state_display().lower(),
        "ago": age(flag.resolved_at) if flag.resolved_at else "",
        "can_undo": resolution.can_be_taken_back(flag),
    }


def words(reason: str) -> str:
    return reason.replace("_", " ")


def shown(value: object) -> SafeString:
    """A value as one can read it, and not more of it than one can read: the texts of an object as they are written, the rest as
    JSON."""
    if isinstance(value, dict) and 0 < len(value) <= MOST_KEYS:
        rows = [(key[:200], each[:SHOWN] if isinstance(each, str) else _json(each)) for key, each in value.items()]
        return format_html("<dl>{}</dl>", format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows))
    return format_html('<pre class="value">{}</pre>', _json(value))


def _json(value: object) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} …"


def age(since: object) -> str:
    return _time(timezone.now() - since)


def until(moment: object) -> str:
    left = moment - timezone.now()
    return f"due in {_time(left)}" if left > timedelta(0) else "overdue"


def _time(length: timedelta) -> str:
    minutes = int(length.total_seconds()) // 60
    if minutes < 60:
        return f"{max(minutes, 0)} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"
