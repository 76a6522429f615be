"""The loop in a browser: a designer has a workflow designed, publishes it, has it mended from flags, and publishes that. Only
buttons are pressed and links followed; workers do the rest beside it."""

import time

import pytest

from designs import running
from designs.grouping import gather
from designs.models import Design
from executions.models import Flag
from executions.queue import submit
from executions.working import working
from tests.cast import envelope, make_project, member, models_answer
from tests.designs.designed import TASK, design_answer, redesign_answer
from workflows.models import Workflow

pytestmark = pytest.mark.django_db(transaction=True)

VOUCHER = {"id": "voucher", "case": "The writer asks for a voucher", "handling": "Answer other."}
ADD = {"op": "add", "path": "/edge_cases/-", "value": VOUCHER, "why": "They came again and again."}
CASES = [
    {"kind": "covered", "input": {"message": "May I have a voucher"}, "expected": {"kind": "other"}},
    {"kind": "boundary", "input": {"message": "A refund and no voucher"}, "expected": {"kind": "refund"}},
]
SCRIPT = (
    {"system": "You design workflows", "text": design_answer()},
    {"system": "You mend workflows", "text": redesign_answer([ADD], CASES)},
    {"system": "asks for a voucher", "text": envelope({"kind": "other"})},  # it knows by now
    {"user": "voucher", "text": envelope(status="uncovered", uncovered="Whether vouchers are meant.")},
    {"text": envelope({"kind": "other"})},
)


def flags() -> None:
    live = Workflow.objects.select_related("live__version").get().live
    for message in ("I want a voucher", "I want my voucher"):
        submit(live.version, live, {"message": message}, actor="test")


def grouped() -> bool:
    gather()
    return Flag.objects.filter(membership__isnull=False).count() == 2


def press(page, label: str, shown: str) -> None:
    page.click(label)
    page.reads(shown)


def test_the_whole_loop_by_buttons_and_links(opened):
    project = make_project()
    models_answer(*SCRIPT)
    with working([running.advance_all]):
        page = opened("/admin/designs/design/begin/", member(project, "designer"))
        page.fill("#id_name", "refund")
        page.fill("#id_task", TASK)
        press(page, "Say what it would cost", "What it would cost")
        press(page, "Begin", "The draft 1.0.0 is there")
        press(page, "The draft 1.0.0", "refund 1.0.0")
        press(page, "Publish", "No, go back")
        press(page, "Publish", "1.0.0 is live: executions")
        flags()
        while not grouped():
            time.sleep(0.1)
        page.open(f"/admin/workflows/workflow/{Workflow.objects.get().pk}/redesign/")
        page.evaluate("document.querySelectorAll('[name=groups]').forEach(one => one.checked = true)")
        press(page, "Say what it would cost", "What it would cost")
        press(page, "Begin", "The draft 1.1.0 is there")
        press(page, "Publish the draft", "It closes 2 flags")
        press(page, "Publish", "1.1.0 is live: executions")
    assert {flag.state for flag in Flag.objects.all()} == {"resolved"}
    assert [one.status for one in Design.objects.order_by("pk")] == ["completed", "completed"]
    assert Workflow.objects.get().live.version.number == "1.1.0"
