"""The demo as its viewers see it: every message ends as its author said that it should, and every figure is labelled."""

from collections import Counter
from io import StringIO

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
