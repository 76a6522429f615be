"""What was told long ago is forgotten, a batch at a time, and nothing else is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifications import delivering, outbox
from notifications.models import Delivery, Secret
from tests.cast import make_project

from .conftest import listen

pytestmark = pytest.mark.django_db


def told(endpoint, days: float, state: str = "delivered") -> Delivery:
    at = timezone.now() - timedelta(days=days)
    return Delivery.objects.create(endpoint=endpoint, type="endpoint.test", body="{}", state=state, created_at=at)


def test_what_was_told_is_kept_for_thirty_days():
    endpoint = listen(make_project())
    told(endpoint, 31)
    told(endpoint, 30.1, "failed")
    young = told(endpoint, 29.9)
    outbox.forget_the_old_ones()
    assert list(Delivery.objects.all()) == [young]


def test_a_batch_goes_at_a_time(monkeypatch):
    monkeypatch.setattr(outbox, "FORGOTTEN_AT_ONCE", 2)
    endpoint = listen(make_project())
    for _ in range(3):
        told(endpoint, 40)
    outbox.forget_the_old_ones()
    assert Delivery.objects.count() == 1


def test_secrets_that_sign_no_longer_go():
    endpoint = listen(make_project())
    endpoint.rotate("alice")
    Secret.objects.exclude(expires_at=None).update(expires_at=timezone.now() - timedelta(seconds=1))
    outbox.forget_the_old_ones()
    assert Secret.objects.get().expires_at is None


def test_what_waits_for_an_endpoint_that_is_disabled_is_given_up_and_for_no_other():
    off, on = listen(make_project()), listen(make_project("bob"))
    waits, stays = told(off, 0, "waiting"), told(on, 0, "waiting")
    done = told(off, 0)
    off.change("alice", enabled=False)
    delivering.give_up()
    for each in (waits, stays, done):
        each.refresh_from_db()
    assert (waits.state, waits.error) == ("failed", "Its endpoint was disabled.")
    assert (stays.state, done.state, done.error) == ("waiting", "delivered", "")
