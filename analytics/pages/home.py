"""The first page of the admin: of each project that the account may see, what waits, what it costs, and what to do next."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from designs.models import Design, Member
from executions.models import APART, UNFINISHED, Execution, Flag, Status, Worker
from executions.pages.stands import condition
from projects.models import ApiKey, Project, Role
from projects.roles import may, projects_of
from wire.money import rounded, to_usd
from workflows import budgets
from workflows.models import Budget, Workflow

from ..costs import is_simulated, summarise
from ..extent import Extent
from .saying import Said, said

AT_ONCE = 5  # projects on a page: what one costs takes a number of queries
BUDGETS = 4  # of a project


@dataclass(frozen=True)
class Wait:
    """So many of something, and where they are. `asks`: only a person ends it."""

    count: int
    what: str
    url: str
    asks: bool = False


@dataclass(frozen=True)
class Use:
    """How much of a budget is used, of the kind of money that the project spends. `percent` may be over 100."""

    name: str
    text: str
    percent: int
    url: str


@dataclass(frozen=True)
class Todo:
    """A step towards the first execution."""

    what: str
    how: str
    done: bool
    url: str = ""


@dataclass
class Shown:
    project: Project
    waits: list[Wait] = field(default_factory=list)
    cost: Said | None = None
    budgets: list[Use] = field(default_factory=list)
    todo: list[Todo] = field(default_factory=list)


def home(request: HttpRequest) -> dict[str, object]:
    """What the template `admin/index.html` shows. As many queries for five projects as for a hundred."""
    rows = _seen_by(request)
    page = Paginator(rows, AT_ONCE).get_page(request.GET.get("page"))
    projects = list(page.object_list)
    waits, uses = _waits(projects), _uses(projects)
    return {
        "projects": [_shown(request, project, waits, uses) for project in projects],
        "page": page,
        "workers": Worker.objects.alive().count(),
        "month": timezone.now(),
        "operates": request.user.is_superuser,
    }


def _seen_by(request: HttpRequest) -> object:
    """With what each has already, so that one knows what comes next."""
    rows = Project.objects.order_by("name")
    if not request.user.is_superuser:
        rows = rows.filter(pk__in=projects_of(request.user))
    mine, workflows = {"project": OuterRef("pk")}, Workflow.objects.filter(project=OuterRef("pk"))
    return rows.annotate(
        has_key=Exists(ApiKey.objects.filter(**mine, revoked_at=None)),
        has_workflow=Exists(workflows),
        has_live=Exists(workflows.filter(live__isnull=False)),
        # The first by the index of when they were accepted: whether there is one at all, PostgreSQL would look for in every row.
        first_executed=Subquery(Execution.objects.filter(**mine).order_by("created_at").values("created_at")[:1]),
    )


def _shown(request: HttpRequest, project: Project, waits: Mapping, uses: Mapping) -> Shown:
    shown = Shown(project, waits[project.pk], todo=[] if project.first_executed else _todo(request, project))
    if project.first_executed:
        simulated = is_simulated(project, None)
        first = timezone.now().date().replace(day=1)
        shown.cost = said(summarise(Extent(project, None, simulated, since=first)))
        shown.budgets = uses[project.pk][simulated]
    return shown


def _waits(projects: Sequence[Project]) -> dict[int, list[Wait]]:
    """Five queries, which read what is in motion, what failed lately, what is flagged and what is designed."""
    mine = Execution.objects.filter(project__in=projects).exclude(purpose__in=(Execution.Purpose.REPORTED, *APART))
    moving = mine.filter(status__in=UNFINISHED).values_list("project", "status", "waiting_for").annotate(Count("pk"))
    failed = mine.filter(condition("failed_lately")).values_list("project").annotate(Count("pk"))
    flagged = Flag.objects.filter(execution__project__in=projects, state=Flag.State.OPEN).exclude(
        reason=Flag.Reason.REVIEW
    )
    flagged = flagged.values_list("execution__project", "waiting").annotate(Count("pk"))
    counts: dict[int, dict[str, int]] = {project.pk: {} for project in projects}
    for project, status, waiting_for, count in moving.order_by():
        counts[project][waiting_for if status == Status.WAITING else status] = count
    for project, count in failed.order_by():
        counts[project]["failed_lately"] = count
    for project, waiting, count in flagged.order_by():
        counts[project]["flags_waiting" if waiting else "flags"] = count
    for project, found in _designs(projects):
        counts[project] |= found
    return {project: list(_told(project, found)) for project, found in counts.items()}


def _designs(projects: Sequence[Project]) -> Iterator[tuple[int, dict[str, int]]]:
    """Two queries: designs that are not at their end, and groups with a flag that is open."""
    moving = (
        Design.objects.to_come().filter(project__in=projects).values_list("project", "status").annotate(Count("pk"))
    )
    for project, status, count in moving.order_by():
        yield project, {f"design_{status}": count}
    members = Member.objects.filter(group__workflow__project__in=projects, flag__state=Flag.State.OPEN)
    groups = members.values_list("group__workflow__project").annotate(Count("group", distinct=True))
    for project, count in groups.order_by():
        yield project, {"groups": count}


def _told(project: int, counts: Mapping[str, int]) -> Iterable[Wait]:
    def executions(stands: str) -> str:
        return _list("executions_execution", stands=stands, project__id__exact=project)

    holding = counts.get("flags_waiting", 0)
    open_flags = "open flag" if holding + counts.get("flags", 0) == 1 else "open flags"
    groups = "group" if counts.get("groups") == 1 else "groups"
    flags = f"{reverse('admin:queue')}?{urlencode({'project': project})}"
    found = [
        Wait(counts.get("escalated", 0), "escalated: a person has to decide", executions("escalated"), asks=True),
        Wait(counts.get("review", 0), "reviews that the design asks for", executions("review"), asks=True),
        Wait(
            holding + counts.get("flags", 0),
            f"{open_flags}; {_held(holding)}",
            flags,
            holding > 0,
        ),
        Wait(
            counts.get("groups", 0),
            f"{groups} of open flags: a redesign could close {'it' if groups == 'group' else 'each'}",
            _list("designs_group", state="open"),
        ),
        Wait(
            counts.get("design_waiting", 0),
            "waiting in the middle of a design: its budget has no room",
            _list("designs_design", status="waiting", project__id__exact=project),
            asks=True,
        ),
        Wait(
            counts.get("design_running", 0),
            "being designed or redesigned by the frontier",
            _list("designs_design", status="running", project__id__exact=project),
        ),
        Wait(counts.get("budget", 0), "parked: a budget has no room", executions("budget"), asks=True),
        Wait(counts.get("provider", 0), "put off: a provider does not answer", executions("provider")),
        Wait(counts.get("rate", 0), "put off: a limit of calls or tokens is reached", executions("rate")),
        Wait(counts.get("service", 0), "put off: this service had too much to do", executions("service")),
        Wait(counts.get("workflow", 0), "waiting for what they called", executions("workflow")),
        Wait(counts.get("failed_lately", 0), "failed in the last 24 hours", executions("failed_lately"), asks=True),
        Wait(counts.get("queued", 0), "in the queue", executions("queued")),
        Wait(counts.get("running", 0), "being executed", executions("running")),
    ]
    return (wait for wait in found if wait.count)


def _held(count: int) -> str:
    if count == 1:
        return "1 of them holds an execution up"
    return f"{count} of them hold an execution up" if count else "none holds an execution up"


def _list(name: str, **filters: object) -> str:
    return f"{reverse(f'admin:{name}_changelist')}?{urlencode(filters)}"


def _uses(projects: Sequence[Project]) -> dict[int, dict[bool, list[Use]]]:
    """By project and kind of money."""
    found: dict[int, dict[bool, list[Use]]] = {project.pk: {True: [], False: []} for project in projects}
    stated = list(Budget.objects.filter(project__in=projects).select_related("workflow").order_by("workflow", "pk"))
    used = budgets.used_of_all(stated, timezone.now())
    for budget in stated:
        for simulated in (True, False):
            mine = found[budget.project_id][simulated]
            if len(mine) < BUDGETS:
                mine.append(_use(budget, *used[budget.pk, simulated]))
    return found


def _use(budget: Budget, spent: int, reserved: int) -> Use:
    percent = 100 * (spent + reserved) // budget.cap if budget.cap else 100
    held = f", {rounded(to_usd(reserved))} held for calls on their way" if reserved else ""
    text = f"{rounded(to_usd(spent))} of {rounded(to_usd(budget.cap))}{held}: {percent}%"
    return Use(str(budget).capitalize(), text, percent, reverse("admin:workflows_budget_change", args=[budget.pk]))


def _todo(request: HttpRequest, project: Project) -> list[Todo]:
    owns = may(request.user, Role.OWNER, project.pk)
    key = f"manage.py create_api_key --project {project.name}"
    key_said = f"On the command line: {key}" if owns else "An owner of the project makes one for you."
    address = f"{settings.PUBLIC_URL}/api/v1/workflows"
    return [
        Todo(
            "Create an API key", key_said, project.has_key, reverse("admin:projects_apikey_changelist") if owns else ""
        ),
        Todo(
            "Store a workflow",
            f"With that key: POST {address}, as /api/docs/ shows.",
            project.has_workflow,
            "/api/docs/",
        ),
        Todo(
            "Publish a version of it",
            "On the version's page: try it there first.",
            project.has_live,
            _list("workflows_workflow", project__id__exact=project.pk),
        ),
        Todo(
            "Execute it",
            f"POST {address}/NAME/executions with an input.",
            project.first_executed is not None,
            "/api/docs/",
        ),
    ]
