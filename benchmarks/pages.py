"""The savings pages over cells that stand for a large ledger: how long the server takes for each, and for how many queries.

    python benchmarks/pages.py [--calls 10000000] [NAME …]

Starts a PostgreSQL of its own (or takes DATABASE_URL's: an empty one, or one that this has filled before), fills the daily cells of
twenty workflows over two years as folding so many calls would have left them, and asks every page that there is, or those that are
named, as a browser would. The rows behind the cells are not there: pages that read the ledger itself have little to read.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.rollups import cpu_seconds, database, database_cursor  # noqa: E402

WORKFLOWS, DAYS, VERSIONS = 20, 730, 8
SHADOWED, SHADOWS = 4, 400  # workflows that are measured, and shadows of each
ASKED, WARM_UP = 15, 2
STEPS = ("step_1", "step_2", "step_3", "step_4")
PROJECT = "bench"
HAIKU, SONNET, OPUS = ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5")

# A day of a workflow, call by call of a kind: (step, tier, model, purpose, lane, outcome, of a thousand calls). Four steps on two
# lanes, what goes wrong, what repairs it, what the frontier answers behind a step, and a share in the shadow.
KINDS = (
    *((step, "cheap", HAIKU, "step", "fast", "ok", 220) for step in STEPS[:3]),
    (STEPS[3], "standard", SONNET, "step", "fast", "ok", 200),
    *((step, "frontier", OPUS, "step", "quality", "ok", 15) for step in STEPS),
    *((step, tier, model, "step", "fast", "truncated", 3) for step, tier, model in
      ((STEPS[0], "cheap", HAIKU), (STEPS[3], "standard", SONNET))),
    *((step, tier, model, "repair", "fast", "ok", 12) for step, tier, model in
      ((STEPS[0], "cheap", HAIKU), (STEPS[3], "standard", SONNET))),
    (STEPS[0], "frontier", OPUS, "escalation", "fast", "ok", 10),
    *((step, "frontier", OPUS, "shadow", "", "ok", 15) for step in STEPS),
    ("", "cheap", HAIKU, "evaluation", "", "ok", 20),
)  # fmt: skip
PRICES = {HAIKU: (1, 5), SONNET: (3, 15), OPUS: (5, 25)}  # USD per million tokens, in and out

# Each workflow has as many calls as its number says; each version is live for as long as the others.
OF_A_DAY = """
    FROM generate_series(0, %(workflows)s - 1) w CROSS JOIN generate_series(0, %(days)s - 1) d
    CROSS JOIN LATERAL (SELECT date '{begins}' + d AS day, %(workflow)s + w AS workflow, simulated,
        %(version)s + w * %(versions)s + d * %(versions)s / %(days)s AS version,
        greatest(4, (%(calls)s * 2.0 * (w + 1) / (%(workflows)s * (%(workflows)s + 1)) / %(days)s))::bigint AS n
        FROM (VALUES (false)) s (simulated)) x
"""
CALL_CELLS = """
    INSERT INTO analytics_callcell (id, project, workflow, simulated, day, version, step, tier, provider, model_planned, purpose,
        lane, outcome, reported, batch, trial, doubted, price_input, price_cache_read, price_cache_write_5m, price_cache_write_1h,
        calls, unpriced, cost, input, cache_read, cache_write_5m, cache_write_1h, output, batch_saved, batch_unknown)
    SELECT gen_random_uuid(), %(project)s, workflow, simulated, day, version, step, tier, 'anthropic', model, purpose, lane,
        outcome, false, false, false, false, p * 1000000::bigint * 1000000, p * 100000::bigint * 1000000,
        p * 1250000::bigint * 1000000, p * 2000000::bigint * 1000000, c, 0,
        c * (800 * p * 1000000::bigint + 2000 * p * 100000::bigint + 200 * q * 1000000::bigint), c * 800, c * 2000, 0, 0,
        c * 200, 0, 0
    {of_a_day} CROSS JOIN LATERAL (
        SELECT k.*, greatest(1, n * share / 1000) AS c
        FROM (VALUES {kinds}) k (step, tier, model, purpose, lane, outcome, share, p, q)
        WHERE purpose <> 'evaluation' OR d * %(versions)s %% %(days)s < %(versions)s) y
