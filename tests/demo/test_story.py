"""The demo as its viewers see it: every message ends as its author said that it should, and every figure is labelled."""

import os
import subprocess
import sys
from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from demo import story
from executions import worker
from executions.drivers import plain
from executions.models import Flag
from projects.models import Project

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def messages():
    return story.messages()


def test_every_message_ends_as_it_should(messages):
    workflow = story.establish(story.SCRIPTED)
    ends = {}
    for message in messages:
        execution = story.submit(workflow, message)
        plain.advance(execution.pk, worker.current())
        execution.refresh_from_db()
        ends[message["ticket_id"]] = end_of(execution)
    assert ends == {message["ticket_id"]: expected_end(message["expect"]) for message in messages}
    assert Counter(end["status"] for end in ends.values()) == {"completed": 74, "escalated": 18}

    printed = StringIO()
    story.print_report(Console(file=printed, width=100), workflow)
    report = printed.getvalue()
    assert "SIMULATED" in report
    assert "design (declared" in report
    assert "62.16" in report  # 74 completed, at the 0.84 that a person declared


def end_of(execution):
    flag = Flag.objects.filter(execution=execution).first()
    output = execution.output or {}
    return {
        "status": execution.status,
        "resolved_by": execution.resolved_by or None,
        "reason": flag.reason if flag else None,
        "action": output.get("action"),
        "category": output.get("category"),
    }


def expected_end(expect):
    return {key: expect.get(key) for key in ("status", "resolved_by", "reason", "action", "category")}


def test_a_second_demo_leaves_the_first_ones_ledger_alone():
    first, second = story.establish(story.SCRIPTED), story.establish(story.SCRIPTED)
    assert (first.project.name, second.project.name) == ("demo", "demo-2")
    assert Project.objects.count() == 2


def test_in_a_pipe_it_prints_its_tables_in_80_columns_and_no_progress(tmp_path):
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path}/demo.sqlite3",
        "BROKER_URL": "",
        "HOST": "",
        "PORT": "",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "demo"],
        cwd=Path(__file__).parent.parent.parent,
        env={name: value for name, value in environment.items() if name != "COLUMNS"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert done.stderr == ""
    assert not [line for line in lines if "executing" in line or "\x1b" in line]
    assert max(len(line) for line in lines) <= 80
    assert [line for line in lines if "http" in line] == [
        "  admin  http://127.0.0.1:8000/admin/ (make run prints its password, once)",
        "  API    http://127.0.0.1:8000/api/v1/workflows/support-ticket/costs",
    ]
    assert "│ completed                     │ 74         │" in lines
