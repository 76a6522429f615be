"""To whom a digest goes: addresses of e-mail, for each of which there is an endpoint or one is made, and a webhook."""

from collections.abc import Sequence
from uuid import UUID

from notifications.checking import TOO_MANY, fault_of_address, has_room
from notifications.models import Endpoint, Kind, Type
from projects.models import Project
from wire.problems import Conflict, Fault, Invalid

from .models import MOST_EMAILS

NOBODY = "Name an address of e-mail, or an endpoint."


def check(project: Project, emails: Sequence[str], endpoint: UUID | None) -> Endpoint | None:
    """The webhook. Raises `Invalid` with everything that is wrong, and makes nothing. What is no address of e-mail, and so what
    would be a header of its own, is refused; and so is any where no mail server is configured."""
    faults = [
        Fault(f"/emails/{place}", said)
        for place, address in enumerate(emails)
        if (said := fault_of_address(Kind.EMAIL, address))
    ]
    if len(emails) > MOST_EMAILS:
        faults.append(Fault("/emails", f"At most {MOST_EMAILS} addresses."))
    known = _known(project)
    new = {address for address in map(_alike, emails) if address not in known}
    faults += [
        Fault(f"/emails/{place}", "The endpoint of this address is disabled: enable it first.")
        for place, address in enumerate(emails)
        if _alike(address) in known and not known[_alike(address)].enabled
    ]
    if new and not has_room(project, len(new)):
        faults.append(Fault("/emails", TOO_MANY))
    webhook = _webhook(project, endpoint) if endpoint else None
    if endpoint and webhook is None:
        faults.append(Fault("/endpoint", "There is no such webhook in this project."))
    elif webhook and Type.SUMMARY not in webhook.events:
        faults.append(Fault("/endpoint", f"This webhook is not told of {Type.SUMMARY}: add that to its events."))
    if not emails and endpoint is None:
        faults.append(Fault("/emails", NOBODY))
    if faults:
        raise Invalid.of(faults)
    return webhook


def made(project: Project, emails: Sequence[str], webhook: Endpoint | None, by: str) -> list[Endpoint]:
    """In the transaction of the digest. Raises `Conflict` where a project would have too many endpoints."""
    found = [webhook] if webhook else []
    known = _known(project)
    for alike, address in {_alike(address): address for address in emails}.items():
        if alike not in known:
            known[alike] = _begun(project, address, by)
        found.append(known[alike])
    return found


def _known(project: Project) -> dict[str, Endpoint]:
    living = project.endpoints.living().filter(kind=Kind.EMAIL).order_by("-pk")
    return {_alike(one.address): one for one in living if Type.SUMMARY in one.events}


def _alike(address: str) -> str:
    """Addresses that differ in their capitals are one mailbox, wherever anybody knows."""
    return address.casefold()


def _begun(project: Project, address: str, by: str) -> Endpoint:
    if not has_room(project):
        raise Conflict(TOO_MANY)
    endpoint = Endpoint(project=project, kind=Kind.EMAIL, address=address, events=[Type.SUMMARY], created_by=by)
    endpoint.begin()
    return endpoint


def _webhook(project: Project, endpoint: UUID) -> Endpoint | None:
    return project.endpoints.living().filter(kind=Kind.WEBHOOK, pk=endpoint).first()
