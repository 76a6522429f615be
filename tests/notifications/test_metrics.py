"""What `/metrics` says of telling: counts of deliveries and endpoints, and nothing of what they say or where they are."""

from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from notifications.metrics import telling
from notifications.models import TEST, Delivery, Endpoint
from tests.cast import make_project
from wire.metrics import Remembered, exposition

from .conftest import listen

pytestmark = pytest.mark.django_db


def samples(rf) -> dict[tuple[str, ...], float]:
    text = exposition(Remembered(telling, 0))(rf.get("/metrics")).content.decode()
    assert "example" not in text
    found = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(name.removeprefix("workflow_memory_"), *labels.values()): value for name, labels, value, *_ in found}


def test_where_nobody_is_told_everything_is_there_and_none(rf):
    assert set(samples(rf).values()) == {0.0}
    assert len(samples(rf)) == 9


def test_what_waits_and_what_failed_is_counted_and_how_late_the_first_one_is(rf):
    endpoint = listen(make_project())
    late = timezone.now() - timedelta(seconds=90)
    for state, due_at in (("waiting", late), ("waiting", timezone.now()), ("failed", late), ("delivered", late)):
        Delivery.objects.create(endpoint=endpoint, type=TEST, body="{}", state=state, due_at=due_at)
    found = samples(rf)
    assert (found["deliveries", "waiting"], found["deliveries", "failed"]) == (2, 1)
    assert 90 <= found["oldest_due_delivery_seconds",] < 120


def test_endpoints_are_counted_by_how_they_do(rf):
    project = make_project()
    listen(project)
    listen(project, kind="email", address="support@example.com")
    for fields in (
        {"failing_since": timezone.now()},
        {"enabled": False},
        {"enabled": False, "deleted_at": timezone.now()},
    ):
        Endpoint.objects.filter(pk=listen(project).pk).update(**fields)
    found = {labels[1:]: n for labels, n in samples(rf).items() if labels[0] == "endpoints" and n}
    assert found == {
        ("webhook", "well"): 1,
        ("email", "well"): 1,
        ("webhook", "failing"): 1,
        ("webhook", "disabled"): 1,
    }
