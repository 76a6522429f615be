"""What stands above every page that people read, of the admin and of the savings pages alike: where one is, where one can go."""

from typing import NamedTuple

from django.http import HttpRequest
from django.urls import reverse


class Place(NamedTuple):
    label: str
    address: str
    here: bool


def places(request: HttpRequest) -> dict[str, object]:
    """For every template of the savings pages; the admin renders the masthead of theirs."""
    queue, savings = reverse("admin:queue"), reverse("reports:home")
    in_queue, in_savings = request.path.startswith(queue), request.path.startswith(savings)
    return {
        "account": request.user,
        "places": [
            Place("Home", reverse("admin:index"), not in_queue and not in_savings),
            Place("Flag queue", queue, in_queue),
            Place("Savings", savings, in_savings),
            Place("API", "/api/docs/", False),
        ],
    }