"""
ANSWER_CELLS = """
    INSERT INTO analytics_answercell (id, project, workflow, simulated, day, version, step, by_frontier, baseline_model, call_day,
        size, price_input, price_cache_read, price_cache_write_5m, price_cache_write_1h, answers, own, own_priced, warm,
        warm_priced, cold, cold_priced, input, cache_read, cache_write_5m, cache_write_1h, output, batch_saved, batch_unknown,
        least_prompt, most_prompt)
    SELECT gen_random_uuid(), %(project)s, workflow, simulated, day, version, step, purpose = 'escalation',
        'anthropic:claude-opus-4-5', day, 0, p * 1000000::bigint * 1000000, p * 100000::bigint * 1000000,
        p * 1250000::bigint * 1000000, p * 2000000::bigint * 1000000, c,
        c * (800 * p * 1000000::bigint + 2000 * p * 100000::bigint + 200 * q * 1000000::bigint), c,
        c * (800 * 5000000::bigint + 2000 * 500000::bigint + 200 * 25000000::bigint), c,
        c * (2800 * 5000000::bigint + 200 * 25000000::bigint), c, c * 800, c * 2000, 0, 0, c * 200, 0, 0, 1000, 4000
    {of_a_day} CROSS JOIN LATERAL (
        SELECT k.*, greatest(1, n * share / 1000) AS c
        FROM (VALUES {kinds}) k (step, tier, model, purpose, lane, outcome, share, p, q)
        WHERE purpose IN ('step', 'escalation') AND outcome = 'ok') y
"""
EXECUTION_CELLS = """
    INSERT INTO analytics_executioncell (id, project, workflow, simulated, day, version, lane, accepted, completed, rejected,
        failed, flagged, reported, completed_flagged)
    SELECT gen_random_uuid(), %(project)s, workflow, simulated, day, version, lane, n * a / 5000, n * b / 5000, n * b / 250000,
        n * b / 250000, n * b / 100000, 0, n * b / 120000
    {of_a_day} CROSS JOIN (VALUES ('', 1090, 0), ('fast', 0, 1000), ('quality', 0, 75)) k (lane, a, b)
"""
HISTOGRAM = """(SELECT jsonb_object_agg(round(500 * power(1.2, b))::text,
        jsonb_build_array(1 + b, (1 + b) * round(500 * power(1.2, b))))
    FROM generate_series(0, 15) b)"""
LATENCY_CELLS = """
    INSERT INTO analytics_latencycell (id, project, workflow, simulated, day, version, lane, histogram)
    SELECT gen_random_uuid(), %(project)s, workflow, simulated, day, version, lane, {histogram}
    {of_a_day} CROSS JOIN (VALUES ('fast'), ('quality')) k (lane)
    UNION ALL
    SELECT gen_random_uuid(), %(project)s, NULL, false, date '{begins}' + d, NULL, lane, {histogram}
    FROM generate_series(0, %(days)s - 1) d CROSS JOIN (VALUES ('fast'), ('quality')) k (lane)
"""
ASKED_CELLS = """
    INSERT INTO analytics_askedcell (id, project, workflow, simulated, day, version, step, tier, provider, model_planned, lane,
        histogram, prefixes)
    SELECT gen_random_uuid(), %(project)s, workflow, simulated, day, version, step, tier, 'anthropic', model, lane, {histogram},
        {histogram}
    {of_a_day} CROSS JOIN (VALUES {kinds}) k (step, tier, model, purpose, lane, outcome, share, p, q)
    WHERE purpose = 'step' AND outcome = 'ok'
"""
ESCALATIONS = """
    INSERT INTO analytics_escalation (execution, project, workflow, simulated, began, ended, flagged)
    SELECT gen_random_uuid(), %(project)s, workflow, simulated, day, CASE WHEN d %% 3 > 0 THEN day + 1 END, true {of_a_day}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("pages", nargs="*", metavar="NAME")
    wanted = parser.parse_args()
    with database() as url:
        os.environ.update(DATABASE_URL=url, BROKER_URL="", DJANGO_SETTINGS_MODULE="config.settings")
        import django

        django.setup()
        from django.core.management import call_command

        from projects.models import Project

        call_command("migrate", verbosity=0, skip_checks=True)
        if not Project.objects.filter(name=PROJECT).exists():
            _fill(wanted.calls)
        _measure(set(wanted.pages))


