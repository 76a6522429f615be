"""The figures of a project's workflows beside each other: those of each summary, and together those of the project's."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest

from analytics.baselines import Method
from analytics.by_workflow import Line, by_workflow
from analytics.cells import Cells
from analytics.costs import summarise
from analytics.extent import Extent
from analytics.projection.projecting import project as projected
from analytics.rollups import fold, fold_batch
from gateway.types import Purpose
from shadows.models import Subject, prompt_hash
from tests.cast import make_project

from .histories import History
from .ledgers import (
    HAIKU,
    NOON,
    OPUS,
    REAL,
    make_answer,
    make_call,
    make_doubted_call,
    make_execution,
    make_flag,
    make_measured_workflow,
    state_baseline,
)
from .shadowings import make_shadowed

pytestmark = pytest.mark.django_db

A_DAY = timedelta(days=1)
PROMPT = "Answer the message in one call."
MOST = 10  # queries of a workflow that is measured
TODAY = (NOON + 20 * A_DAY).date()


@pytest.fixture
def project():
    return make_project(tiers=REAL)


def lines(extent: Extent, method: Method | None = None) -> list[Line]:
    return by_workflow(Cells(extent.to_date, apart=True), extent, TODAY, method)


def assert_they_are_the_summaries(extent: Extent, method: Method | None = None) -> None:
    found = lines(extent, method)
    assert [line.workflow for line in found if line.workflow] == list(extent.project.workflows.order_by("name"))
    for line in found:
        if line.workflow is None:
            continue
        mine = replace(extent, workflow=line.workflow)
        summary, rates = summarise(mine, method), None
        rates = summary.rates
        assert line.method == summary.method
        assert line.balance == summary.balance
        assert line.to_date == summary.to_date
        assert line.paid_back_on == summary.paid_back_on
        assert line.baseline_unpriced == summary.baseline_unpriced
        assert (line.executions, line.finished, line.escalated) == (rates.executions, rates.finished, rates.escalated)
        assert (line.evidence == "none") == summary.unproven
        assert (line.evidence == "overridden") == bool(summary.overridden)
        assert line.outlook == projected(mine, method, TODAY).outlook


def assert_they_add_up(extent: Extent, method: Method) -> None:
    together, whole = sum_of(lines(extent, method)), summarise(extent, method).balance
    assert together == whole


def sum_of(found: list[Line]) -> object:
    first, *others = [line.balance for line in found]
    for one in others:
        first = first + one
    return first


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_any_history_each_line_is_the_summary_of_its_workflow(project, seed):
    """Pending and folded, with calls in doubt and corrected, without prices, escalated, and of no workflow."""
    workflows = [make_measured_workflow(name, project=project, design_cost="0.10") for name in ("a", "b", "c")]
    state_baseline(workflows[1], "declared", cost="0.05", at=NOON + timedelta(hours=5))
    state_baseline(workflows[2], "repriced_cold", model=OPUS, at=NOON + 2 * A_DAY)
    random, history = Random(seed), History(seed, workflows)
    history.goes_on(150)
    for _ in range(20):
        fold_batch()
    since, until = NOON.date() + A_DAY, NOON.date() + 4 * A_DAY
    history.goes_on(30)
    for simulated in (False, True):
        for extent in (
            Extent(project, None, simulated),
            Extent(project, None, simulated, since, until),
            Extent(project, None, simulated, since),
        ):
            assert_they_are_the_summaries(extent, random.choice([None, *Method]))
            for method in (Method.REPRICED_WARM, Method.REPRICED_COLD, Method.DECLARED):
                assert_they_add_up(extent, method)


def test_one_that_is_measured_says_what_its_shadows_say(project):
    shadowed, other = (make_measured_workflow(name, project=project, design_cost="0.10") for name in ("one", "other"))
    state_baseline(shadowed, "measured", model=OPUS, at=NOON - A_DAY)
    make_shadowed(shadowed, ["0.01"] * 24)
    make_shadowed(shadowed, ["0.05"] * 6, flagged=True, at=NOON + A_DAY)
    make_answer(make_execution(other))
    extent = Extent(project, None, simulated=False)
    assert_they_are_the_summaries(extent)
    found = {line.workflow.name: line for line in lines(extent)}
    assert found["one"].balance.if_all_frontier == Decimal("0.54")
    assert found["other"].method == Method.REPRICED_WARM
    fold()
    assert_they_are_the_summaries(extent)
    assert_they_are_the_summaries(replace(extent, since=NOON.date() + A_DAY))
    assert_they_are_the_summaries(extent, Method.MEASURED)


def test_what_is_measured_adds_up_although_a_baseline_is_about_the_task(project):
    """In the project's figure its shadows of the workflow count, and so in its line; asked for itself, those of the task."""
    plain, asked = (make_measured_workflow(name, project=project) for name in ("plain", "asked"))
    state_baseline(asked, "measured", model=OPUS, prompt=PROMPT, at=NOON - A_DAY)
    for workflow in (plain, asked):
        make_shadowed(workflow, ["0.01"] * 30)
    make_shadowed(asked, ["0.05"] * 30, subject="task", prompt_hash=prompt_hash(PROMPT))
    extent = Extent(project, None, simulated=False)
    assert_they_add_up(extent, Method.MEASURED)
    found = {line.workflow.name: line.balance.if_all_frontier for line in lines(extent, Method.MEASURED)}
    assert found == {"plain": Decimal("0.3"), "asked": Decimal("0.6")}
    of_the_task = by_workflow(Cells(extent, apart=True), extent, TODAY, Method.MEASURED, Subject.TASK)
    assert {line.workflow.name: line.balance.if_all_frontier for line in of_the_task} == {
        "plain": None,
        "asked": Decimal(3),
    }
    assert_they_are_the_summaries(extent)


def test_what_belongs_to_no_workflow_stands_last(project):
    workflow = make_measured_workflow(project=project)
    make_answer(make_execution(workflow))
    make_call(None, HAIKU, project=project.pk, purpose=Purpose.DESIGN)
    make_doubted_call(make_execution(workflow), 1_000_000)
    found = lines(Extent(project, None, simulated=False))
    assert [line.workflow for line in found] == [workflow, None]
    assert found[1].balance.design_measured == Decimal("0.002")
    assert found[1].balance.total_cost == Decimal("0.002")
    assert_they_add_up(Extent(project, None, simulated=False), Method.REPRICED_WARM)


def test_what_is_measured_takes_few_queries_for_each_workflow(project, django_assert_max_num_queries):
    for number in range(5):
        make_shadowed(make_measured_workflow(f"w{number}", project=project), ["0.01"] * 2)
    while fold():
        pass
    extent = Extent(project, None, simulated=False, since=NOON.date())
    with django_assert_max_num_queries(12 + 5 * MOST):
        assert len(lines(extent, Method.MEASURED)) == 5


def test_it_takes_as_many_queries_for_thirty_workflows_as_for_three(project, django_assert_max_num_queries):
    for number in range(30):
        execution = make_execution(make_measured_workflow(f"w{number}", project=project))
        make_answer(execution)
        make_flag(execution)
    while fold():
        pass
    with django_assert_max_num_queries(12):
        assert len(lines(Extent(project, None, simulated=False))) == 30
