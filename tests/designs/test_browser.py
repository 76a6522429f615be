"""The loop in a browser: a designer has a workflow designed, publishes it, has it mended from flags, and publishes that. Only
buttons are pressed and links followed; workers do the rest beside it."""

import asyncio

import pytest
from django.conf import settings
from django.db import connection

from designs import running
from designs.grouping import gather
from designs.models import Design
from executions.models import Flag
from executions.queue import submit
from executions.working import working
from tests.browser import CHROMIUM, Browser, browse
from tests.cast import envelope, make_project, member, models_answer
from tests.designs.designed import TASK, design_answer, redesign_answer
from tests.test_pages import host
from workflows.models import Workflow

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
    pytest.mark.django_db(transaction=True),
]

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


async def press(browser: Browser, label: str, shown: str) -> None:
    """The button or link of this label, and then until this text is there."""
    every = "[...document.querySelectorAll('#content button, #content a, #content input[type=submit]')]"
    found = f"{every}.find(one => (one.innerText || one.value).trim() == {label!r})"
    assert await browser.evaluate(f"Boolean({found})"), f"there is no {label}: {await text(browser)}"
    await browser.evaluate(f"{found}.click()")
    await until(browser, shown)


async def until(browser: Browser, shown: str) -> None:
    for _ in range(300):
        if await browser.evaluate(f"document.readyState == 'complete' && document.body.innerText.includes({shown!r})"):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"it does not come to {shown!r}: {await text(browser)}")


async def text(browser: Browser) -> str:
    return (await browser.evaluate("document.querySelector('#content').innerText"))[:1500]


def flags() -> None:
    try:
        live = Workflow.objects.select_related("live__version").get().live
        for message in ("I want a voucher", "I want my voucher"):
            submit(live.version, live, {"message": message}, actor="test")
    finally:
        connection.close()


def grouped() -> bool:
    gather()
    try:
        return Flag.objects.filter(membership__isnull=False).count() == 2
    finally:
        connection.close()


def test_the_whole_loop_by_buttons_and_links(live_server, tmp_path):
    project = make_project()
    models_answer(*SCRIPT)
    client = member(project, "designer")
    cookies = {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}
    admin = f"{live_server.url}/admin"

    async def visit(browser: Browser) -> None:
        await browser.open(f"{admin}/designs/design/begin/")
        await browser.evaluate("document.querySelector('#id_name').value = 'refund'")
        await browser.evaluate(f"document.querySelector('#id_task').value = {TASK!r}")
        await press(browser, "Say what it would cost", "What it would cost")
        await press(browser, "Begin", "The draft 1.0.0 is there")
        await press(browser, "The draft 1.0.0", "refund 1.0.0")
        await press(browser, "Publish", "No, go back")
        await press(browser, "Publish", "1.0.0 is live: executions")
        await asyncio.to_thread(flags)
        for _ in range(300):
            if await asyncio.to_thread(grouped):
                break
            await asyncio.sleep(0.1)
        await browser.open(
            f"{admin}/workflows/workflow/{pk}/redesign/" if (pk := await asyncio.to_thread(only)) else ""
        )
        await browser.evaluate("document.querySelectorAll('[name=groups]').forEach(one => one.checked = true)")
        await press(browser, "Say what it would cost", "What it would cost")
        await press(browser, "Begin", "The draft 1.1.0 is there")
        await press(browser, "Publish the draft", "It closes 2 flags")
        await press(browser, "Publish", "1.1.0 is live: executions")

    with working([running.advance_all]):
        browse(tmp_path, visit, cookies, host(live_server))
    assert {flag.state for flag in Flag.objects.all()} == {"resolved"}
    assert [one.status for one in Design.objects.order_by("pk")] == ["completed", "completed"]
    assert Workflow.objects.get().live.version.number == "1.1.0"


def only() -> int:
    try:
        return Workflow.objects.get().pk
    finally:
        connection.close()