def _fill(calls: int) -> None:
    from tests.cast import make_project

    started = time.perf_counter()
    tiers = {"cheap": f"anthropic:{HAIKU}", "standard": f"anthropic:{SONNET}", "frontier": f"anthropic:{OPUS}"}
    project = make_project(PROJECT, tiers)
    make_project("another", tiers)  # so that there is a list of them
    begins = (datetime.now(UTC) - timedelta(days=DAYS - 1)).date()
    flows = [_workflow(project, number, begins) for number in range(WORKFLOWS)]
    _recent(flows)
    values = {"project": project.pk, "workflow": flows[0].pk, "version": flows[0].versions.order_by("pk")[0].pk}
    values |= {"workflows": WORKFLOWS, "versions": VERSIONS, "days": DAYS, "calls": calls}
    kinds = ", ".join(str((*kind, *PRICES[kind[2]])) for kind in KINDS)
    parts = {"kinds": kinds, "begins": begins, "histogram": HISTOGRAM}
    with database_cursor() as cursor:
        for statement in (CALL_CELLS, ANSWER_CELLS, EXECUTION_CELLS, LATENCY_CELLS, ASKED_CELLS, ESCALATIONS):
            cursor.execute(statement.format(**parts, of_a_day=OF_A_DAY.format(**parts)), values)
        cursor.execute("TRUNCATE analytics_pending")  # the newest executions stand in the cells already
        cursor.execute("VACUUM ANALYZE")
    print(f"{_sizes()}: filled in {time.perf_counter() - started:.0f} s")


def _workflow(project: object, number: int, begins: object) -> object:
    """With its versions, each published at its time."""
    from tests.cast import REFUND
    from workflows.models import Publication, Version, Workflow

    code, model = REFUND["steps"]
    steps = [code, *({**model, "id": step, "tier": "cheap" if step != STEPS[3] else "standard"} for step in STEPS)]
    definition = {**REFUND, "steps": steps, "result": {"kind": "steps['step_1']['kind']"}}
    at = datetime.combine(begins, datetime.min.time(), UTC)
    workflow = Workflow.objects.create(project=project, name=f"workflow-{number:02}", created_at=at)
    for place in range(VERSIONS):
        published = at + timedelta(days=place * DAYS / VERSIONS)
        version = Version.objects.create(
            workflow=workflow, number=f"1.{place}.0", definition=definition, content_hash=str(place), created_by="bench",
            created_at=published, designed_at=published, design_cost=4 * 10**12 if place == 0 else None,
        )  # fmt: skip
        workflow.live = Publication.objects.create(
            version=version, tier_map=project.tier_map(), prompt_format=1, published_by="bench", published_at=published
        )
    workflow.save()
    return workflow


def _recent(flows: list) -> None:
    """The newest executions as rows, and shadows of some of them: what pages look up beside the cells."""
    from executions.models import Execution
    from shadows.models import Shadow
    from tests.analytics.ledgers import build_execution

    now = datetime.now(UTC)
    for number, workflow in enumerate(flows):
        version = workflow.live.version
        moments = [now - timedelta(days=90 * n / SHADOWS) for n in range(SHADOWS)]
        made = [build_execution(workflow, at, version=version, lane="fast") for at in moments]
        Execution.objects.bulk_create(made)
        if number >= WORKFLOWS - SHADOWED:
            workflow.baselines.create(
                method="measured", model=f"anthropic:{OPUS}", valid_from=now - timedelta(days=DAYS), stated_by="bench"
            )
            Shadow.objects.bulk_create(_shadow(one, place) for place, one in enumerate(made))


