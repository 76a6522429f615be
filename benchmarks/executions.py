"""Executions per second and CPU per execution with an instant provider, on the embedded default: `make bench`.

The common work: normalise in code, classify and draft with a model, each step checkpointed, the result stored.
Prints medians and ranges of several rounds, and what one execution costs in statements and commits.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS, EXECUTIONS = 5, 200

DEFINITION = {
    "title": "The common work",
    "purpose": "Normalise a message, classify it, draft an answer.",
    "input_schema": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
    "steps": [
        {"id": "normalise", "kind": "code", "code": "def run(input, steps):\n    return ' '.join(input['text'].split()).lower()"},
        {
            "id": "classify",
            "kind": "model",
            "tier": "cheap",
            "instructions": "Classify this message.",
            "prompt": "{{ steps.normalise }}",
            "output_schema": {"type": "object", "required": ["category"], "properties": {"category": {"type": "string"}}},
        },
        {
            "id": "draft",
            "kind": "model",
            "tier": "cheap",
            "instructions": "Write a reply.",
            "prompt": "Category: {{ steps.classify.category }}\n{{ steps.normalise }}",
        },
    ],
}  # fmt: skip
SAID = '{"status": "ok", "output": %s, "confidence": 0.9, "rationale": "It is plain.", "uncovered": null}'
ANSWERS = [
    {"system": "Classify", "text": SAID % '{"category": "refund"}'},
    {"system": "Write a reply", "text": SAID % '{"text": "Dear Alex, we have looked into it."}'},
]
TEXT = (
    "  Hello,\tI bought  the  Blue Kettle (order #A-1029) on the 3rd and it leaks.  I would like my money back please. "
    * 4
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DATABASE_URL"] = f"sqlite:///{folder}/bench.sqlite3"
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        sys.path.insert(0, str(ROOT))
        import django

        django.setup()
        _measure()


def _measure() -> None:
    from django.core.management import call_command

    from executions.working import working
    from gateway.providers.registry import register
    from gateway.providers.scripted import ScriptedProvider
    from projects.models import Project
    from workflows.models import Examined, Workflow

    call_command("migrate", verbosity=0, skip_checks=True)
    register("scripted", ScriptedProvider.from_answers(ANSWERS))
    project = Project.objects.establish("bench")
    project.tiers.update(provider="scripted")
    workflow = Workflow.objects.create(project=project, name="common-work")
    workflow.draft(Examined.of(DEFINITION, project), "1.0.0", created_by="bench").publish("bench")
    workflow.refresh_from_db()
    print(f"one execution: {_statements(workflow)}")
    with working():
        _round(workflow, 20)
        rounds = [_round(workflow, EXECUTIONS) for _ in range(ROUNDS)]
    for name, values in zip(("executions/s", "CPU ms/execution"), zip(*rounds, strict=True), strict=True):
        print(
            f"{name}: median {statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f}), {ROUNDS} rounds"
        )


def _statements(workflow: object) -> str:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from executions import worker
    from executions.drivers import plain

    worker.current()
    _run_here(workflow, plain, worker)  # the first one compiles
    with CaptureQueriesContext(connection) as captured:
        _run_here(workflow, plain, worker)
    said = [query["sql"].split()[0] for query in captured.captured_queries]
    written = sum(said.count(verb) for verb in ("INSERT", "UPDATE"))
    return f"{said.count('COMMIT')} commits, {written} writes, {said.count('SELECT')} reads"


def _run_here(workflow: object, plain: object, worker: object) -> None:
    plain.advance(_submit(workflow).pk, worker.current())


def _submit(workflow: object) -> object:
    from executions import queue

    return queue.submit(workflow.live.version, workflow.live, {"text": TEXT}, actor="bench")


def _round(workflow: object, count: int) -> tuple[float, float]:
    from executions.models import Execution

    before = Execution.objects.filter(status="completed").count()
    started, cpu = time.perf_counter(), _cpu_seconds()
    for _ in range(count):
        _submit(workflow)
    while Execution.objects.filter(status="completed").count() < before + count:
        time.sleep(0.02)
    elapsed = time.perf_counter() - started
    return count / elapsed, (_cpu_seconds() - cpu) / count * 1000


def _cpu_seconds() -> float:
    """Of this process and of its children, which are the sandbox."""
    ticks = os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    total = time.process_time()
    for pid in children:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / ticks
    return total


if __name__ == "__main__":
    main()
