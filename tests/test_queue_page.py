"""The flag queue as a reviewer has it: in a real browser, by keyboard alone, and timed."""

import json
import statistics
import time

import pytest

from executions.models import Execution, Flag
from tests.browser import Page, accessible, looked_at
from tests.cast import REFUND, envelope, execute, make_workflow, member, models_answer

pytestmark = pytest.mark.django_db(transaction=True)

READING = 12  # seconds that a reviewer reads and types for one flag; not waited for here


@pytest.fixture
def workflow():
    """Of which a message can be uncovered, unsure, or answered by the frontier."""
    models_answer(
        {"user": "moon", "text": envelope(status="uncovered", uncovered="The moon.", rationale="Nothing fits.")},
        {"user": "sure", "model": "opus", "text": envelope({"kind": "other"})},
        {"user": "sure", "text": envelope({"kind": "other"}, confidence=0.2, rationale="Maybe.")},
        {"text": envelope({"kind": "other"}, confidence=0.2, rationale="Maybe.")},
    )
    return make_workflow({**REFUND, "result": {"kind": "steps['classify']['kind']"}})


HERE = "location.pathname.split('/')[3]"
# The page takes no Enter in its first moment: that was meant for the one before.
LOADED = (
    "document.readyState == 'complete' && "
    "performance.now() > performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd + 300"
)


def decide(page: Page, *keys: str, send: str = "Enter") -> float:
    """Presses these and sends; seconds until the next page can be read."""
    page.until(LOADED)
    page.press(*keys)
    before = page.evaluate("performance.timeOrigin")
    begun = time.monotonic()
    page.press(send)
    page.until(f"performance.timeOrigin != {before} && document.readyState == 'complete'")
    return time.monotonic() - begun


def flag_of(workflow, message):
    return Flag.objects.get(execution=execute(workflow, message))


def test_a_reviewer_clears_the_queue_by_keyboard(opened, workflow):
    """Thirty flags of three kinds, one behind the other: answered, dismissed, marked. What the machine takes for one is measured;
    what a person reads is not waited for, and added. `-s` shows the figures of docs/performance.md."""
    for number, want in enumerate(["moon", "vague", "I am sure"] * 10):
        flag_of(workflow, f"{want} {number}")
    took: list[float] = []
    page = opened("/admin/queue/", member(workflow.project, "reviewer"))
    for _ in range(30):
        page.until(LOADED)
        if page.evaluate("document.querySelector('.case .reason').innerText") == "uncovered":
            # The step's answer: the second of the choices, written with the keyboard alone.
            page.press("a")
            page.until("document.activeElement.tagName == 'SELECT'")
            took.append(decide(page, "o", send="Control+Enter"))
        else:
            took.append(decide(page))  # what is likely is chosen already: confirming is one key
    assert "Nothing is flagged" in page.text
    assert not Flag.objects.filter(state="open").exists()
    decided = {(flag.reason, flag.resolution) for flag in Flag.objects.all()}
    assert decided == {("uncovered", "answered"), ("low_confidence", "dismissed")}
    assert set(Flag.objects.values_list("resolved_by", flat=True)) == {"user:rosa"}
    machine = statistics.mean(took)
    rate = 3600 / (READING + machine)
    print(json.dumps({"median": statistics.median(took), "mean": machine, "slowest": max(took), "an hour": rate}))  # noqa: T201


