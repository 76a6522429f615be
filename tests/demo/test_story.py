"""The demo as its viewers see it: every message ends as its author said that it should, and every figure is labelled."""

from collections import Counter
from io import StringIO

import pytest
from rich.console import Console

from demo import loop, story
from executions import worker
from executions.drivers import plain
from executions.models import Execution, Flag
from projects.models import Project
from tests.designs import designed
from tests.evaluations import evaluated
from workflows.models import Workflow

pytestmark = pytest.mark.django_db


def design() -> Workflow:
    """What the scripted frontier writes, confirmed, proven and published, as the demo does it."""
    ready = loop.ready_to_design(story.establish(story.SCRIPTED))
    found = designed.complete(loop.design(ready))
    first, second = found.rounds.order_by("number")
    assert first.faults[0]["pointer"] == "/cases/14"
    assert first.faults[0]["detail"].startswith("case 15: It expects an answer, and /edge_cases/0 hands it to a person")
    assert second.faults == []
    assert loop.confirm_cases(found.workflow) == 15
    loop.state_gate(found.workflow)
    prove_and_publish(found)
    story.state_baseline(found.workflow)
    return fresh(found.workflow)


def prove_and_publish(found):
    evaluation = evaluated.complete(loop.evaluate(loop.ready_to_evaluate(found.draft)))
    assert evaluation.passed, evaluation.figures["verdict"]
    assert loop.publish(found.draft).evidence == "passed"


def fresh(workflow: Workflow) -> Workflow:
    workflow.refresh_from_db()
    return workflow


def ends_of(workflow: Workflow, messages: list[dict]) -> dict[str, dict]:
    ends = {}
    for message in messages:
        execution = story.submit(workflow, message)
        plain.advance(execution.pk, worker.current())
        execution.refresh_from_db()
        ends[message["ticket_id"]] = end_of(execution)
    return ends


def test_every_message_ends_as_it_should():
    workflow, messages = design(), story.messages()
    ends = ends_of(workflow, messages)
    assert ends == {message["ticket_id"]: expected_end(message["expect"]) for message in messages}
    assert Counter(end["status"] for end in ends.values()) == {"completed": 74, "escalated": 18}

    printed = StringIO()
    story.print_report(Console(file=printed, width=100), workflow)
    report = printed.getvalue()
    assert "SIMULATED" in report
    for row in ("design, paid once", "redesign, paid once", "evaluation, paid once"):
        assert row in report
    assert "62.16" in report  # 74 completed, at the 0.84 that a person declared


def test_what_was_flagged_for_its_language_is_not_flagged_again():
    workflow = design()
    of_languages = [one for one in story.messages() if "T-4072" <= one["ticket_id"] <= "T-4076"]
    before = ends_of(workflow, of_languages)
    assert {end["reason"] for end in before.values()} == {"uncovered"}
    chosen = loop.of_the_gap(loop.groups(workflow))
    assert len(chosen) == 5  # each language is a group of its own

    found = designed.complete(loop.redesign(loop.ready_to_redesign(workflow, chosen)))
    assert [one["path"] for one in found.answer["changes"]] == ["/steps/categorise/instructions"]
    assert (found.draft.number, len(found.draft.resolves)) == ("1.0.1", 5)
    assert loop.confirm_cases(workflow) == 3
    prove_and_publish(found)
    assert not Flag.objects.filter(pk__in=found.draft.resolves, state__in=("open", "in_redesign")).exists()

    # The one that waited is executed again, and waits again: it speaks of a telephone call.
    again = Execution.objects.get(rerun_of__isnull=False)
    plain.advance(again.pk, worker.current())
    again.refresh_from_db()
    assert (again.status, again.version) == ("escalated", found.draft)
    assert again.flags.get().explanation.startswith(
        "The model says that this is not covered: There is no support question about Larkspur"
    )

    later = story.messages("later")
    ends = ends_of(fresh(workflow), later)
    assert ends == {message["ticket_id"]: expected_end(message["expect"]) for message in later}
    assert story.flagged(Execution.objects.filter(version=found.draft, rerun_of=None, purpose="production")) == 0


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
    assert (first.name, second.name) == ("demo", "demo-2")
    assert Project.objects.count() == 2
