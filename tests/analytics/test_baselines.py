"""What all-frontier would have cost: which calls count, at which prices, and when it cannot be known."""

from datetime import UTC, date, datetime, timedelta

import pytest

from analytics.rollups import fold
from executions.models import Execution, Status, StepResult
from gateway.models import OwnPrice
from gateway.types import Outcome, Purpose, Usage

from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    SHORT,
    make_answer,
    make_call,
    make_execution,
    make_measured_workflow,
    make_project,
    state_baseline,
    summary_of,
    use,
)

pytestmark = pytest.mark.django_db

NEXT_NOON = NOON + timedelta(days=1)
OLD_OPUS = "anthropic:claude-opus-4-20250514"  # three times the price of Opus 4.5


@pytest.fixture
def workflow():
    return make_measured_workflow()


def frontier(summary: dict) -> tuple[str | None, int]:
    return summary["if_all_frontier"], summary["baseline"]["unpriced"]


def test_the_same_tokens_on_the_frontier_with_a_warm_cache_is_what_holds_while_nobody_stated_one(workflow):
    make_answer(make_execution(workflow), usage=Usage(cache_read=10_000, output=200))
    summary = summary_of(workflow)
    assert summary["baseline"]["method"] == "repriced_warm"
    assert summary["baseline"]["model"] == OPUS
    assert frontier(summary) == ("0.01", 0)
    assert frontier(summary_of(workflow, "repriced_cold")) == ("0.055", 0)


def test_the_method_is_the_one_in_force_now_unless_the_reader_names_one(workflow):
    state_baseline(workflow, "repriced_cold", model=OPUS, at=NOON)
    assert summary_of(workflow)["baseline"]["method"] == "repriced_cold"
    assert summary_of(workflow, "repriced_warm")["baseline"]["method"] == "repriced_warm"


@pytest.mark.parametrize(
    ("purpose", "outcome"),
    [
        (Purpose.STEP, Outcome.OK),  # repaired, so not used
        (Purpose.REPAIR, Outcome.OK),
        (Purpose.STEP, Outcome.TRUNCATED),
        (Purpose.STEP, Outcome.IN_DOUBT),
        (Purpose.STEP, Outcome.DISCARDED),
    ],
)
def test_our_waste_is_never_the_baselines(workflow, purpose, outcome):
    execution = make_execution(workflow)
    make_answer(execution)
    make_call(execution, HAIKU, SHORT, purpose=purpose, outcome=outcome)
    summary = summary_of(workflow)
    assert (summary["total_cost"], summary["if_all_frontier"]) == ("0.004", "0.01")


@pytest.mark.parametrize("status", [StepResult.Status.REJECTED, StepResult.Status.FLAGGED])
def test_an_attempt_that_was_not_taken_counts_nothing(workflow, status):
    call = make_call(make_execution(workflow), HAIKU, SHORT)
    use(call, status=status).save()
    assert frontier(summary_of(workflow)) == ("0.00", 0)


@pytest.mark.parametrize("status", [Status.FAILED, Status.ESCALATED, Status.CANCELLED, Status.RUNNING])
def test_an_execution_that_did_not_complete_counts_nothing(workflow, status):
    make_answer(make_execution(workflow, status=status))
    summary = summary_of(workflow)
    assert (summary["total_cost"], summary["if_all_frontier"]) == ("0.002", "0.00")


def test_a_used_frontier_answer_counts_at_its_own_cost(workflow):
    state_baseline(workflow, "repriced_warm", model=OLD_OPUS, at=NOON)
    execution = make_execution(workflow)
    make_call(execution, HAIKU, SHORT)
    frontier_answer = {"purpose": Purpose.ESCALATION, "answered_by": Execution.Resolver.FRONTIER}
    make_answer(execution, model=OPUS, usage=Usage(input=2_000, output=200), **frontier_answer)
    summary = summary_of(workflow)
    assert (summary["total_cost"], summary["if_all_frontier"]) == ("0.017", "0.015")


