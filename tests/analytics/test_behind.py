"""The rows behind a figure: of generated ledgers they are the figure, in every window; a page of them is bounded."""

from datetime import timedelta
from decimal import Decimal

import pytest

from analytics.baselines import Method
from analytics.behind import stretches
from analytics.behind.answers import Answers
from analytics.behind.calls import Added, Calls
from analytics.behind.executions import Executions, Told, told
from analytics.behind.stretches import Place
from analytics.extent import Extent
from analytics.rollups import fold
from executions.models import Execution
from gateway.types import Purpose, Usage
from tests.cast import make_project

from .behind import all_of, assert_executions_make_it_up, assert_rows_make_it_up
from .histories import History
from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    SHORT,
    make_answer,
    make_call,
    make_doubted_call,
    make_execution,
    make_flag,
    make_measured_workflow,
    state_baseline,
)

pytestmark = pytest.mark.django_db
DAY = NOON.date()


@pytest.fixture
def project():
    return make_project("alice", tiers={"frontier": OPUS, "cheap": HAIKU})


@pytest.fixture
def workflow(project):
    return make_measured_workflow(project=project, design_cost="0.10")


@pytest.mark.parametrize("seed", [11, 12])
def test_the_rows_of_a_generated_ledger_are_its_figures_pending_and_folded(project, workflow, seed):
    other = make_measured_workflow("triage", project=project)
    history = History(seed, [workflow, other])
    history.goes_on(120)
    state_baseline(other, "repriced_cold", model="anthropic:claude-sonnet-4-5", at=NOON + timedelta(days=1))
    middle = DAY + timedelta(days=1)
    for about in (workflow, other, None):
        for simulated in (False, True):
            assert_rows_make_it_up(Extent(project, about, simulated))
            assert_executions_make_it_up(Extent(project, about, simulated))
    fold()
    for about, since, until in ((workflow, None, middle), (None, middle, None), (other, None, None)):
        assert_executions_make_it_up(Extent(project, about, False, since, until))
        for method in (Method.REPRICED_WARM, Method.REPRICED_COLD):
            assert_rows_make_it_up(Extent(project, about, False, since, until), method)


def test_a_call_stands_in_one_figure_whatever_it_was_for(workflow):
    execution, trial = make_execution(workflow), make_execution(workflow, purpose=Execution.Purpose.TRIAL)
    used, redesign = make_answer(execution), make_call(execution, OPUS, purpose=Purpose.REDESIGN)
    tried, judged = make_call(trial, HAIKU), make_call(execution, HAIKU, purpose=Purpose.JUDGE)
    shadow, doubted = make_call(execution, OPUS, purpose=Purpose.SHADOW), make_doubted_call(execution, 7_000)
    make_call(execution, HAIKU, reported=True)
    extent = Extent(workflow.project, workflow, simulated=False)

    def rows(figure):
        return {call.pk for call in all_of(Calls(extent, figure))}

    assert rows("execution_cost") == {used.pk}
    assert rows("design_cost") == rows("design_measured") == {redesign.pk}
    assert rows("evaluation_cost") == {tried.pk, judged.pk}
    assert rows("shadow_cost") == {shadow.pk}
    assert rows("in_doubt_cost") == {doubted.pk}
    assert rows("total_cost") == {one.pk for one in (used, redesign, tried, judged, shadow, doubted)}
    assert [one.call.pk for one in all_of(Answers(extent, "used", Method.REPRICED_WARM))] == [used.pk]


def test_rows_are_narrowed_by_what_a_cell_is_told_apart_by(workflow):
    execution = make_execution(workflow)
    make_answer(execution, tier="cheap", lane="fast")
    make_call(execution, OPUS, step="judge", tier="frontier", lane="quality")
    extent = Extent(workflow.project, workflow, simulated=False)
    opus = {"provider": "anthropic", "model_planned": "claude-opus-4-5"}
    for only in ({"step": "judge"}, {"tier": "frontier"}, {"lane": "quality"}, opus):
        found = Calls(extent, "execution_cost", only)
        assert found.by_cells == found.by_rows == Added(1, Decimal("0.01"))
        assert [call.step for call in all_of(found)] == ["judge"]
    assert Answers(extent, "if_all_frontier", Method.REPRICED_WARM, {"step": "classify"}).by_cells.usd == Decimal(
        "0.01"
    )
    assert Answers(extent, "if_all_frontier", Method.REPRICED_WARM, {"step": "judge"}).by_cells == Added(0, Decimal(0))
    cheap = Answers(extent, "if_all_frontier", Method.REPRICED_WARM, {"tier": "cheap"})
    assert (cheap.by_cells, cheap.by_rows) == (Added(None, None), Added(1, Decimal("0.01")))


