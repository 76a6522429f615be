"""What a load balancer asks."""

from datetime import timedelta

import pytest
from django.utils import timezone

from executions.models import Worker

pytestmark = pytest.mark.django_db


def test_a_process_that_answers_is_alive(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_with_a_worker_it_is_ready(client):
    Worker.objects.create(name="here")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ready", "database": "ok", "broker": "ok", "worker": "ok"},
    )


@pytest.mark.parametrize("gone", [{"ended_at": timezone.now()}, {"seen_at": timezone.now() - timedelta(minutes=1)}])
def test_without_a_living_worker_it_is_not(client, gone):
    Worker.objects.create(name="gone", **gone)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["worker"], answer.headers["Retry-After"]) == (503, "unavailable", "5")
