"""Summaries at fixed times: sent once for each period, whichever worker dies, by real mail and to a real receiver."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from notifications import checking, delivering
from notifications.models import Delivery, Endpoint
from projects.models import AuditEvent
from reports import sending
from reports.models import Digest
from reports.sending import send_due
from tests.analytics.ledgers import make_answer, make_execution, make_measured_workflow
from tests.cast import make_project, member
from tests.neighbours import client_of
from tests.notifications.conftest import due_now, listen, rounds

pytestmark = pytest.mark.django_db(transaction=True)

JSON = "application/json"


@pytest.fixture
def workflow():
    return make_measured_workflow()


@pytest.fixture
def client(workflow):
    return client_of(workflow.project, "admin")


def make_digest(project, *to: Endpoint, **said) -> Digest:
    digest = Digest(**{"project": project, "every": "day", "hour": 6, "created_by": "alice", **said})
    digest.begin(list(to))
    return digest


def is_due(digest: Digest) -> None:
    Digest.objects.filter(pk=digest.pk).update(due_at=timezone.now() - timedelta(days=3))


def yesterday() -> datetime:
    """Noon of a day that is the latest period at any hour from six on, and before it."""
    day = (datetime.now(UTC) - timedelta(hours=6)).date() - timedelta(days=1)
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def by_mail(project, address: str = "alice@example.com") -> Endpoint:
    return listen(project, None, "summary.due", kind="email", address=address)


def test_a_summary_is_one_mail_with_its_evidence(workflow, post):
    at = yesterday()
    for _ in range(2):
        make_answer(make_execution(workflow, at))
    digest = make_digest(workflow.project, by_mail(workflow.project), workflow=workflow)
    assert send_due() == 0
    is_due(digest)
    assert send_due() == 1
    rounds()
    (one,) = post.mails
    said = "Saved 80.0% of 0.020 USD, n = 2, repriced warm, estimated, unproven."
    assert (one["To"], one["Subject"]) == ("alice@example.com", f"[alice] refund, {at:%Y-%m-%d}: {said}")
    text, html = (part.get_content().replace("\r\n", "\n") for part in one.iter_parts())
    assert text.startswith(f"{said}\n\nrefund, {at:%Y-%m-%d} (UTC)\n")
    assert "  Total cost: 0.004 USD\n  If all frontier: 0.02 USD\n  Savings: 0.016 USD\n" in text
    days = f"since={at:%Y-%m-%d}&until={at + timedelta(days=1):%Y-%m-%d}"
    page = f"http://127.0.0.1:8000/reports/alice/workflows/refund/?{days}"
    assert f"More: {page}\n" in text
    assert f"<h1>{said}</h1>" in html
    assert f'<a href="{page.replace("&", "&amp;")}">' in html
    digest.refresh_from_db()
    assert digest.last_sent_for == at.date()
    assert digest.due_at == datetime(at.year, at.month, at.day, 6, tzinfo=UTC) + timedelta(days=2)
    assert send_due() == 0


def test_days_without_an_execution_say_so(workflow, post):
    digest = make_digest(workflow.project, by_mail(workflow.project), every="month")
    is_due(digest)
    send_due()
    rounds()
    text = next(post.mails[0].iter_parts()).get_content()
    assert text.startswith("Nothing executed in these days: nothing paid, nothing saved.")
    assert "Nothing was executed in these days." in text
    assert "the whole project" in text


def test_a_webhook_is_told_the_summary_as_the_api_shows_it_signed(workflow, client, receiver):
    at = yesterday()
    make_answer(make_execution(workflow, at))
    digest = make_digest(workflow.project, listen(workflow.project, receiver, "summary.due"))
    is_due(digest)
    send_due()
    rounds()
    (heard,) = receiver.heard
    assert heard.verified
    assert heard.payload["type"] == "summary.due"
    data = heard.payload["data"]
    assert (data["digest"], data["every"], data["test"], data["workflow"]) == (str(digest.pk), "day", False, None)
    assert data["since"] == at.date().isoformat()
    costs = client.get("/api/v1/costs" + data["url"].partition("costs")[2] + "&simulated=false").json()
    assert data["summary"] == costs
    assert data["summary"]["execution_cost"] == "0.002"


def test_an_outage_is_followed_by_the_latest_only(workflow, receiver):
    digest = make_digest(workflow.project, listen(workflow.project, receiver, "summary.due"))
    Digest.objects.filter(pk=digest.pk).update(due_at="2026-01-02T06:00:00Z")
    assert [send_due(), send_due()] == [1, 0]
    rounds()
    assert [one.payload["data"]["since"] for one in receiver.heard] == [yesterday().date().isoformat()]


def test_of_two_workers_at_once_one_sends(workflow, receiver):
    digest = make_digest(workflow.project, listen(workflow.project, receiver, "summary.due"))
    is_due(digest)

    def work(_: int) -> int:
        try:
            return send_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 1
    assert Delivery.objects.count() == 1


def test_a_worker_that_dies_before_it_has_sent_leaves_it_in_the_outbox(workflow, post):
    digest = make_digest(workflow.project, by_mail(workflow.project))
    is_due(digest)
    send_due()
    assert len(delivering.claim_all()) == 1  # and its process is gone
    rounds()
    assert post.mails == []
    due_now()  # the lease is over
    rounds()
    assert len(post.mails) == 1
    assert Delivery.objects.get().state == "delivered"


def test_a_worker_that_dies_while_it_takes_it_leaves_it_due(workflow, monkeypatch):
    digest = make_digest(workflow.project, by_mail(workflow.project))
    is_due(digest)
    monkeypatch.setattr(sending, "_deliveries", lambda *_: 1 / 0)
    assert send_due() == 0
    digest.refresh_from_db()
    assert (digest.last_sent_for, Delivery.objects.count()) == (None, 0)
    monkeypatch.undo()
    assert send_due() == 0  # not before ten minutes
    Digest.objects.update(again_at=timezone.now())
    assert send_due() == 1


def test_those_that_cannot_be_made_starve_no_other(workflow, monkeypatch):
    broken = [make_digest(workflow.project, by_mail(workflow.project, f"{n}@example.com")) for n in range(5)]
    good = make_digest(workflow.project, by_mail(workflow.project))
    for digest in broken:
        is_due(digest)
    Digest.objects.filter(pk=good.pk).update(due_at=timezone.now() - timedelta(days=1))
    data_of, bad = sending.data_of, {digest.pk for digest in broken}
    monkeypatch.setattr(sending, "data_of", lambda digest, *more: 1 / 0 if digest.pk in bad else data_of(digest, *more))
    assert [send_due(), send_due()] == [0, 1]


def test_another_hour_sends_no_period_twice_and_leaves_none_out(workflow):
    digest = make_digest(workflow.project, by_mail(workflow.project))
    due = datetime(2026, 12, 1, 6, tzinfo=UTC)
    Digest.objects.filter(pk=digest.pk).update(due_at=due)
    for hour in (22, 4):
        digest.hour = hour
        digest.change("alice")
        digest.refresh_from_db()
        assert digest.due_at == due.replace(hour=hour)


def test_a_clock_that_ran_ahead_silences_nothing(workflow):
    digest = make_digest(workflow.project, by_mail(workflow.project))
    was = digest.due_at
    Digest.objects.filter(pk=digest.pk).update(due_at="2036-12-01T06:00:00Z")
    assert send_due() == 0
    digest.refresh_from_db()
    assert digest.due_at == was


def test_where_nobody_listens_nothing_was_sent(workflow):
    endpoint = by_mail(workflow.project)
    digest = make_digest(workflow.project, endpoint)
    Endpoint.objects.filter(pk=endpoint.pk).update(enabled=False)
    is_due(digest)
    assert [send_due(), send_due()] == [0, 0]
    digest.refresh_from_db()
    assert digest.last_sent_for is None
    assert digest.due_at > timezone.now()


def test_a_test_is_sent_once_a_minute(workflow):
    digest = make_digest(workflow.project, by_mail(workflow.project))
    client = client_of(workflow.project, "admin")
    path = f"/api/v1/digests/{digest.pk}/test"
    assert [client.post(path, {}, JSON).status_code for _ in range(2)] == [202, 409]
    Digest.objects.update(tested_at=timezone.now() - timedelta(minutes=1))
    assert client.post(path, {}, JSON).status_code == 202


def test_who_is_sent_it_is_in_the_audit(workflow):
    first, second = by_mail(workflow.project), by_mail(workflow.project, "bob@example.com")
    digest = make_digest(workflow.project, first)
    digest.change("alice", [second])
    told = AuditEvent.objects.filter(verb="changed").latest("at").detail["changes"]
    assert told == {"emails": {"before": [str(first.pk)], "after": [str(second.pk)]}}


def test_one_mailbox_is_one_endpoint_and_a_disabled_one_is_named(workflow, post):
    client = client_of(workflow.project, "admin")
    body = {"every": "day", "emails": ["Alice@example.com", "alice@EXAMPLE.com"]}
    assert client.post("/api/v1/digests", body, JSON).json()["emails"] == ["alice@EXAMPLE.com"]
    Endpoint.objects.update(enabled=False)
    refused = client.post("/api/v1/digests", {"every": "day", "emails": ["alice@example.com"]}, JSON)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/emails/0")


def test_where_there_is_no_room_for_an_address_it_is_said(workflow, post, monkeypatch):
    monkeypatch.setattr(checking, "MAX_ENDPOINTS", 0)
    client = client_of(workflow.project, "admin")
    refused = client.post("/api/v1/digests", {"every": "day", "emails": ["alice@example.com"]}, JSON)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/emails")


def test_one_mail_is_sent_again_where_the_server_did_not_take_it_and_no_other(workflow, post):
    digest = make_digest(workflow.project, by_mail(workflow.project), by_mail(workflow.project, "bob@example.com"))
    is_due(digest)
    post.refuses = True
    send_due()
    rounds()
    post.refuses = False
    due_now()
    rounds()
    assert sorted(one["To"] for one in post.mails) == ["alice@example.com", "bob@example.com"]
    assert post.mails[0]["Message-ID"].strip().startswith(f"<{digest.pk}.{yesterday():%Y-%m-%d}.")


# Through the API.


def test_a_digest_is_made_changed_and_taken_away(workflow, client, post):
    body = {"workflow": "refund", "every": "week", "hour": 7, "emails": ["alice@example.com", "bob@example.com"]}
    answers = [client.post("/api/v1/digests", body, JSON, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    made = answers[0].json()
    assert (made["workflow"], made["every"], made["hour"], made["enabled"]) == ("refund", "week", 7, True)
    assert (made["emails"], made["endpoint"]) == (["alice@example.com", "bob@example.com"], None)
    assert datetime.fromisoformat(made["due_at"]).weekday() == 0
    assert datetime.fromisoformat(made["due_at"]).hour == 7
    assert datetime.fromisoformat(made["due_at"]) > timezone.now()
    assert Digest.objects.count() == 1
    assert set(Endpoint.objects.values_list("kind", flat=True)) == {"email"}
    path = f"/api/v1/digests/{made['id']}"
    changed = client.patch(path, {"every": "day", "emails": ["bob@example.com"], "enabled": False}, JSON).json()
    assert (changed["every"], changed["emails"], changed["due_at"]) == ("day", ["bob@example.com"], None)
    assert Endpoint.objects.count() == 2  # they have their deliveries, and stay
    assert client.get("/api/v1/digests").json()["results"] == [changed]
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    told = AuditEvent.objects.filter(kind="digest").order_by("pk")
    assert [event.verb for event in told] == ["created", "changed", "deleted"]
    assert "alice@example.com" not in json.dumps([event.detail for event in told])


def test_a_test_is_sent_now_and_says_that_it_is_one(workflow, client, post):
    made = client.post("/api/v1/digests", {"every": "day", "emails": ["alice@example.com"]}, JSON).json()
    answer = client.post(f"/api/v1/digests/{made['id']}/test", {}, JSON)
    assert (answer.status_code, len(answer.json()["deliveries"])) == (202, 1)
    rounds()
    assert "Test: the whole project" in post.mails[0]["Subject"]
    assert "This is a test" in next(post.mails[0].iter_parts()).get_content()
    assert client.get(f"/api/v1/digests/{made['id']}").json()["last_sent_for"] is None
    Endpoint.objects.update(enabled=False)
    assert client.post(f"/api/v1/digests/{made['id']}/test", {}, JSON).status_code == 409


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"emails": []}, "/emails"),
        ({"emails": ["alice@example.com\r\nBcc: eve@evil.example"]}, "/emails/0"),
        ({"emails": ["alice@example.com, eve@evil.example"]}, "/emails/0"),
        ({"emails": ["Alice <alice@example.com>"]}, "/emails/0"),
        ({"emails": ["a@example.com", "nobody"]}, "/emails/1"),
        ({"emails": [f"a{number}@example.com" for number in range(21)]}, "/emails"),
        ({"endpoint": "0190a000-0000-7000-8000-000000000000"}, "/endpoint"),
        ({"endpoint": "no id"}, "/endpoint"),
        ({"emails": ["a@example.com"], "hour": 24}, "/hour"),
        ({"emails": ["a@example.com"], "every": "year"}, "/every"),
    ],
)
def test_what_is_no_recipient_is_refused_and_makes_nothing(said, pointer, client, post):
    answer = client.post("/api/v1/digests", {"every": "day", **said}, JSON)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert not Endpoint.objects.exists()


def test_a_webhook_has_to_want_summaries(workflow, client):
    endpoint = listen(workflow.project, None, "flag.waiting")
    answer = client.post("/api/v1/digests", {"every": "day", "endpoint": str(endpoint.pk)}, JSON)
    assert answer.json()["detail"] == "This webhook is not told of summary.due: add that to its events."


def test_without_a_mail_server_it_says_so(client):
    answer = client.post("/api/v1/digests", {"every": "day", "emails": ["alice@example.com"]}, JSON)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "No mail server is configured: the operator sets EMAIL_URL and EMAIL_FROM."


def test_a_project_has_a_bounded_number_of_them(workflow, client, post):
    for _ in range(20):
        make_digest(workflow.project)
    answer = client.post("/api/v1/digests", {"every": "day", "emails": ["alice@example.com"]}, JSON)
    assert (answer.status_code, Endpoint.objects.count()) == (409, 0)


def test_a_hostile_name_is_one_line_of_a_subject_and_no_markup(workflow, post):
    workflow.name = "x\r\nBcc: eve@evil.example <script>"
    workflow.save()
    digest = make_digest(workflow.project, by_mail(workflow.project), workflow=workflow)
    is_due(digest)
    send_due()
    rounds()
    (one,) = post.mails
    assert (one["Bcc"], one["Subject"].startswith("[alice] x Bcc: eve@evil.example <script>")) == (None, True)
    assert "<script>" not in list(one.iter_parts())[1].get_content()


# In the admin.


def test_an_owner_makes_and_changes_one_in_the_admin(workflow, post):
    client = member(workflow.project, "owner")
    said = {"project": workflow.project.pk, "every": "month", "hour": "6", "enabled": "on"}
    refused = client.post("/admin/reports/digest/add/", {**said, "emails": "alice@example.com\nnobody"})
    assert "Write one address" in refused.content.decode()
    assert client.post("/admin/reports/digest/add/", {**said, "emails": "alice@example.com"}).status_code == 302
    digest = Digest.objects.get()
    assert (digest.emails(), digest.created_by, digest.every) == (["alice@example.com"], "user:rosa", "month")
    page = f"/admin/reports/digest/{digest.pk}/change/"
    assert "alice@example.com" in client.get(page).content.decode()
    client.post(page, {"every": "day", "hour": "6", "emails": "bob@example.com"})
    digest.refresh_from_db()
    assert (digest.emails(), digest.enabled) == (["bob@example.com"], False)
    assert member(make_project("bob"), "owner", "mallory").get(page).status_code == 302
    assert member(workflow.project, "viewer", "eve").get(page).status_code in (302, 403)
