"""Reports over a large ledger: naive against daily cells, and what keeping the cells costs an execution.

    python benchmarks/rollups.py [--calls 10000000]

Starts a PostgreSQL of its own (or takes DATABASE_URL's, which must be empty), loads so many calls (about 40,000 a second),
builds the cells, and prints medians and ranges. Ten million calls take some 25 minutes and 20 GB in the temporary folder.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

WORKFLOWS, CALLS_EACH, DAYS = 200, 3, 90
ROUNDS = 5
SETTINGS = ("shared_buffers=2GB", "maintenance_work_mem=1GB", "max_wal_size=8GB", "work_mem=16MB")

# Ids that grow, as the product's do.
ID = "(lpad(to_hex({}), 12, '0') || '70008000000000000{}')::uuid"
EXECUTIONS = f"""
    INSERT INTO executions_execution (id, project_id, workflow_id, version_id, publication_id, tier_map, baseline_model,
        simulated, purpose, lane, status, waiting_for, input, metadata, resolved_by, token, deaths, deadline_at,
        created_at, queued_at, started_at, finished_at)
    SELECT {ID.format("n", "000")}, %(project)s, w, w + %(versions)s, w + %(publications)s, '{{}}',
        'anthropic:claude-opus-4-5', false, 'production', 'fast',
        CASE WHEN s < 0.96 THEN 'completed' WHEN s < 0.98 THEN 'failed' WHEN s < 0.99 THEN 'escalated' ELSE 'cancelled' END,
        '', '{{}}', '{{}}', 'workflow', 1, 0, at, at, at, at,
        CASE WHEN s < 0.98 OR s >= 0.99 THEN at + ln(1 / (1.0001 - l)) * interval '4 seconds' END
    FROM (SELECT n, %(workflows)s + floor({WORKFLOWS} * power(random(), 2))::bigint AS w, random() AS s, random() AS l,
            timestamptz '2026-08-01 00:00Z' + n::float8 / %(executions)s * interval '{DAYS} days' AS at
        FROM generate_series(1, %(executions)s) n OFFSET 0) drawn
"""
CALLS = f"""
    INSERT INTO gateway_call (id, project, workflow, version, publication, execution, step, purpose, tier, lane, attempt,
        provider, model_planned, model_served, baseline_model, simulated, batch, prefix_hash, request_hash, intended_at,
        reported, outcome, error, input, cache_read, cache_write_5m, cache_write_1h, output, thinking, prefix_tokens,
        price_input, price_cache_read, price_cache_write_5m, price_cache_write_1h, price_output, price_source,
        price_version, cost, cost_state, baseline_cold, baseline_warm, finished_at, latency_ms)
    SELECT {ID.format(f"n * {CALLS_EACH} + k", "001")}, %(project)s, workflow_id, version_id, publication_id, id,
        'step_' || k, CASE WHEN k = {CALLS_EACH} AND r < 0.1 THEN 'repair' ELSE 'step' END, 'cheap', 'fast', 1,
        'anthropic', 'claude-haiku-4-5', 'claude-haiku-4-5', baseline_model, false, false, repeat('0', 64),
        repeat('0', 64), created_at, false, CASE WHEN r > 0.99 THEN 'truncated' ELSE 'ok' END, '', input, cached, 0, 0,
        output, 0, cached, 1e12, 1e11, 1.25e12, 2e12, 5e12, 'genai-prices', '1',
        input * 1000000::bigint + cached * 100000::bigint + output * 5000000::bigint, 'priced',
        (input + cached) * 5000000::bigint + output * 25000000::bigint,
        input * 5000000::bigint + cached * 500000::bigint + output * 25000000::bigint,
        coalesce(finished_at, created_at + interval '5 seconds'), 1000
    FROM (SELECT e.id, workflow_id, version_id, publication_id, baseline_model, created_at, finished_at,
            row_number() OVER () AS n, k, random() AS r, 200 + floor(random() * 800)::bigint AS input,
            floor(random() * 2)::bigint * 2000 AS cached, 50 + floor(random() * 300)::bigint AS output
        FROM executions_execution e CROSS JOIN generate_series(1, {CALLS_EACH}) k OFFSET 0) drawn
"""
ANSWERS = """
    INSERT INTO executions_stepresult (execution_id, step, attempt, kind, status, has_output, rationale, tier, model, call,
        answered_by, started_at, finished_at)
    SELECT execution, step, 1, 'model', CASE WHEN purpose = 'step' THEN 'done' ELSE 'rejected' END, true, '', 'cheap',
        'claude-haiku-4-5', id, 'workflow', intended_at, finished_at
    FROM gateway_call