def test_a_step_that_a_person_answered_counts_nothing(workflow):
    execution = make_execution(workflow, resolved_by=Execution.Resolver.HUMAN)
    call = make_call(execution, HAIKU, SHORT)
    use(call, status=StepResult.Status.FLAGGED).save()
    answer = use(call, attempt=2, answered_by=Execution.Resolver.HUMAN)
    answer.call = None
    answer.save()
    summary = summary_of(workflow)
    assert (summary["total_cost"], summary["if_all_frontier"]) == ("0.002", "0.00")


def test_a_kept_answer_that_a_person_took_counts(workflow):
    call = make_call(make_execution(workflow), HAIKU, SHORT)
    use(call, status=StepResult.Status.FLAGGED).save()
    use(call, attempt=2).save()
    assert frontier(summary_of(workflow)) == ("0.01", 0)


def test_a_model_stated_afterwards_for_an_earlier_time_reprices_what_was_called_since(workflow):
    make_answer(make_execution(workflow, NOON))
    make_answer(make_execution(workflow, NEXT_NOON))
    state_baseline(workflow, "repriced_warm", model=OLD_OPUS, at=NEXT_NOON)
    summary = summary_of(workflow)
    assert frontier(summary) == ("0.04", 0)  # 0.01 on Opus 4.5, and 0.03 on Opus 4
    assert summary["baseline"]["model"] == OLD_OPUS
    assert summary_of(workflow, until=date(2026, 11, 17))["baseline"]["model"] == OPUS


def test_a_model_that_is_stated_in_the_middle_of_a_day_holds_from_that_moment(workflow):
    for hours in (-1, 0, 1):
        make_answer(make_execution(workflow, NOON + timedelta(hours=hours)))
    state_baseline(workflow, "repriced_warm", model=OLD_OPUS, at=NOON)
    assert frontier(summary_of(workflow)) == ("0.07", 0)  # 0.01 on Opus 4.5, and twice 0.03 on Opus 4


def test_a_model_stated_afterwards_is_dearer_for_long_prompts_only(workflow):
    tiered = "anthropic:claude-haiku-5-5"  # 0.10 a million, above a prompt of 100,000 tokens 0.50
    for tokens in (100_000, 100_001):
        make_answer(make_execution(workflow), usage=Usage(input=tokens))
    state_baseline(workflow, "repriced_warm", model=tiered, at=workflow.created_at)
    assert frontier(summary_of(workflow)) == ("0.0600005", 0)


