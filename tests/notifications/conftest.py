"""Alice's endpoint, and a receiver of hers on the loopback interface, which only these tests allow."""

import ipaddress
import time

import pytest

from notifications import delivering, history
from notifications.models import Delivery, Endpoint, Type
from tests.receiver import Receiver


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings):
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]


@pytest.fixture(autouse=True)
def nothing_is_in_flight():
    yield
    until = time.monotonic() + 30
    while delivering._in_flight and time.monotonic() < until:
        time.sleep(0.01)
    delivering._ended.clear()


@pytest.fixture
def receiver():
    with Receiver() as one:
        yield one


def listen(project, receiver=None, *events, **said) -> Endpoint:
    """An endpoint, told of everything unless said otherwise; the receiver has its secret."""
    address = receiver.url if receiver else "https://hooks.example/one"
    fields = {"kind": "webhook", "address": address, "events": list(events) or list(Type.values), **said}
    endpoint = Endpoint(project=project, created_by="test", **fields)
    secret = endpoint.begin()
    if receiver and secret:
        receiver.secret = secret.text
    return endpoint


def rounds(until=lambda: not Delivery.objects.due().exists(), seconds=20.0) -> None:
    """Rounds of the housekeeping, until everything that is due was tried and nothing is in flight, or as said."""
    history.collect()
    end = time.monotonic() + seconds
    while True:
        delivering.deliver()
        if not delivering._in_flight and not delivering._ended and until():
            return
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


def due_now() -> None:
    """As if the time until the next try had passed."""
    Delivery.objects.filter(state="waiting").update(due_at="2026-01-01T00:00:00Z")
