"""The rows behind a figure: they add up to it, they lead on, and what cannot be read is a sentence."""

import html
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics.behind import stretches
from analytics.models import CallCell
from analytics.rollups import fold
from executions.feedback import Opinion, give
from executions.models import Execution, Status
from gateway.types import Purpose, Usage
from tests.analytics.ledgers import (
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
from tests.cast import make_project, member

pytestmark = pytest.mark.django_db

CALLS, EXECUTIONS = "/reports/alice/workflows/refund/calls/", "/reports/alice/workflows/refund/executions/"


@pytest.fixture
def workflow():
    workflow = make_measured_workflow(design_cost="4.20")
    for day in range(3):
        at = NOON + timedelta(days=day)
        make_answer(
            make_execution(workflow, at, resolved_by="workflow"), HAIKU, SHORT, at=at, tier="cheap", lane="fast"
        )
    make_call(
        make_execution(workflow, status=Status.FAILED, error={"code": "code_error"}), OPUS, purpose=Purpose.REDESIGN
    )
    return workflow


@pytest.fixture
def rosa(workflow) -> Client:
    return member(workflow.project)


def said(response) -> str:
    """What a person reads, in one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


def rows(response) -> list[list[str]]:
    body = response.content.decode().rpartition("<tbody>")[2].partition("</tbody>")[0]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in re.findall(r"<tr>(.*?)</tr>", body, re.S)]
    return [[html.unescape(re.sub(r"<[^>]*>", "", cell)) for cell in row] for row in cells]


def test_the_rows_of_a_figure_add_up_to_what_the_report_says(rosa):
    answer = rosa.get(f"{CALLS}?figure=execution_cost&since=2026-11-16&until=2026-11-26")
    assert "These 3 rows add up to 0.006 USD: execution cost of refund, 16 November to 25 November 2026." in said(
        answer
    )
    both = "The report, from its daily figures: 0.006 USD. These rows, read one by one: 0.006 USD. The same, to the last digit."
    assert both in said(answer)
    assert [row[:7] for row in rows(answer)] == [
        [f"2026-11-{day} 12:00:00", "0.0020 USD", "step", "classify", "claude-haiku-4-5", "ok", "yes"]
        for day in (18, 17, 16)
    ]


def test_what_people_declared_is_listed_apart_and_belongs_to_the_sum(rosa):
    answer = rosa.get(f"{CALLS}?figure=design_cost")
    assert "This row, and 4.20 USD that people declared, add up to 4.21 USD: design cost of refund, to date." in said(
        answer
    )
    assert "refund 1.0.0 4.20 USD 16 November 2026" in said(answer)
    assert "This row adds up to 0.01 USD: measured design cost of refund" in said(
        rosa.get(f"{CALLS}?figure=design_measured")
    )
    assert "4.20" not in said(rosa.get(f"{CALLS}?figure=design_cost&step=classify"))


def test_each_row_leads_to_its_call_and_to_its_execution(rosa, workflow):
    execution = workflow.executions.filter(status=Status.COMPLETED).latest("finished_at")
    page = rosa.get(f"{CALLS}?figure=execution_cost").content.decode()
    assert f'href="/admin/executions/execution/{execution.pk}/change/"' in page
    call = execution.steps.get().call
    assert f'href="/admin/gateway/call/{call}/change/"' in page
    assert f'href="/admin/executions/execution/{execution.pk}/change/"' in rosa.get(EXECUTIONS).content.decode()


def test_filters_narrow_the_rows_and_lead_back(rosa, workflow):
    make_call(workflow.executions.first(), OPUS, step="judge", tier="frontier", lane="quality")
    narrowed = (
        "figure=execution_cost&step=judge&model=anthropic:claude-opus-4-5&tier=frontier&lane=quality&version=1.0.0"
    )
    answer = rosa.get(f"{CALLS}?{narrowed}&since=2026-11-01")
    sentence = (
        "This row adds up to 0.01 USD: execution cost of refund, from 1 November 2026 on, version 1.0.0, step judge, "
        "tier frontier, lane quality, on anthropic:claude-opus-4-5."
    )
    assert sentence in said(answer)
    back = re.search(r'href="([^"]+)">Back to the report', answer.content.decode())[1]
    query = set(html.unescape(back).partition("?")[2].split("&"))
    assert query == {"lane=quality", "version=1.0.0", "since=2026-11-01"}
    assert rosa.get(html.unescape(back)).status_code == 200


@pytest.mark.parametrize(
    ("figure", "sentence"),
    [
        (
            "execution_cost",
            "These 5 rows add up to 0.0061 USD: execution cost of refund, to date. Without a price, and 0 in the sum: 1.",
        ),
        ("evaluation_cost", "Evaluation cost of refund, to date: nothing."),
        ("batch_savings", "Saved by batches of refund, to date: nothing."),
        ("unpriced", "One call without a price: refund, to date."),
        ("retries", "One repair: refund, to date."),
        ("cache_savings", "This row adds up to 0.0009 USD: saved by caches of refund, to date."),
        ("in_doubt_cost", "This row adds up to 0.000007 USD: cost in doubt of refund, to date."),
        ("used", "These 3 answers add up to 0.006 USD: answers that were used of refund, to date."),
    ],
)
def test_every_figure_has_a_sentence_of_its_own(rosa, workflow, figure, sentence):
    execution = workflow.executions.get(status=Status.FAILED)
    make_call(execution, "anthropic:claude-nobody-1")
    make_call(execution, HAIKU, Usage(cache_read=1_000), purpose=Purpose.REPAIR)
    make_doubted_call(execution, 7_000_000)
    assert sentence in said(rosa.get(f"{CALLS}?figure={figure}"))


def test_all_frontier_is_shown_warm_and_cold_and_adds_up_by_the_method_that_is_asked(rosa, workflow):
    answer = rosa.get(f"{CALLS}?figure=if_all_frontier&baseline=repriced_cold")
    assert "These 3 answers add up to 0.03 USD: if all frontier of refund, to date, against the same tokens" in said(
        answer
    )
    assert rows(answer)[0][1:3] == ["0.010 USD", "0.010 USD"]
    state_baseline(workflow, "declared", cost="0.5", at=NOON)
    declared = "if all frontier of refund, to date, which is what a person declared for each execution that completed, and no sum"
    assert declared in said(rosa.get(f"{CALLS}?figure=if_all_frontier"))


def test_the_calls_without_a_tier_can_be_asked_for(rosa, workflow):
    answer = rosa.get(f"{CALLS}?tier=none")
    assert "This row adds up to 0.01 USD: total cost of refund, to date, no tier." in said(answer)
    assert "These 3 rows add up to 0.006 USD: total cost of refund, to date, tier cheap." in said(
        rosa.get(f"{CALLS}?tier=cheap")
    )


def test_a_figure_without_rows_says_so(rosa):
    answer = rosa.get(f"{CALLS}?figure=shadow_cost")
    assert "No row of the ledger stands in this figure" in said(answer)
    assert "<tbody>" not in answer.content.decode()


def test_a_report_that_says_something_else_than_its_rows_is_shown_to(rosa):
    while fold():
        pass
    cell = CallCell.objects.filter(purpose=Purpose.STEP).first()
    CallCell.objects.filter(pk=cell.pk).update(cost=cell.cost + 1_000_000)
    answer = rosa.get(f"{CALLS}?figure=execution_cost")
    assert "The report says 0.006001 USD of 3, and the rows say 0.006 USD of 3: they differ." in said(answer)
    assert "manage.py reconcile" in said(answer)


def test_pages_follow_by_the_last_row(rosa, monkeypatch):
    monkeypatch.setattr(stretches, "SIZE", 2)
    first = rosa.get(f"{CALLS}?figure=execution_cost")
    older = html.unescape(re.search(r'href="([^"]+)" rel="next"', first.content.decode())[1])
    second = rosa.get(older)
    assert [row[0] for row in rows(first)] == ["2026-11-18 12:00:00", "2026-11-17 12:00:00"]
    assert [row[0] for row in rows(second)] == ["2026-11-16 12:00:00"]
    assert 'rel="next"' not in second.content.decode()
    assert "These 3 rows add up" in said(second)


@pytest.mark.parametrize("page", [CALLS, EXECUTIONS, "/reports/alice/calls/", "/reports/alice/executions/"])
@pytest.mark.parametrize("wrong", ["figure=nobody", "which=nobody", "after=1", "since=x", "version=%00", "step=%00"])
def test_what_cannot_be_read_is_a_sentence(rosa, page, wrong):
    assert rosa.get(f"{page}?{wrong}").status_code in (200, 400)
    if wrong.startswith(("after", "since")):
        assert "The page without filters" in said(rosa.get(f"{page}?{wrong}"))


def test_what_stands_behind_a_row_of_another_project_is_nothing(rosa, workflow):
    theirs = make_measured_workflow("theirs", project=make_project("bob"))
    call = make_answer(make_execution(theirs))
    assert rows(rosa.get(f"{CALLS}?figure=execution_cost&after={call.pk}")) == []
    assert rows(rosa.get(f"{EXECUTIONS}?which=completed&after={call.execution}")) == []
    assert rosa.get("/reports/bob/calls/").status_code == 404
    assert str(call.pk) not in rosa.get("/reports/alice/calls/").content.decode()


def test_a_project_has_the_rows_of_all_its_workflows(rosa, workflow):
    other = make_measured_workflow("triage", project=workflow.project)
    make_answer(make_execution(other))
    answer = rosa.get("/reports/alice/calls/?figure=execution_cost")
    assert "These 4 rows add up to 0.008 USD: execution cost of all of alice, to date." in said(answer)
    assert {row[2] for row in rows(answer)} == {"refund", "triage"}
    assert "4 executions completed: all of alice" in said(rosa.get("/reports/alice/executions/?which=completed"))


def test_the_executions_behind_a_count_are_as_many_as_the_report_counts(rosa, workflow):
    wrong = workflow.executions.filter(status=Status.COMPLETED).first()
    give(wrong, Opinion(False, "rita"))
    make_flag(workflow.executions.get(status=Status.FAILED), state="resolved")
    waits = make_execution(workflow, NOON, Status.ESCALATED)
    make_flag(waits)
    sentences = {
        "all": "5 executions were accepted: refund, to date.",
        "completed": "2 executions completed: refund, to date.",
        "rejected": "One execution completed and was rejected: refund, to date.",
        "failed": "One execution failed: refund, to date.",
        "finished": "5 executions finished: refund, to date.",
        "escalated": "2 executions were escalated: refund, to date.",
        "flagged": "One execution ended with a flag: refund, to date.",
        "waiting": "One execution waited for a person: refund, to date.",
        "reported": "No execution was reported by agents: refund, to date.",
    }
    for which, sentence in sentences.items():
        assert sentence in said(rosa.get(f"{EXECUTIONS}?which={which}"))
    assert "1 of them waited for a person" in said(rosa.get(f"{EXECUTIONS}?which=escalated"))


def test_an_execution_says_how_it_ended_and_what_it_cost_so_far(rosa, workflow):
    failed = rows(rosa.get(f"{EXECUTIONS}?which=failed"))
    assert failed[0][:6] == ["2026-11-16 12:00:00", "failed: code error", "0.010 USD", "–", "2.0 s", "1.0.0"]
    assert rows(rosa.get(f"{EXECUTIONS}?which=completed"))[0][1] == "completed by the workflow"


def test_the_export_of_the_same_days_is_a_step_away(rosa):
    page = rosa.get(f"{CALLS}?figure=execution_cost&since=2026-11-17&simulated=false").content.decode()
    export = html.unescape(re.search(r'href="([^"]+)">Export these days', page)[1])
    form = rosa.get(export).content.decode()
    assert 'value="2026-11-17"' in form
    assert '<option value="calls" selected>' in form


@pytest.mark.parametrize(
    "page", [f"{CALLS}?figure=total_cost", f"{CALLS}?figure=if_all_frontier", f"{EXECUTIONS}?which=finished"]
)
def test_the_number_of_queries_does_not_grow_with_the_rows(rosa, workflow, page):
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert rosa.get(page).status_code == 200
        return len(found)

    before = (queries(), queries())[1]
    for _ in range(20):
        make_answer(make_execution(workflow))
    assert Execution.objects.count() == 24
    while fold():
        pass
    assert queries() <= before


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (f"{CALLS}?figure=execution_cost", "These 3 rows add up to 0.006 USD: execution cost of refund"),
        (
            f"{CALLS}?figure=used&tier=cheap",
            "Answers that were used, too many to be added up for a tier, a lane or a model",
        ),
        (f"{EXECUTIONS}?which=accepted&lane=fast", "More executions were accepted than are counted for a lane"),
    ],
)
def test_more_rows_than_are_read_say_so(rosa, monkeypatch, address, sentence):
    for module in ("calls", "answers", "executions"):
        monkeypatch.setattr(f"analytics.behind.{module}.MOST", 2)
    answer = said(rosa.get(address))
    assert sentence in answer
    assert "too many" in answer