"""
FLAGS = """
    INSERT INTO executions_flag (id, execution_id, step, reason, detector, edge_case, explanation, waiting, answered_by,
        state, resolution, note, resolved_by, created_at)
    SELECT gen_random_uuid(), id, 'step_1', 'uncovered', 'self_report', '', '', status = 'escalated', '', 'open', '', '', '',
        created_at
    FROM executions_execution WHERE status = 'escalated' OR random() < 0.02
"""
MOVES = """
    INSERT INTO executions_event (execution_id, kind, before, after, actor, code, detail, at)
    SELECT id, 'status', 'running', status, 'worker', '', '', coalesce(finished_at, created_at) FROM executions_execution
"""
PLAIN_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes JOIN pg_index ON indexrelid = indexname::regclass
    WHERE tablename IN ('gateway_call', 'executions_execution', 'executions_stepresult', 'executions_event',
        'executions_flag') AND NOT indisunique
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=10_000_000)
    wanted = parser.parse_args()
    with database() as url:
        os.environ.update(DATABASE_URL=url, BROKER_URL="", DJANGO_SETTINGS_MODULE="config.settings")
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0, skip_checks=True)
        with database_cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
        project = _load(wanted.calls)
        _build(project)
        _read(project)
        _fold(project)
        _upkeep()


@contextmanager
def database() -> Iterator[str]:
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    from tests.servers import PostgreSQL

    folder = Path(tempfile.mkdtemp(prefix="workflow-memory-bench-"))
    server = PostgreSQL(folder, *SETTINGS)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _load(calls: int) -> object:
    """Real tables, filled by the server itself, without triggers and with the indexes built afterwards."""
    from projects.models import Project
    from workflows.models import Workflow

    project = Project.objects.create(name="bench")
    flows = Workflow.objects.bulk_create(Workflow(project=project, name=f"w{n:03}") for n in range(WORKFLOWS))
    versions, publications = _publish(flows)
    first = flows[0].pk
    values = {"project": project.pk, "workflows": first, "executions": max(1, calls // CALLS_EACH)}
    values |= {"versions": versions - first, "publications": publications - first}
    started = time.perf_counter()
    with database_cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute(PLAIN_INDEXES)
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        for statement in (EXECUTIONS, CALLS, ANSWERS, FLAGS, MOVES):
            cursor.execute(statement, values)
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT count(*), pg_size_pretty(pg_database_size(current_database())) FROM gateway_call")
        loaded, size = cursor.fetchone()
    print(f"{loaded:,} calls of {WORKFLOWS} workflows on {DAYS} days, {size}: {time.perf_counter() - started:.0f} s")
    return project


def _publish(flows: list) -> tuple[int, int]:
    """One version and one publication each; the first ids of both."""
    from workflows.models import Publication, Version

    made = [Version(workflow=one, number="1.0.0", definition={}, content_hash="", created_by="bench") for one in flows]
    made = Version.objects.bulk_create(made)
    live = [Publication(version=one, tier_map={}, prompt_format=1, published_by="bench") for one in made]
    return made[0].pk, Publication.objects.bulk_create(live)[0].pk


def _build(project: object) -> None:
    from analytics.models import AnswerCell, AskedCell, CallCell, ExecutionCell, LatencyCell, Standing
    from analytics.rebuilding import rebuild

    started, steps = time.perf_counter(), []
    for _ in rebuild(project):
        steps.append(time.perf_counter())
    longest = max(b - a for a, b in zip([started, *steps], steps, strict=False))
    sizes = ", ".join(
        f"{m.objects.count():,} {m.__name__}s" for m in (CallCell, AnswerCell, ExecutionCell, LatencyCell, AskedCell)
    )
    print(f"all cells built anew in {steps[-1] - started:.0f} s, the longest step {longest:.1f} s: {sizes}")
    with database_cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT pg_size_pretty(sum(pg_total_relation_size(c.oid))) FROM pg_class c "
                       "WHERE relkind = 'r' AND relname LIKE 'analytics_%%'", [])  # fmt: skip
        print(f"they and {Standing.objects.count():,} standings take {cursor.fetchone()[0]}")


def _read(project: object) -> None:
    """The same summary from both sources. The naive one is asked once: it takes its time."""
    from analytics.costs import summarise
    from analytics.extent import Extent
    from analytics.ledger import Ledger

    largest, smallest = project.workflows.order_by("pk")[0], project.workflows.order_by("-pk")[0]
    for name, about in (("largest workflow", largest), ("smallest workflow", smallest), ("all workflows", None)):
        extent = Extent(project, about, simulated=False)
        cells = [_timed(lambda extent=extent: summarise(extent)) for _ in range(ROUNDS)]
        naive_sql, naive, truth, _ = _timed(lambda extent=extent: summarise(extent, source=Ledger))
        equal = cells[0][2].balance == truth.balance and cells[0][2].to_date == truth.to_date
        print(
            f"{name}: cells {_spread([sql for sql, *_ in cells])} ms of SQL in {cells[0][3]} queries, "
            f"{_spread([total for _, total, *_ in cells])} ms in all; naive {naive_sql:.0f} and {naive:.0f} ms; "
            f"equal to the last digit: {equal}"
        )


def _fold(project: object) -> None:
    """The last full day is taken out of the cells, made pending, and folded again."""
    from analytics.costs import summarise
    from analytics.extent import Extent
    from analytics.models import AnswerCell, AskedCell, CallCell, ExecutionCell, LatencyCell, Pending, Standing
    from analytics.rollups import fold_batch

    extent = Extent(project, None, simulated=False)
    before = summarise(extent)
    day = CallCell.objects.order_by("-day").values_list("day", flat=True).distinct()[1]
    for model in (CallCell, AnswerCell, ExecutionCell, LatencyCell, AskedCell, Standing):
        model.objects.filter(project=project.pk, day=day).delete()
    with database_cursor() as cursor:
        cursor.execute(PENDING, {"day": day})
        cursor.execute("ANALYZE analytics_pending")
    rows = Pending.objects.count()
    equal = [summarise(extent).balance == before.balance]
    started, cpu, longest = time.perf_counter(), cpu_seconds(), 0.0
    while Pending.objects.exists():
        batch = time.perf_counter()
        fold_batch()
        longest = max(longest, time.perf_counter() - batch)
    elapsed, used = time.perf_counter() - started, cpu_seconds() - cpu
    equal.append(summarise(extent).balance == before.balance)
    print(
        f"folding: {rows / elapsed:,.0f} rows/s, {used / rows * 1e6:.0f} µs of CPU a row, the longest transaction "
        f"{longest * 1000:.0f} ms; summaries equal while pending and after: {all(equal)}"
    )


PENDING = """
    INSERT INTO analytics_pending (project, workflow, call, execution, accepted)
    SELECT project, workflow, id, NULL::uuid, false FROM gateway_call WHERE (finished_at AT TIME ZONE 'UTC')::date = %(day)s
    UNION ALL
    SELECT project_id, workflow_id, NULL, id, true FROM executions_execution
    WHERE (created_at AT TIME ZONE 'UTC')::date = %(day)s
    UNION ALL
    SELECT project_id, workflow_id, NULL, id, false FROM executions_execution
    WHERE (finished_at AT TIME ZONE 'UTC')::date = %(day)s