def test_an_answer_shows_what_it_counts_at_warm_and_cold(workflow):
    make_answer(make_execution(workflow), usage=Usage(input=100, cache_read=1_000, output=10))
    make_answer(make_execution(workflow), OPUS, SHORT, answered_by="frontier")
    extent = Extent(workflow.project, workflow, simulated=False)
    found = all_of(Answers(extent, "if_all_frontier", Method.REPRICED_COLD))
    assert sorted((one.warm, one.cold) for one in found) == [
        (1_250_000_000, 5_750_000_000),
        (10_000_000_000, 10_000_000_000),
    ]


def test_what_a_person_declared_is_no_sum_of_answers(workflow):
    make_answer(make_execution(workflow))
    extent = Extent(workflow.project, workflow, simulated=False)
    found = Answers(extent, "if_all_frontier", Method.DECLARED)
    assert (found.is_sum, found.by_cells, found.by_rows) == (False, Added(1, None), None)


def test_more_rows_than_may_be_read_are_not_added_up(workflow, monkeypatch):
    for _ in range(3):
        make_answer(make_execution(workflow))
    monkeypatch.setattr("analytics.behind.calls.MOST", 2)
    monkeypatch.setattr("analytics.behind.answers.MOST", 2)
    extent = Extent(workflow.project, workflow, simulated=False)
    for found in (Calls(extent, "execution_cost"), Answers(extent, "if_all_frontier", Method.REPRICED_WARM)):
        assert (found.by_rows, found.by_cells.count) == (None, 3)


def test_a_page_reads_no_more_days_than_it_takes(monkeypatch):
    monkeypatch.setattr(stretches, "SIZE", 3)
    monkeypatch.setattr(stretches, "MOST", 1_000)
    days = [DAY - timedelta(days=n) for n in range(6)]
    listed = [0, 2, 2, 0, 1, 1]
    places = [Place(day, 7, count, 100) for day, count in zip(days, listed, strict=True)]
    found = list(stretches._stretches(places, None, 3))
    assert [(one.since, one.until, one.read, one.last) for one in found] == [
        (days[2], days[0], 200, False),
        (days[5], days[3] + timedelta(days=0), 200, True),
    ]
    monkeypatch.setattr(stretches, "MOST", 100)
    assert [one.since for one in stretches._stretches(places, None, 3)] == [days[1], days[2], days[4], days[5]]
    assert [one.since for one in stretches._stretches(places, days[4], 3)] == [days[4], days[5]]


def test_pages_follow_each_other_without_a_gap_where_moments_are_the_same(workflow, monkeypatch):
    monkeypatch.setattr(stretches, "SIZE", 2)
    made = {make_answer(make_execution(workflow, NOON + timedelta(days=n // 3))).pk for n in range(7)}
    extent = Extent(workflow.project, workflow, simulated=False)
    calls = [call.pk for call in all_of(Calls(extent, "execution_cost"))]
    answers = [one.call.pk for one in all_of(Answers(extent, "used", Method.REPRICED_WARM))]
    assert (len(calls), set(calls)) == (7, made)
    assert (len(answers), set(answers)) == (7, made)


def test_an_execution_is_listed_with_what_its_calls_cost_and_its_flags(workflow):
    execution = make_execution(workflow, lane="quality")
    make_answer(execution)
    make_call(execution, "anthropic:claude-nobody-1")
    make_flag(execution, state="resolved")
    make_execution(workflow, lane="fast", status="failed")
    found = Executions(Extent(workflow.project, workflow, False), "flagged", {"lane": "quality"})
    (row,), more = found.page()
    assert (row, more, found.by_cells, found.by_rows) == (execution, False, 1, 1)
    assert told([row])[row.pk] == Told(Added(2, Decimal("0.002"), 1), {"uncovered": 1})
    accepted = Executions(Extent(workflow.project, workflow, False), "accepted", {"lane": "quality"})
    assert (accepted.by_cells, accepted.by_rows) == (None, 1)
