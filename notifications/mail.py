"""One mail of all that an address is to be told of at this moment: plain text, grouped, with the pages to go to."""

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage

from .models import TEST, Endpoint, Type
from .posting import Outcome

LISTED = 5  # of each group; how many there are is said

# (one of them, several of them), as a heading and in a subject.
SAID = {
    Type.OVERDUE: ("A group of flags waits for too long", "groups of flags wait for too long"),
    Type.WAITING: ("A flag waits for a person", "flags wait for a person"),
    Type.PARKED: ("A budget has parked an execution", "executions are parked by a budget"),
    Type.FAILED: ("An execution failed", "executions failed"),
    Type.CANCELLED: ("An execution was cancelled", "executions were cancelled"),
    Type.COMPLETED: ("An execution completed", "executions completed"),
    TEST: ("This is a test", "tests"),
}
Told = dict[str, Any]  # the body of a delivery
Letter = Callable[[Endpoint, Told], EmailMessage]

# Type → who writes a mail of its own for each delivery of it. It stands above, and says so when it is loaded.
letters: dict[str, Letter] = {}


def send(endpoint: Endpoint, bodies: Sequence[str]) -> Outcome:
    """Raises nothing. It may take as long as the mail server does: never called where somebody waits."""
    if not settings.EMAIL_CONFIGURED:
        return Outcome(error="No mail server is configured any more: the operator sets EMAIL_URL.")
    told = [json.loads(body) for body in bodies]
    try:
        _written(endpoint, told).send()
    except Exception as error:  # of many libraries; its words may quote what it was given
        return Outcome(error=f"The mail server did not take it ({type(error).__name__}).")
    return Outcome()


def _written(endpoint: Endpoint, told: Sequence[Told]) -> EmailMessage:
    if write := letters.get(told[0]["type"]):
        return write(endpoint, told[0])  # which is alone: see `delivering`
    return EmailMessage(subject(endpoint, told), text(endpoint, told), to=[endpoint.address])


def subject(endpoint: Endpoint, told: Sequence[Told]) -> str:
    kinds = [_heading(type, some) for type, some in _by_type(told)]
    more = f", and {len(kinds) - 1} more" if len(kinds) > 1 else ""
    return f"[{endpoint.project.name}] {kinds[0]}{more}"


def text(endpoint: Endpoint, told: Sequence[Told]) -> str:
    """Lines of at most about eighty characters, but for addresses."""
    parts = ["\n\n".join([_heading(type, some), *_groups(type, some)]) for type, some in _by_type(told)]
    admin = f"{settings.PUBLIC_URL}/admin/notifications/endpoint/{endpoint.pk}/change/"
    end = f"-- \nThe project {endpoint.project.name} tells this address of such things.\nWhat it is told of: {admin}\n"
    return "\n\n\n".join([*parts, end])


def _by_type(told: Iterable[Told]) -> list[tuple[str, list[Told]]]:
    """What somebody has to do something about comes first."""
    order = list(SAID)
    found = sorted(told, key=lambda one: (order.index(one["type"]), one["timestamp"]))
    return [(type, list(some)) for type, some in groupby(found, key=lambda one: one["type"])]


def _heading(type: str, some: Sequence[Told]) -> str:
    one, several = SAID[type]
    return one if len(some) == 1 else f"{len(some)} {several}"


def _groups(type: str, told: Iterable[Told]) -> list[str]:
    found: dict[str, list[Told]] = {}
    for one in told:
        found.setdefault(_where(type, one["data"]), []).append(one)
    return [_group(type, where, some) for where, some in found.items()]


def _group(type: str, where: str, some: Sequence[Told]) -> str:
    lines = [f"  {where} ({len(some)})" if len(some) > 1 else f"  {where}"]
    for one in some[:LISTED]:
        lines += [f"    {one['timestamp'][:16].replace('T', ' ')} UTC  {_page(type, one['data'])}".rstrip()]
    if len(some) > LISTED:
        lines.append(f"    … and {len(some) - LISTED} more")
    return "\n".join(lines)


def _where(type: str, data: Told) -> str:
    """`refund 1.0.0, step classify: uncovered`, with as much of it as there is."""
    if type == TEST:
        return "Notifications reach this address."
    name = " ".join(filter(None, [data["workflow"], data.get("version")]))
    step = f", step {data['step']}" if data.get("step") else ""
    why = data.get("reason") or data.get("error") or ""
    if type == Type.OVERDUE:
        why = f"{why}, {data['flags']} since {data['oldest_at'][:16].replace('T', ' ')} UTC"
    trial = " (trial)" if data.get("purpose") == "trial" else ""
    return f"{name}{trial}{step}{': ' if why else ''}{why}"


def _page(type: str, data: Told) -> str:
    """Of the admin, where a person goes on."""
    if type == TEST:
        return ""
    if flag := data.get("flag") or data.get("oldest_flag"):
        return f"{settings.PUBLIC_URL}/admin/queue/{flag}/"
    return f"{settings.PUBLIC_URL}/admin/executions/execution/{data['execution']}/change/"