"""


def _upkeep() -> None:
    """Executions of one code step and two model calls, in turn without triggers and with them and folding."""
    from analytics.rollups import fold
    from analytics.triggers import TRIGGERS
    from tests.cast import REFUND, envelope, execute, make_project, make_workflow, models_answer

    models_answer({"text": envelope({"kind": "refund"}), "input_tokens": 1_000, "output_tokens": 200})
    again = {**REFUND["steps"][1], "id": "again", "instructions": "Is it really one?"}
    workflow = make_workflow({**REFUND, "steps": [*REFUND["steps"], again]}, project=make_project("upkeep"))

    def work(folding: bool) -> float:
        with database_cursor() as cursor:
            for trigger in TRIGGERS:
                verb = "ENABLE" if folding else "DISABLE"
                cursor.execute(f"ALTER TABLE {trigger.table} {verb} TRIGGER {trigger.name}")
        cpu = cpu_seconds()
        for number in range(RUNS):
            execute(workflow)
            if folding and number % FOLD_EVERY == FOLD_EVERY - 1:
                fold()
        return (cpu_seconds() - cpu) / RUNS * 1000

    work(True)
    rounds = [(work(False), work(True)) for _ in range(ROUNDS)]
    without, kept = zip(*rounds, strict=True)
    share = [100 * (b - a) / b for a, b in rounds]
    print(
        f"CPU of an execution: {_spread(without)} ms without cells, {_spread(kept)} ms with them: "
        f"upkeep {_spread(share)} %"
    )


RUNS, FOLD_EVERY = 300, 100


def _timed(ask: Callable[[], object]) -> tuple[float, float, object, int]:
    """Milliseconds of SQL and altogether, the answer, and the number of queries."""
    from django.db import connection

    sql, queries = 0.0, 0

    def measured(execute: Callable, *words: object) -> object:
        nonlocal sql, queries
        started = time.perf_counter()
        try:
            return execute(*words)
        finally:
            sql += time.perf_counter() - started
            queries += 1

    started = time.perf_counter()
    with connection.execute_wrapper(measured):
        answer = ask()
    return sql * 1000, (time.perf_counter() - started) * 1000, answer, queries


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def database_cursor() -> object:
    from django.db import connection

    return connection.cursor()


def cpu_seconds() -> float:
    """Of this process, its children (the sandbox) and our connection's PostgreSQL process."""
    with database_cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return time.process_time() + sum(_ticks(pid) for pid in {*children, str(backend)})


def _ticks(pid: str) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