def _shadow(execution: object, place: int) -> object:
    from shadows.models import Shadow

    return Shadow(
        project=execution.project, workflow=execution.workflow, version=execution.version, past=execution, flagged=place % 20 == 0,
        day=execution.finished_at.date(), subject="workflow", model=f"anthropic:{OPUS}", simulated=False, status="completed",
        cost=50_000_000_000 + place * 100_000_000, same=place % 30 > 0, finished_at=execution.finished_at,
        steps={step: {"same": place % 30 > 0, "said": ""} for step in STEPS},
    )  # fmt: skip


def _sizes() -> str:
    from django.db.models import Sum

    from analytics.models import AnswerCell, AskedCell, CallCell, ExecutionCell, LatencyCell

    calls = CallCell.objects.aggregate(calls=Sum("calls"))["calls"]
    cells = ", ".join(
        f"{model.objects.count():,} {model.__name__}s"
        for model in (CallCell, AnswerCell, ExecutionCell, LatencyCell, AskedCell)
    )
    return f"{calls:,} calls of {WORKFLOWS} workflows on {DAYS} days in {cells}"


def _measure(wanted: set[str]) -> None:
    client = _signed_in()
    print(f"{'page':<34} {'ms':>7} {'least':>7} {'most':>7} {'CPU':>7} {'SQL':>7} {'queries':>8} {'KiB':>6}")
    for name, address in _addresses():
        if wanted and name.partition(" ")[0] not in wanted:
            continue
        answer = client.get(address)
        if answer.status_code != 200:
            print(f"{name:<34} {answer.status_code}")
            continue
        print(f"{name:<34} {_figures(lambda address=address: client.get(address))} {len(answer.content) / 1024:>6.0f}")


def _figures(ask: Callable[[], object]) -> str:
    """Median, least and most milliseconds of the wall clock, milliseconds of CPU, of ours and of PostgreSQL's, and its queries."""
    for _ in range(WARM_UP):
        ask()
    times, cpu = [], cpu_seconds()
    for _ in range(ASKED):
        started = time.perf_counter()
        ask()
        times.append((time.perf_counter() - started) * 1000)
    used = (cpu_seconds() - cpu) / ASKED * 1000
    sql, queries = _asked_of_the_database(ask)
    return (
        f"{statistics.median(times):>7.0f} {min(times):>7.0f} {max(times):>7.0f} {used:>7.0f} {sql:>7.0f} {queries:>8}"
    )


def _asked_of_the_database(ask: Callable[[], object]) -> tuple[float, int]:
    from django.db import connection

    found: list[float] = []

    def measured(execute: Callable, *words: object) -> object:
        started = time.perf_counter()
        try:
            return execute(*words)
        finally:
            found.append((time.perf_counter() - started) * 1000)

    with connection.execute_wrapper(measured):
        ask()
    return sum(found), len(found)


def _signed_in() -> object:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    settings.ALLOWED_HOSTS.append("testserver")
    accounts = get_user_model().objects
    account = accounts.filter(username="bench").first() or accounts.create_superuser("bench", password=None)
    client = Client()
    client.force_login(account)
    return client


def _addresses() -> Iterator[tuple[str, str]]:
    """Of every page of a project and of a workflow: of one that is repriced, the largest of those, and of one that is measured."""
    from django.urls import reverse

    from reports.savings.urls import urlpatterns

    since = (datetime.now(UTC) - timedelta(days=90)).date()
    of_workflows = {"": f"workflow-{WORKFLOWS - SHADOWED - 1:02}", " measured": f"workflow-{WORKFLOWS - 1:02}"}
    for pattern in urlpatterns:
        known = set(pattern.pattern.converters)
        if known == {"project"}:
            address = reverse(f"reports:{pattern.name}", args=[PROJECT])
            yield pattern.name, address
            yield f"{pattern.name} 90 days", f"{address}?since={since}"
        elif known == {"project", "workflow"}:
            for said, workflow in of_workflows.items():
                address = reverse(f"reports:{pattern.name}", args=[PROJECT, workflow])
                yield f"{pattern.name}{said}", address
                yield f"{pattern.name}{said} 90 days", f"{address}?since={since}"
        elif not known:
            yield pattern.name, reverse(f"reports:{pattern.name}")


if __name__ == "__main__":
    main()
