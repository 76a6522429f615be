"""The figures on the page of a workflow: what it did, cost and saved in the last thirty days."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from tests.cast import envelope, execute, make_workflow, models_answer

pytestmark = pytest.mark.django_db


def test_they_are_those_of_its_last_thirty_days():
    models_answer(
        {"user": "moon", "text": envelope(status="uncovered", uncovered="The moon.")},
        {"text": envelope({"kind": "refund"})},
    )
    workflow = make_workflow()
    workflow.baselines.create(
        method="declared", cost_per_execution=10**12, valid_from=workflow.created_at, stated_by="rosa"
    )
    for message in ("a refund", "a refund, please", "the moon"):
        execute(workflow, message)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("rosa"))
    page = client.get(f"/admin/workflows/workflow/{workflow.pk}/change/").content.decode()
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))
    assert "The last 30 days" in said
    assert "2 executions completed. It saved 2.00 USD (100%), against 2.00 USD: what a person declared" in said
    assert "Accepted 3 Completed 2 Failed, or stands for a person 1" in said
    assert "33.3 % of these two" in said
    assert "Open flags 1" in said
    assert "simulated scripted models answered" in said
