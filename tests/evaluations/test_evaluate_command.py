"""`manage.py evaluate`, with a worker beside it."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from evaluations import asking
from evaluations.asking import Asked
from evaluations.models import Evaluation
from executions.working import working
from service.duties import DUTIES
from tests.cast import envelope, make_workflow, models_answer
from tests.evaluations.evaluated import add_messages

RIGHT = {"user": "refund", "text": envelope({"kind": "refund"})}
WRONG_SWAP = {"model": "claude-haiku-5-5", "text": envelope({"kind": "other"})}


def evaluate(**options):
    out, said = StringIO(), StringIO()
    options = {"project": "alice", **options}
    try:
        call_command("evaluate", "refund", stdout=out, stderr=said, **options)
    finally:
        evaluate.out, evaluate.said = out.getvalue(), said.getvalue()


@pytest.mark.django_db(transaction=True)
def test_workers_do_it_and_the_command_tells():
    workflow = make_workflow()
    models_answer(RIGHT)
    add_messages(workflow, 25)
    with working(DUTIES):
        evaluate()
    assert "50 executions over 25 cases" in evaluate.said
    assert "25 of 25" in evaluate.out
    assert "Passed." in evaluate.out
    assert "(simulated)" in evaluate.out


@pytest.mark.django_db(transaction=True)
def test_a_refused_one_exits_with_its_reason():
    workflow = make_workflow()
    models_answer(WRONG_SWAP, RIGHT)
    add_messages(workflow, 5)
    with working(DUTIES), pytest.raises(CommandError) as refused:
        evaluate()
    assert refused.value.returncode == 3
    assert "It is right in 0 of 5 cases, the frontier in 5" in evaluate.out
    assert "Not right: 5" in evaluate.out


@pytest.mark.django_db
def test_an_estimate_begins_nothing():
    workflow = make_workflow()
    add_messages(workflow, 2)
    evaluate(estimate=True, against="nothing")
    assert "2 executions over 2 cases" in evaluate.said
    assert not Evaluation.objects.exists()


@pytest.mark.django_db
def test_one_that_has_ended_is_shown_again():
    workflow = make_workflow()
    add_messages(workflow, 1)
    begun = asking.begin(asking.examine(Asked(workflow.live.version, against="nothing"), "alice"))
    Evaluation.objects.filter(pk=begun.pk).update(status="cancelled")
    with pytest.raises(CommandError, match="cancelled"):
        evaluate(follow=begun.pk, json=True)
    assert json.loads(evaluate.out)["id"] == str(begun.pk)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"project": "nobody"}, "There is no project 'nobody'"),
        ({"workflow_version": "9.9.9"}, "has no version '9.9.9'"),
        ({"model": ["classify"]}, "write NAME=PROVIDER:MODEL"),
        ({"budget": "much"}, "an amount in USD"),
        ({}, "no confirmed cases"),
    ],
)
@pytest.mark.django_db
def test_what_is_wrong_is_a_sentence(options, said):
    make_workflow()
    with pytest.raises(CommandError, match=said):
        evaluate(**options)