def test_every_decision_has_its_key(opened, workflow):
    flags = [flag_of(workflow, message) for message in ("moon 1", "moon 2", "vague 3", "vague 4", "sure 5")]
    whole, redesigned, retried, step, confirmed = flags
    page = opened("/admin/queue/", member(is_superuser=True))
    page.until(LOADED)
    page.press("?")
    assert page.evaluate("document.querySelector('details.keys').open")
    page.press("Escape")
    assert not page.evaluate("document.querySelector('details.keys').open")
    # Moving: to the second and back.
    assert page.evaluate(HERE) == ""
    for key, there in (("j", redesigned), ("ArrowDown", retried), ("k", redesigned), ("ArrowUp", whole)):
        page.press(key)
        page.until(f"{HERE} == '{there.pk}' && {LOADED}")
    # The whole answer: a letter that is a key leads into the field and is not written there. Before it is chosen its box is
    # not shown, and its key ticks nothing.
    page.press("c")
    assert not page.evaluate("document.querySelector('[name=make_case]').checked")
    page.press("o")
    page.until("document.activeElement.id == 'id_whole-0'")
    assert page.evaluate("document.activeElement.value") == ""
    page.write("exchange")
    page.press("Enter", "Escape", "c")  # a line in a text, and nothing is sent
    assert page.evaluate("document.querySelector('[name=make_case]').checked")
    page.press("n")
    page.write("jad")
    decide(page, send="Control+Enter")
    assert page.evaluate(HERE) == str(redesigned.pk)
    decide(page, "r")
    decide(page, "t")
    # An answer that breaks a rule comes back with what was typed, and the cursor in its field.
    page.until(LOADED)
    page.press("a")
    page.evaluate("document.querySelector('#id_step-0').value = ''")
    decide(page, send="Control+Enter")
    assert page.evaluate("document.querySelector('.errors .errorlist').innerText") == "'kind' is missing."
    assert page.evaluate("document.activeElement.id") == "id_step-0"
    assert "422" in page.complaints.pop()
    page.until(LOADED)
    page.press("o")  # the select takes the letter: `other`
    decide(page, send="Control+Enter")
    decide(page)
    assert "Resolved as dismissed" in page.text
    # And taken back.
    page.until(LOADED)
    page.press("u")
    page.until(f"{HERE} == '{confirmed.pk}' && {LOADED}")
    assert "the flag is open again" in page.text
    said = {flag.pk: (flag.state, flag.resolution, flag.note) for flag in Flag.objects.all()}
    assert [said[flag.pk] for flag in flags] == [
        ("resolved", "answered", "jad"),
        ("in_redesign", "redesign", ""),
        ("resolved", "retry", ""),
        ("resolved", "answered", ""),
        ("open", "", ""),
    ]
    assert Execution.objects.get(pk=whole.execution_id).output == {"kind": "exchange\n"}
    assert step.execution.steps.get(status="done", step="classify").output == {"kind": "other"}


def test_two_reviewers_in_two_browsers(opened, workflow):
    flag, following = flag_of(workflow, "moon 1"), flag_of(workflow, "moon 2")
    lea = member(name="lea", is_superuser=True)
    page = opened(f"/admin/queue/{flag.pk}/", member(is_superuser=True))
    page.until(LOADED)
    page.press("o")
    page.write("what I wrote")
    lea.post(f"/admin/queue/{flag.pk}/", {"decision": "redesign"})
    decide(page, send="Control+Enter")
    text = page.evaluate("document.body.textContent")
    assert "Already resolved by lea as redesign" in text
    assert "what I wrote" in text
    assert "409" in page.complaints.pop()
    action = page.evaluate("document.querySelector('form.decision').getAttribute('action')")
    assert action == f"/admin/queue/{following.pk}/"


def test_everything_can_be_reached_by_tab(opened, workflow):
    flag_of(workflow, "vague 1")
    page = opened("/admin/queue/", member(is_superuser=True))
    page.look(width=390)
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(60):
        page.press("Tab")
        reached.add(page.evaluate("document.activeElement.name || document.activeElement.className"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or page.evaluate("!document.activeElement.closest('#queue')")
    assert reached >= {"workflow", "reason", "waiting", "decision", "note", "default"}


def test_it_fits_every_window_and_is_for_everybody(opened, workflow):
    for message in ("Can I pay with a stone of the moon?", "vague " + "of_a_word_that_has_no_end_" * 20, "I am sure"):
        flag_of(workflow, message)
    page = opened("/admin/queue/", member(workflow.project, "reviewer"))
    looked_at(page, "flag-queue")
    accessible(page)
