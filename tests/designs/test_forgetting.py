"""Texts of designs go when their project says so; what a design cost, and what came of it, stays."""

from datetime import timedelta

import pytest
from django.utils import timezone

from designs.forgetting import forget_the_old
from designs.models import Design
from gateway.models import Call, Payload
from tests.cast import make_project, models_answer
from tests.designs.designed import design, design_answer

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_old_is_forgotten_and_what_it_cost_is_not():
    project = make_project()
    project.retention_days = 30
    project.save()
    models_answer({"text": design_answer()})
    found = design(project, examples=[{"input": {"message": "mine"}}])
    forget_the_old()
    found.refresh_from_db()
    assert found.purged_at is None
    Design.objects.update(finished_at=timezone.now() - timedelta(days=31))
    cost = Call.objects.get().cost
    forget_the_old()
    found.refresh_from_db()
    assert (found.brief, found.examples, found.answer, found.rounds.get().answer) == ({}, [], None, "")
    assert not Payload.objects.exists()
    assert Call.objects.get().cost == cost
    assert found.draft.design_context["task"].startswith("Say of each")


def test_a_project_that_keeps_everything_does():
    models_answer({"text": design_answer()})
    found = design(make_project())
    Design.objects.update(finished_at=timezone.now() - timedelta(days=3000))
    forget_the_old()
    found.refresh_from_db()
    assert found.brief and found.purged_at is None
