"""Mails, through a real mail server: one for all that happened in a minute, and pleasant to read."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from notifications import mail
from notifications.models import Delivery, Endpoint
from notifications.outbox import try_out
from tests.cast import envelope, execute, make_project, make_workflow, models_answer
from tests.mail_server import MailServer

from .conftest import due_now, listen, rounds

pytestmark = pytest.mark.django_db(transaction=True)

UNCOVERED = {"text": envelope(status="uncovered", uncovered="Nothing fits.")}


@pytest.fixture
def post(settings):
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_CONFIGURED, settings.DEFAULT_FROM_EMAIL = True, "Workflows <workflows@example.com>"
        yield server


def alice(project, *events) -> Endpoint:
    return listen(project, None, *events, kind="email", address="alice@example.com")


def test_a_hundred_flags_are_one_mail(post):
    models_answer(UNCOVERED)
    workflow = make_workflow()
    endpoint = alice(workflow.project)
    execution = execute(workflow)
    rounds()
    assert post.mails == []  # more may come in this minute
    body = Delivery.objects.get().body
    Delivery.objects.bulk_create(
        Delivery(endpoint=endpoint, type="flag.waiting", body=body, due_at=timezone.now() + timedelta(seconds=59))
        for _ in range(99)
    )
    Delivery.objects.filter(event__isnull=False).update(due_at=timezone.now())
    rounds()
    (one,) = post.mails
    assert (one["To"], one["From"]) == ("alice@example.com", "Workflows <workflows@example.com>")
    assert one["Subject"] == "[alice] 100 flags wait for a person"
    flag = execution.flags.get()
    at = json.loads(body)["timestamp"][:16].replace("T", " ")
    page = f"    {at} UTC  http://127.0.0.1:8000/admin/queue/{flag.pk}/\n"
    assert one.get_content().replace("\r\n", "\n") == (
        "100 flags wait for a person\n"
        "\n"
        "  refund 1.0.0, step classify: uncovered (100)\n"
        f"{page * 5}"
        "    … and 95 more\n"
        "\n"
        "\n"
        "-- \n"
        "The project alice tells this address of such things.\n"
        f"What it is told of: http://127.0.0.1:8000/admin/notifications/endpoint/{endpoint.pk}/change/\n"
    )
    assert set(Delivery.objects.values_list("state", "attempts")) == {("delivered", 1)}


def test_what_somebody_has_to_do_something_about_comes_first():
    endpoint = Endpoint(project=make_project(), address="alice@example.com", kind="email")
    data = {"workflow": "refund", "version": "1.0.0", "execution": "e", "purpose": "production"}
    at = "2026-11-26T09:30:00.000000Z"
    told = [
        {"type": "execution.completed", "timestamp": at, "data": {**data, "purpose": "trial"}},
        {"type": "execution.failed", "timestamp": at, "data": {**data, "error": "deadline"}},
        {"type": "execution.failed", "timestamp": at, "data": {**data, "error": "protocol"}},
        {
            "type": "flags.overdue",
            "timestamp": at,
            "data": {
                **{"workflow": "refund", "step": "classify", "reason": "uncovered", "flags": 7, "hours": 24},
                **{"oldest_flag": "f", "oldest_at": "2026-11-24T08:00:00.000000Z"},
            },
        },
    ]
    assert mail.subject(endpoint, told) == "[alice] A group of flags waits for too long, and 2 more"
    assert mail.text(endpoint, told).partition("\n\n\n-- \n")[0] == (
        "A group of flags waits for too long\n"
        "\n"
        "  refund, step classify: uncovered, 7 since 2026-11-24 08:00 UTC\n"
        "    2026-11-26 09:30 UTC  http://127.0.0.1:8000/admin/queue/f/\n"
        "\n"
        "\n"
        "2 executions failed\n"
        "\n"
        "  refund 1.0.0: deadline\n"
        "    2026-11-26 09:30 UTC  http://127.0.0.1:8000/admin/executions/execution/e/change/\n"
        "\n"
        "  refund 1.0.0: protocol\n"
        "    2026-11-26 09:30 UTC  http://127.0.0.1:8000/admin/executions/execution/e/change/\n"
        "\n"
        "\n"
        "An execution completed\n"
        "\n"
        "  refund 1.0.0 (trial)\n"
        "    2026-11-26 09:30 UTC  http://127.0.0.1:8000/admin/executions/execution/e/change/"
    )


def test_a_mail_that_is_not_taken_is_sent_again(post):
    post.refuses = True
    endpoint = alice(make_project())
    try_out(endpoint, "alice")
    rounds()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.error) == (
        "waiting",
        "The mail server did not take it (SMTPRecipientsRefused).",
    )
    post.refuses = False
    due_now()
    rounds()
    assert [one["Subject"] for one in post.mails] == ["[alice] This is a test"]
    assert "Notifications reach this address." in post.mails[0].get_content()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error) == ("delivered", "")


def test_without_a_mail_server_it_says_so(post, settings):
    endpoint = alice(make_project())
    settings.EMAIL_CONFIGURED = False
    try_out(endpoint, "alice")
    rounds()
    assert "EMAIL_URL" in Delivery.objects.get().error
