"""`manage.py search_tiers`, with a worker beside it."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from evaluations import tier_search
from evaluations.models import TierSearch
from evaluations.tier_search import Wanted
from executions.working import working
from projects.models import AuditEvent
from service.duties import DUTIES
from tests.cast import make_workflow, models_answer
from tests.evaluations.evaluated import add_messages
from tests.evaluations.test_tier_search import CHEAP, ON_FRONTIER, RIGHT, STANDARD, wrong


def search(**options):
    out, said = StringIO(), StringIO()
    try:
        call_command("search_tiers", "refund", stdout=out, stderr=said, **{"project": "alice", **options})
    finally:
        search.out, search.said = out.getvalue(), said.getvalue()


@pytest.mark.django_db(transaction=True)
def test_workers_do_it_and_the_command_tells():
    workflow = make_workflow(ON_FRONTIER)
    models_answer(wrong(CHEAP), RIGHT)
    add_messages(workflow, 30)
    with working(DUTIES):
        search(models=["classify=cheap,standard"])
    assert "2 evaluations or more, 90 executions; expected cost" in search.said
    assert "Step classify (simulated), cheapest right answer first" in search.out
    assert "20 of 30" in search.out
    assert "passes (chosen)" in search.out
    assert "The draft 1.1.0 has them" in search.out.replace("\n", " ")
    found = TierSearch.objects.get()
    assert (found.created_by, found.chosen) == ("command:search_tiers", {"classify": STANDARD})
    assert AuditEvent.objects.get(kind="tier_search").actor == "command:search_tiers"


@pytest.mark.django_db
def test_an_estimate_begins_nothing():
    add_messages(make_workflow(ON_FRONTIER), 2)
    search(estimate=True)
    assert "2 evaluations or more, 6 executions; expected cost" in search.said
    assert not TierSearch.objects.exists()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"status": "cancelled", "said": "It was cancelled."}, "It was cancelled."),
        ({"status": "waiting"}, "Its budget has no room"),
        ({"status": "completed", "passed": False, "said": "No."}, "does not pass against the frontier"),
        ({"status": "completed", "passed": None, "said": "The frontier broke."}, "nothing is chosen"),
    ],
)
@pytest.mark.django_db
def test_one_that_has_ended_is_shown_again(state, said):
    workflow = make_workflow(ON_FRONTIER)
    add_messages(workflow, 1)
    begun = tier_search.begin(tier_search.examine(Wanted(workflow.live.version), "alice"))
    TierSearch.objects.update(**state)
    with pytest.raises(CommandError, match=said):
        search(follow=begun.pk, json=True)
    assert json.loads(search.out)["id"] == str(begun.pk)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"project": "nobody"}, "There is no project 'nobody'"),
        ({"workflow_version": "9.9.9"}, "has no version '9.9.9'"),
        ({"models": ["classify"]}, "write STEP=MODEL"),
        ({"models": ["nothing=cheap"]}, "There is no model step 'nothing'"),
        ({"budget": "much"}, "an amount in USD"),
        ({}, "no confirmed cases"),
    ],
)
@pytest.mark.django_db
def test_what_is_wrong_is_a_sentence(options, said):
    make_workflow(ON_FRONTIER)
    with pytest.raises(CommandError, match=said):
        search(**options)