def test_cells_of_an_older_price_list_are_not_repriced_by_a_newer_ones_sizes(workflow, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr("analytics.contributions.prompt_sizes", lambda: (32_001,))
        for tokens in (100_000, 100_001):
            make_answer(make_execution(workflow), usage=Usage(input=tokens))
        assert fold() == 4
    state_baseline(workflow, "repriced_warm", model="anthropic:claude-haiku-5-5", at=workflow.created_at)
    assert frontier(summary_of(workflow)) == ("0.0600005", 0)


def test_a_price_of_fractions_of_a_pico_dollar_is_rounded_for_each_call(workflow):
    own = {"provider": "anthropic", "model": "claude-own", "valid_from": NOON.date() - timedelta(days=1)}
    OwnPrice.objects.create(project=workflow.project, **own, input=1_500_001, output=0)
    for _ in range(2):
        make_answer(make_execution(workflow), usage=Usage(input=1))
    state_baseline(workflow, "repriced_warm", model="anthropic:claude-own", at=workflow.created_at)
    assert frontier(summary_of(workflow)) == ("0.000000000004", 0)


def test_a_model_stated_afterwards_reprices_cold_too(workflow):
    make_answer(make_execution(workflow), usage=Usage(cache_read=10_000, output=200))
    state_baseline(workflow, "repriced_cold", model=OLD_OPUS, at=NOON)
    assert frontier(summary_of(workflow)) == ("0.165", 0)
    assert frontier(summary_of(workflow, "repriced_warm")) == ("0.03", 0)


def test_of_two_statements_for_one_moment_the_later_one_holds(workflow):
    make_answer(make_execution(workflow))
    state_baseline(workflow, "repriced_warm", model="anthropic:claude-nobody-1", at=NOON)
    state_baseline(workflow, "repriced_warm", model=OLD_OPUS, at=NOON)
    assert frontier(summary_of(workflow)) == ("0.03", 0)


def test_a_used_answer_without_a_price_on_the_baseline_model_makes_the_figure_unknown(workflow):
    make_answer(make_execution(workflow))
    make_answer(make_execution(workflow), baseline="anthropic:claude-nobody-1")
    summary = summary_of(workflow)
    assert frontier(summary) == (None, 1)
    assert (summary["complete"], summary["total_cost"], summary["savings"]) == (True, "0.004", None)


def test_a_stated_model_without_a_price_makes_the_figure_unknown(workflow):
    make_answer(make_execution(workflow))
    state_baseline(workflow, "repriced_warm", model="anthropic:claude-nobody-1", at=NOON)
    assert frontier(summary_of(workflow)) == (None, 1)


def test_a_window_before_the_unknown_is_known(workflow):
    make_answer(make_execution(workflow, NOON))
    make_answer(make_execution(workflow, NEXT_NOON), baseline="")
    assert frontier(summary_of(workflow, until=date(2026, 11, 17))) == ("0.01", 0)
    assert frontier(summary_of(workflow, since=date(2026, 11, 17))) == (None, 1)


def test_each_execution_counts_the_declared_cost_in_force_when_it_completed(workflow):
    state_baseline(workflow, "declared", cost="0.84", at=NOON)
    state_baseline(workflow, "declared", cost="1.00", at=NEXT_NOON)
    for at in (NOON, NEXT_NOON - timedelta(microseconds=1), NEXT_NOON, NEXT_NOON + timedelta(hours=1)):
        make_execution(workflow, at)
    summary = summary_of(workflow)
    assert (summary["baseline"]["method"], summary["baseline"]["n"]) == ("declared", 4)
    assert summary["baseline"]["estimated"] is False
    assert frontier(summary) == ("3.68", 0)
    assert frontier(summary_of(workflow, since=date(2026, 11, 17))) == ("2.84", 0)


def test_an_execution_that_completed_before_any_cost_was_declared_makes_the_figure_unknown(workflow):
    make_execution(workflow, NOON - timedelta(microseconds=1))
    make_execution(workflow, NOON)
    state_baseline(workflow, "declared", cost="0.84", at=NOON)
    assert frontier(summary_of(workflow)) == (None, 1)


def test_only_completed_executions_count_the_declared_cost(workflow):
    state_baseline(workflow, "declared", cost="0.84", at=NOON)
    for status in (Status.COMPLETED, Status.FAILED, Status.ESCALATED, Status.CANCELLED):
        make_execution(workflow, status=status)
    assert frontier(summary_of(workflow)) == ("0.84", 0)


def test_stating_another_method_does_not_unsay_a_declared_cost(workflow):
    state_baseline(workflow, "declared", cost="0.84", at=NOON)
    state_baseline(workflow, "repriced_warm", model=OPUS, at=NEXT_NOON)
    make_execution(workflow, NEXT_NOON)
    assert frontier(summary_of(workflow, "declared")) == ("0.84", 0)


def test_a_project_reads_all_its_workflows_by_one_method():
    project = make_project("bob", tiers={"frontier": OPUS, "cheap": HAIKU})
    refund, triage = (make_measured_workflow(name, project=project) for name in ("refund", "triage"))
    state_baseline(refund, "declared", cost="0.84", at=NOON)
    make_answer(make_execution(refund))
    make_answer(make_execution(triage))
    summary = summary_of(None, project=project)
    assert (summary["baseline"]["method"], summary["if_all_frontier"]) == ("repriced_warm", "0.02")
    assert frontier(summary_of(None, "declared", project=project)) == (None, 1)


def test_a_call_of_an_old_price_keeps_it(workflow):
    at = datetime(2026, 2, 15, 9, tzinfo=UTC)
    make_answer(make_execution(workflow, at), baseline=OLD_OPUS)
    assert frontier(summary_of(workflow)) == ("0.03", 0)
