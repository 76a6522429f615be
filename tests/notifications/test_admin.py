"""Endpoints in the admin: a person makes one, is shown its secret once, and sees what became of what it was told."""

import re
import time

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notifications.models import Delivery, Endpoint, Secret
from tests.cast import make_project, make_workflow

from .conftest import listen, rounds

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = "/admin/notifications"


@pytest.fixture
def operator():
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("olga", password="a long password"))
    return client


def form(project, **said) -> dict:
    fields = {
        "project": project.pk,
        "kind": "webhook",
        "address": "https://93.184.215.14/hooks",
        "hours": "24",
        "enabled": "on",
    }
    return {**fields, "events": ["execution.failed"], **said}


def text(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_one_that_is_made_shows_its_secret_on_the_answer_and_nowhere_else(operator):
    answer = operator.post(f"{PAGES}/endpoint/add/", form(make_project()))
    endpoint, secret = Endpoint.objects.get(), Secret.objects.get().text
    assert (answer.status_code, "no-store" in answer["Cache-Control"]) == (200, True)
    assert text(answer).count(secret) == 1
    assert (endpoint.created_by, endpoint.events, endpoint.enabled) == ("user:olga", ["execution.failed"], True)
    for page in ("", f"{endpoint.pk}/change/", f"{endpoint.pk}/history/", f"{endpoint.pk}/secret/"):
        assert secret not in text(operator.get(f"{PAGES}/endpoint/{page}"))
    assert not any(secret in cookie.value for cookie in operator.cookies.values())


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"address": "https://10.0.0.1/"}, "Nothing is sent to an address of a private network"),
        ({"address": "http://hooks.example.com/"}, "would travel unencrypted"),
        ({"kind": "email", "address": "alice@example.com"}, "No mail server is configured"),
        ({"events": []}, "This field is required."),
        ({"events": ["everything"]}, "Select a valid choice"),
        ({"hours": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_said_on_the_form(operator, said, complaint):
    answer = operator.post(f"{PAGES}/endpoint/add/", form(make_project(), **said))
    assert complaint in text(answer)
    assert not Endpoint.objects.exists()


def test_a_workflow_of_another_project_is_none_of_it(operator):
    foreign = make_workflow(project=make_project("bob"))
    answer = operator.post(f"{PAGES}/endpoint/add/", form(make_project(), workflow=foreign.pk))
    assert "This workflow belongs to another project." in text(answer)


def test_it_is_disabled_and_enabled_and_stays_of_its_project(operator):
    endpoint = listen(make_project())
    path, other = f"{PAGES}/endpoint/{endpoint.pk}/change/", make_project("bob")
    said = form(other, address="https://93.184.215.14/b", events=["flag.waiting"])
    del said["enabled"]
    assert operator.post(path, {**said, "kind": "email"}).status_code == 302
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.address, endpoint.events) == (False, "https://93.184.215.14/b", ["flag.waiting"])
    assert (endpoint.project.name, endpoint.kind) == ("alice", "webhook")
    Endpoint.objects.update(disabled_because="It answered 410 Gone.")
    assert "It answered 410 Gone." in text(operator.get(f"{PAGES}/endpoint/"))
    operator.post(path, {**said, "enabled": "on"})
    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_because) == (True, "")


def test_its_secret_is_rotated(operator):
    endpoint = listen(make_project())
    path = f"{PAGES}/endpoint/{endpoint.pk}/secret/"
    assert Secret.objects.count() == 1
    assert "Rotate the secret" in text(operator.get(path))
    assert Secret.objects.count() == 1
    assert "less than or equal to 168" in text(operator.post(path, {"keep_hours": "1000"}))
    answer = operator.post(path, {"keep_hours": "0"})
    assert Secret.objects.get().text in text(answer)
    assert "no-store" in answer["Cache-Control"]


def test_a_test_is_sent_and_leads_to_what_came_of_it(operator, receiver):
    endpoint = listen(make_project(), receiver)
    assert not Delivery.objects.exists()
    assert "Send a test" in text(operator.get(f"{PAGES}/endpoint/{endpoint.pk}/test/"))
    assert not Delivery.objects.exists()
    answer = operator.post(f"{PAGES}/endpoint/{endpoint.pk}/test/")
    receiver.answers = [503]
    rounds()
    page = text(operator.get(answer["Location"]))
    assert "It answered 503." in page
    assert "endpoint.test" in page
    endpoint.change("alice", enabled=False)
    assert "enable it first" in text(operator.get(f"{PAGES}/endpoint/{endpoint.pk}/test/"))
    operator.post(f"{PAGES}/endpoint/{endpoint.pk}/test/")
    assert Delivery.objects.count() == 1


def test_what_failed_is_sent_again_by_whoever_may(operator, receiver):
    endpoint = listen(make_project(), receiver)
    failed = Delivery.objects.create(endpoint=endpoint, type="endpoint.test", body="{}", state="failed", attempts=10)
    chosen = {"action": "send_again", "_selected_action": [str(failed.pk)]}
    viewer = Client()
    account = get_user_model().objects.create_user("vera", is_staff=True)
    account.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    viewer.force_login(account)
    viewer.post(f"{PAGES}/delivery/", chosen)
    failed.refresh_from_db()
    assert failed.state == "failed"
    assert "1 on the way." in text(operator.post(f"{PAGES}/delivery/", chosen, follow=True))
    rounds()
    failed.refresh_from_db()
    assert (failed.state, [one.id for one in receiver.heard]) == ("delivered", [str(failed.pk)])
    endpoint.change("alice", enabled=False)
    assert "1 not: the endpoint is disabled." in text(operator.post(f"{PAGES}/delivery/", chosen, follow=True))


def test_the_list_of_deliveries_counts_no_further_than_anybody_turns_pages(operator, monkeypatch):
    monkeypatch.setattr("notifications.admin.Bounded.MOST", 150)
    endpoint = listen(make_project())
    Delivery.objects.bulk_create(
        Delivery(endpoint=endpoint, type="endpoint.test", body='{"n": 1}', state="delivered") for _ in range(300)
    )
    with CaptureQueriesContext(connection) as queries:
        page = text(operator.get(f"{PAGES}/delivery/"))
    told = [query["sql"] for query in queries if "COUNT(" in query["sql"]]
    counts = [sql for sql in told if "notifications_delivery" in sql]
    assert counts
    assert all("LIMIT 150" in sql for sql in counts)
    assert "150 deliveries" in page
    for filters in (
        f"?endpoint__id__exact={endpoint.pk}",
        "?state__exact=failed",
        f"?q={Delivery.objects.first().pk}",
        "?q=x",
    ):
        began = time.monotonic()
        assert operator.get(f"{PAGES}/delivery/{filters}").status_code == 200
        assert time.monotonic() - began < 5


def test_the_list_says_which_endpoints_nobody_disabled(operator):
    project = make_project()
    listen(project)
    assert "Disabled because nothing arrives there" not in text(operator.get(f"{PAGES}/endpoint/"))
    Endpoint.objects.update(enabled=False, disabled_because="It took nothing since 2026-01-01 09:00 UTC.")
    page = text(operator.get(f"{PAGES}/endpoint/"))
    assert "Disabled because nothing arrives there: 1. Mend the receiver, then enable its endpoint again." in page
    assert "It took nothing since 2026-01-01 09:00 UTC." in page
