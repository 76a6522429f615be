"""What stands above every page that people read, of the admin and of the savings pages alike: where one is, where one can go."""

from typing import NamedTuple

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest
from django.urls import reverse

from executions.flag_queue import Alike
from executions.models import Flag
from projects.models import Role
from projects.roles import may, projects_of
from workflows.models import Workflow

COUNTED = 99  # flags: more is "99+", and nobody reads further
API = "/api/docs/"


class Place(NamedTuple):
    """`here`: `page` where one is on it, `true` where one is beneath it, empty elsewhere; it is what `aria-current` says.
    `waits`: how much waits there for this account, as it is shown."""

    label: str
    address: str
    here: str = ""
    waits: str = ""


def places(request: HttpRequest) -> dict[str, object]:
    """For every template of the savings pages, and through the tag `masthead` for every other page. Whoever is not signed in can
    go to the description of the API alone."""
    account = getattr(request, "user", None)
    if account is None or not account.is_authenticated:
        return unknown(request.path)
    flags = flags_of(account) if may(account, Role.REVIEWER) else None
    return {"account": account, "places": _places(request.path, flags)}


def unknown(path: str = "") -> dict[str, object]:
    """For a page that knows nobody: it asks the database nothing."""
    return {"account": None, "places": [_place("API", API, path)]}


def flags_of(account: AbstractBaseUser | AnonymousUser) -> int:
    """How many open flags the account can decide; one more than is counted where there are more. Two queries: its workflows, and so
    many entries of the index of what is open, whose order they are asked for in: else the planner reads every flag there is."""
    flags = Flag.objects.filter(state=Flag.State.OPEN, workflow__isnull=False)
    if not account.is_superuser:
        mine = projects_of(account, Role.REVIEWER)
        workflows = dict(Workflow.objects.filter(project__in=mine).values_list("pk", "project")) if mine else {}
        flags = flags.filter(workflow__in=list(workflows))
        for role in (Role.DESIGNER, Role.OWNER):
            others = mine - projects_of(account, role)
            if others:
                flags = flags.exclude(
                    role=role, workflow__in=[pk for pk, project in workflows.items() if project in others]
                )
    return flags.order_by("workflow_id", *Alike._fields[1:])[: COUNTED + 1].count()


def _places(path: str, flags: int | None) -> list[Place]:
    """`flags` None: the account decides none, so there is no queue for it."""
    home, queue, savings = reverse("admin:index"), reverse("admin:queue"), reverse("reports:home")
    elsewhere = (queue, reverse("admin:password_change"))
    lists = path.startswith(home) and path != home and not path.startswith(elsewhere)
    waits = f"{COUNTED}+" if (flags or 0) > COUNTED else str(flags or "")
    return [
        Place("Home", home, "page" if path == home else ""),
        *([] if flags is None else [_place("Flag queue", queue, path)._replace(waits=waits)]),
        _place("Savings", savings, path),
        Place("All lists", f"{home}#lists", "true" if lists else ""),
        _place("API", API, path),
    ]


def _place(label: str, address: str, path: str) -> Place:
    return Place(label, address, "page" if path == address else "true" if path.startswith(address) else "")
