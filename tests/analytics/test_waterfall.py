"""The waterfall: what each lever took off, literally, what eats of it, and that nothing is left over, to the pico-dollar."""

from datetime import timedelta
from random import Random

import pytest

from analytics.baselines import Method
from analytics.extent import Extent
from analytics.ledger import Ledger
from analytics.models import AnswerCell
from analytics.reconcile import checks
from analytics.representation import represent_waterfall
from analytics.rollups import fold, fold_batch
from analytics.waterfall import rest, waterfall
from executions.models import Execution
from gateway.types import Purpose, Usage
from projects.models import Project
from tests.cast import REFUND, make_project
from workflows.models import Examined, Workflow

from .histories import History
from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    REAL,
    SHORT,
    make_answer,
    make_call,
    make_doubted_call,
    make_execution,
    make_measured_workflow,
    state_baseline,
)
from .shadowings import make_shadowed
from .test_api import client_of

pytestmark = pytest.mark.django_db

A_DAY = timedelta(days=1)
CACHED = Usage(
    input=1_000, cache_read=10_000, output=200
)  # Haiku 4.5: 0.003 USD, cold 0.012; Opus 4.5: 0.015, cold 0.06
WITH_A_RULE = {
    **REFUND,
    "steps": [
        REFUND["steps"][0],
        {"id": "classify", "kind": "code", "code": "def run(input, steps):\n    return {'kind': 'refund'}"},
    ],
}


@pytest.fixture
def workflow():
    return make_measured_workflow()


def falls(
    workflow: Workflow | None, method: str = "repriced_warm", *, project: Project | None = None, **extent
) -> dict:
    """As the API shows it, the parts by name; asked of what is pending, of what is folded, and of the ledger itself."""
    about = Extent(project or workflow.project, workflow, **{"simulated": False, **extent})
    pending = represent_waterfall(waterfall(about, Method(method)))
    while fold():
        pass
    assert represent_waterfall(waterfall(about, Method(method))) == pending
    assert represent_waterfall(waterfall(about, Method(method), Ledger)) == pending
    return {**pending, "parts": {one["part"]: one["amount"] for one in pending["parts"]}}


def parts(found: dict) -> dict[str, str]:
    """Those that are not zero."""
    return {name: amount for name, amount in found["parts"].items() if amount not in ("0.00", None)}


def test_a_cheaper_model_and_its_cache_under_a_warm_baseline(workflow):
    make_answer(make_execution(workflow), HAIKU, CACHED)
    found = falls(workflow)
    assert (found["if_all_frontier"], found["total_cost"], found["complete"]) == ("0.015", "0.003", True)
    # The frontier's cache would have saved 0.045 itself, ours saved 0.009.
    assert parts(found) == {"tier": "0.048", "cache": "-0.036"}


def test_a_cheaper_model_and_its_cache_under_a_cold_baseline(workflow):
    make_answer(make_execution(workflow), HAIKU, CACHED)
    found = falls(workflow, "repriced_cold")
    assert (found["if_all_frontier"], found["total_cost"]) == ("0.06", "0.003")
    assert parts(found) == {"tier": "0.048", "cache": "0.009"}


def test_a_batch_is_a_lever_of_its_own(workflow):
    make_answer(make_execution(workflow), HAIKU, SHORT, batch=True)
    found = falls(workflow)
    assert (found["if_all_frontier"], found["total_cost"]) == ("0.01", "0.001")
    assert parts(found) == {"tier": "0.008", "batch": "0.001"}


def test_the_cache_of_a_batch_counts_at_the_standard_price(workflow):
    make_answer(make_execution(workflow), HAIKU, CACHED, batch=True)
    found = falls(workflow, "repriced_cold")
    assert parts(found) == {"tier": "0.048", "cache": "0.009", "batch": "0.0015"}
    assert found["total_cost"] == "0.0015"


def test_an_answer_of_the_frontier_is_zero_in_every_lever(workflow):
    make_answer(make_execution(workflow), OPUS, CACHED, answered_by=Execution.Resolver.FRONTIER)
    for method in ("repriced_warm", "repriced_cold"):
        found = falls(workflow, method)
        assert (found["if_all_frontier"], found["total_cost"], parts(found)) == ("0.015", "0.015", {})


