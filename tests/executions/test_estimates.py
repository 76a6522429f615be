"""What a batch is said to cost: from executions that asked the same models, and never with a promise that does not hold."""

from datetime import date

import pytest

from executions.estimates import estimate
from gateway.models import OwnPrice
from projects.models import TierModel
from tests.cast import REFUND, envelope, execute, make_workflow, models_answer

pytestmark = pytest.mark.django_db

DOLLAR = 10**12
INPUTS = [{"message": "refund"}] * 10


@pytest.fixture
def workflow():
    models_answer({"text": envelope({"kind": "refund"}), "input_tokens": 1000, "output_tokens": 100})
    return make_workflow()


def publish_on(workflow, **targets):
    """The same version again, with other models in these tiers."""
    for tier, target in targets.items():
        provider, _, model = target.partition(":")
        TierModel.objects.filter(tier=tier).update(provider=provider, model=model)
    workflow.versions.get().publish("alice")
    workflow.refresh_from_db()


def estimated(workflow):
    return estimate(workflow.live.version, workflow.live, INPUTS)


def test_a_rung_without_a_price_leaves_nothing_to_promise(workflow):
    publish_on(workflow, frontier="scripted:nobody-knows")
    found = estimated(workflow)
    assert (found.expected, found.upper, found.calls) == (None, None, 10)


def test_a_recorded_history_promises_nothing_either_where_a_rung_has_no_price(workflow):
    publish_on(workflow, frontier="scripted:nobody-knows")
    for _ in range(10):
        execute(workflow)
    found = estimated(workflow)
    assert (found.basis, found.expected, found.upper) == ("recorded", None, None)


def test_a_rung_with_an_own_price_is_promised(workflow):
    publish_on(workflow, frontier="scripted:nobody-knows")
    OwnPrice.objects.create(
        project=workflow.project,
        provider="scripted",
        model="nobody-knows",
        valid_from=date(2020, 1, 1),
        input=1,
        output=1,
    )
    assert estimated(workflow).upper == 10 * DOLLAR


def test_a_model_that_cannot_be_reached_needs_no_price(workflow):
    publish_on(workflow, standard="scripted:nobody-knows")
    assert estimated(workflow).upper == 10 * DOLLAR


def test_a_story_says_nothing_of_what_real_models_cost(workflow):
    for _ in range(10):
        execute(workflow)
    assert estimated(workflow).basis == "recorded"
    publish_on(workflow, cheap="anthropic:claude-haiku-5-5", frontier="anthropic:claude-opus-5-5")
    found = estimated(workflow)
    assert (found.basis, found.recorded) == ("assumed", 0)


def test_only_executions_on_the_same_models_count(workflow):
    for _ in range(10):
        execute(workflow)
    publish_on(workflow, cheap="scripted:claude-sonnet-5-5")
    assert (estimated(workflow).basis, estimated(workflow).recorded) == ("assumed", 0)
    publish_on(workflow, cheap="scripted:claude-haiku-5-5")  # as it was
    assert (estimated(workflow).basis, estimated(workflow).recorded) == ("recorded", 10)
    publish_on(workflow, standard="scripted:claude-haiku-5-5")  # which none of its steps asks
    assert (estimated(workflow).basis, estimated(workflow).recorded) == ("recorded", 10)


def test_plain_code_costs_nothing_whatever_the_models_are():
    steps = [{"id": "same", "kind": "code", "code": "def run(input, steps):\n    return input"}]
    plain = {**REFUND, "steps": steps, "edge_cases": [], "result": "steps['same']", "output_schema": None}
    workflow = make_workflow({key: value for key, value in plain.items() if value is not None})
    publish_on(workflow, frontier="scripted:nobody-knows")
    found = estimated(workflow)
    assert (found.expected, found.calls, found.upper) == (0, 0, 10 * DOLLAR)
