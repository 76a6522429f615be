"""What can be wrong with an endpoint that somebody states, in the API or in the admin: sentences by field."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from gateway.event_loop import wait_for
from projects.models import Project
from wire.redaction import USUAL

from .addresses import fault_of_name, fault_of_url
from .models import Kind

MAX_ENDPOINTS = 50  # of a project: each is looked at once a second
NO_MAIL = "No mail server is configured: the operator sets EMAIL_URL and EMAIL_FROM."
TOO_MANY = f"A project has at most {MAX_ENDPOINTS} endpoints; delete one first."


def fault_of_address(kind: str, address: str) -> str:
    """Empty: nothing is wrong. Of a webhook its name is looked up too, for three seconds at most."""
    if kind == Kind.EMAIL:
        return _fault_of_mail(address)
    return fault_of_url(address) or wait_for(fault_of_name(address))


def _fault_of_mail(address: str) -> str:
    if not settings.EMAIL_CONFIGURED:
        return NO_MAIL
    try:
        validate_email(address)
    except ValidationError:
        address = ""
    if not address.isascii() or not address or len(address) > 254 or USUAL.text(address) != address:
        return "Write one address, such as support@example.com."
    return ""


def has_room(project: Project, more: int = 1) -> bool:
    return project.endpoints.living().count() + more <= MAX_ENDPOINTS