def test_what_eats_of_it_stands_below_the_levers():
    workflow = make_measured_workflow(design_cost="0.10")
    execution = make_execution(workflow)
    make_answer(execution)
    make_call(execution, HAIKU, SHORT, purpose=Purpose.REPAIR)
    make_call(execution, HAIKU, SHORT, purpose=Purpose.EVALUATION)
    make_call(execution, OPUS, SHORT, purpose=Purpose.SHADOW)
    make_doubted_call(execution, upper_bound=7_000_000_000)
    found = falls(workflow)
    assert list(found["parts"].items()) == [
        ("fewer_calls", None),
        ("code", None),
        ("tier", "0.008"),
        ("cache", "0.00"),
        ("batch", "0.00"),
        ("unused_calls", "-0.002"),
        ("in_doubt", "-0.007"),
        ("design", "-0.10"),
        ("evaluation", "-0.002"),
        ("shadow", "-0.01"),
    ]
    assert (found["if_all_frontier"], found["total_cost"], found["complete"]) == ("0.01", "0.123", True)


def test_calls_that_a_measured_baseline_has_more_of_are_the_first_lever(workflow):
    make_shadowed(workflow, ["0.03"] * 30)
    found = falls(workflow, "measured")
    assert (found["if_all_frontier"], found["total_cost"], found["baseline"]["n"]) == ("0.90", "0.06", 30)
    assert parts(found) == {"fewer_calls": "0.60", "tier": "0.24"}


def test_a_declared_baseline_may_have_fewer_calls_than_we_made(workflow):
    state_baseline(workflow, "declared", cost="0.004", at=NOON)
    make_answer(make_execution(workflow))
    found = falls(workflow, "declared")
    assert parts(found) == {"fewer_calls": "-0.006", "tier": "0.008"}
    assert (found["if_all_frontier"], found["total_cost"]) == ("0.004", "0.002")


def test_a_step_that_became_code_is_taken_out_of_fewer_calls(workflow):
    """Two executions asked a model for it, worth 0.01 each all-frontier; the three since then needed none."""
    state_baseline(workflow, "declared", cost="0.05", at=NOON)
    for _ in range(2):
        make_answer(make_execution(workflow))
    later = workflow.draft(Examined.of(WITH_A_RULE, workflow.project), "2.0.0", created_by="alice")
    later.publish("alice")
    workflow.refresh_from_db()
    for _ in range(3):
        make_execution(workflow, NOON + A_DAY, version=later, publication=workflow.live)
    found = falls(workflow, "declared")
    assert (found["if_all_frontier"], found["total_cost"]) == ("0.25", "0.004")
    assert parts(found) == {"fewer_calls": "0.20", "code": "0.03", "tier": "0.016"}
    since = falls(workflow, "declared", since=(NOON + A_DAY).date())
    assert parts(since) == {"fewer_calls": "0.12", "code": "0.03"}
    state_baseline(workflow, "declared", cost="0.05", model="anthropic:claude-sonnet-4-5", at=NOON)
    assert parts(falls(workflow, "declared")) == {"fewer_calls": "0.22", "code": "0.018", "tier": "0.008"}


def test_what_is_not_known_is_null_and_says_why(workflow):
    make_answer(make_execution(workflow), baseline="anthropic:claude-nobody-1")
    about = Extent(workflow.project, workflow, simulated=False)
    found = represent_waterfall(waterfall(about, Method.REPRICED_WARM))
    assert (found["if_all_frontier"], found["complete"]) == (None, False)
    told = {one["part"]: one["reason"] for one in found["parts"] if one["amount"] is None}
    assert list(told) == ["fewer_calls", "code", "tier", "cache", "batch"]
    assert told["tier"] == told["batch"]
    assert told["tier"].startswith("A used answer has no price")
    assert told["fewer_calls"].startswith("Not measured")


def test_a_measured_start_under_thirty_shadows_leaves_the_other_levers(workflow):
    make_shadowed(workflow, ["0.03"] * 2)
    found = falls(workflow, "measured")
    assert (found["if_all_frontier"], found["complete"]) == (None, False)
    assert parts(found) == {"tier": "0.016"}
    assert found["parts"]["fewer_calls"] is None


def test_an_unpriced_call_makes_it_incomplete(workflow):
    make_answer(make_execution(workflow), "anthropic:claude-nobody-1")
    found = falls(workflow)
    assert (found["complete"], found["unpriced_calls"], found["parts"]["unused_calls"]) == (False, 1, None)


@pytest.mark.parametrize("seed", [1, 2])
def test_start_less_all_parts_is_the_total_to_the_pico_dollar(seed, monkeypatch):
    """Of random histories, half folded, on days of which everything has a price; and the ledger says the same of every day."""
    monkeypatch.setattr("tests.analytics.histories.NOBODY", HAIKU)
    project = make_project(tiers=REAL)
    workflows = [make_measured_workflow(name, project=project, design_cost="0.10") for name in ("refund", "triage")]
    for workflow in workflows:
        state_baseline(workflow, "declared", cost="0.031", model=OPUS, at=NOON)
    history, complete = History(seed, workflows), 0
    history.goes_on(90)
    fold_batch()
    for days in range((history.now - NOON).days + 1):
        since = (NOON + days * A_DAY).date()
        extent = Extent(project, None, simulated=False, since=since, until=since + A_DAY)
        for method in (Method.REPRICED_WARM, Method.REPRICED_COLD, Method.DECLARED):
            found = waterfall(extent, method)
            assert found.parts == waterfall(extent, method, Ledger).parts
            complete += found.complete
            if found.complete:
                assert rest(found) == found.summary.balance.total_cost
    assert complete


def test_odd_prices_leave_nothing_over(workflow):
    """Tokens that cost parts of a pico-dollar, in many calls: each part is rounded, and their sum is not."""
    random = Random(7)
    for _ in range(20):
        usage = Usage(input=random.randrange(999), cache_read=random.randrange(999), output=random.randrange(99))
        make_answer(make_execution(workflow), HAIKU, usage, price_cache_read=random.randrange(10**11))
    about = Extent(workflow.project, workflow, simulated=False)
    for method in (Method.REPRICED_WARM, Method.REPRICED_COLD):
        found = waterfall(about, method)
        assert found.complete
        assert rest(found) == found.summary.balance.total_cost
        assert found.parts == waterfall(about, method, Ledger).parts


def test_reconcile_names_a_part_that_is_not_the_ledgers(workflow):
    make_answer(make_execution(workflow), HAIKU, CACHED)
    while fold():
        pass
    assert [one for check in checks(workflow.project) for one in check()] == []
    AnswerCell.objects.update(price_cache_read=2 * 10**11)
    found = [one for check in checks(workflow.project) for one in check()]
    assert {(one.where, one.figure, one.ledger, one.found) for one in found} == {
        ("waterfall", "tier", 48 * 10**9, 49 * 10**9),
        ("waterfall", "cache", -36 * 10**9, -37 * 10**9),
    }


def test_a_project_is_all_of_its_workflows(workflow):
    triage = make_measured_workflow("triage", project=workflow.project)
    make_answer(make_execution(workflow))
    make_answer(make_execution(triage), HAIKU, CACHED)
    found = falls(None, project=workflow.project)
    assert (found["workflow"], found["if_all_frontier"], found["total_cost"]) == (None, "0.025", "0.005")
    assert parts(found) == {"tier": "0.056", "cache": "-0.036"}


def test_both_addresses_answer(workflow):
    make_answer(make_execution(workflow))
    client = client_of(workflow.project, "read")
    one, whole = (
        client.get("/api/v1/workflows/refund/waterfall"),
        client.get("/api/v1/waterfall?baseline=repriced_cold"),
    )
    assert (one.status_code, one.json()["workflow"], one.json()["baseline"]["method"]) == (
        200,
        "refund",
        "repriced_warm",
    )
    assert (whole.status_code, whole.json()["workflow"], whole.json()["total_cost"]) == (200, None, "0.002")
    assert client.get("/api/v1/waterfall?group_by=day").status_code == 400
    assert client.get("/api/v1/waterfall?subject=task").status_code == 422
    assert client_of(workflow.project, "execute").get("/api/v1/waterfall").status_code == 403
