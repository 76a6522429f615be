"""Pages that follow what moves, in a browser, while a worker works: what is new appears, and what is there stays as it is."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from django.test import Client

from evaluations import asking, running
from evaluations.asking import Asked
from executions.queue import submit
from executions.working import working
from gateway import pressure
from gateway.providers.registry import register
from gateway.types import Completion, Usage
from tests.browser import Page
from tests.cast import REFUND, envelope, make_workflow, member
from tests.evaluations.evaluated import add_messages

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = ("first", "second", "third")
ONE = {"kind": "model", "tier": "cheap", "output_schema": REFUND["steps"][1]["output_schema"]}
THREE = {
    **REFUND,
    "steps": [{**ONE, "id": name, "prompt": f"the {name}: {{{{ input.message }}}}"} for name in STEPS],
    "result": {"kind": "'refund'"},
}


class Patient:
    """A model that answers what holds this word once it may."""

    protocol, simulated = "scripted", True

    def __init__(self, *words: str) -> None:
        self.may = {word: threading.Event() for word in words}
        register("scripted", self)
        pressure._gates.clear()

    async def complete(self, request) -> Completion:
        for word, event in self.may.items():
            while word in request.user and not event.is_set():
                await asyncio.sleep(0.02)
        said = envelope({"kind": "refund"}, rationale="They ask for it.")
        return Completion(said, request.model, Usage(input=10, output=10), provider_request_id="1")


@pytest.fixture
def execution():
    workflow = make_workflow(THREE)
    return submit(workflow.live.version, workflow.live, {"message": "I want a refund"}, actor="test")


@pytest.fixture
def evaluation():
    workflow = make_workflow()
    add_messages(workflow, 4)
    return asking.begin(asking.examine(Asked(workflow.live.version, against="nothing"), "alice"))


@pytest.fixture
def rosa(db) -> Client:
    return member(name="rosa", is_superuser=True)


@pytest.fixture
def model() -> Iterator[Patient]:
    """It is asked by a worker, which works beside the test."""
    patient = Patient(*STEPS, "number 2")
    with working([running.advance_all]):
        yield patient
        for event in patient.may.values():
            event.set()


def address(row) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def stands_still(page: Page) -> None:
    """It asks nothing any more."""
    before = list(page.asked)
    page.pause(2500)
    assert page.asked[len(before) :] == []


def test_steps_appear_while_a_worker_works_and_what_is_open_stays_open(execution, rosa, model, opened):
    page = opened(address(execution), rosa)
    page.asked.clear()
    page.reads("Step 1 of 3: first model, asks claude-haiku-5-5", within=".now")
    page.reads("first", within="[aria-current=step]")
    model.may["first"].set()
    page.reads("Step 2 of 3: second", within=".now")
    page.click("Unfold all")
    page.do(lambda it: it.locator("#place-first summary").first.focus())
    page.evaluate("window.kept = document.querySelector('#place-first pre')")
    page.evaluate("window.scrollTo(0, 200)")
    model.may["second"].set()
    page.reads("Step 3 of 3: third", within=".now")
    page.until("document.querySelector('#aloud').textContent == 'A worker is executing it. Step 3 of 3: third.'")
    assert page.evaluate("document.querySelector('#place-first > details').open")
    assert page.evaluate("document.activeElement === document.querySelector('#place-first summary')")
    assert page.evaluate("window.kept === document.querySelector('#place-first pre')")
    assert page.evaluate("window.scrollY") == 200
    model.may["third"].set()
    page.reads("It is done.", within=".lead")
    page.until("document.querySelectorAll('ol.steps > li').length == 3")
    assert page.evaluate("document.querySelector('#place-first > details').open")
    assert not page.evaluate("document.querySelector('[data-live]')")
    assert {one.path.partition("?")[0].rsplit("/", 2)[1] for one in page.asked} == {"live"}
    stands_still(page)  # it is over


def test_an_evaluation_goes_on_to_its_verdict_before_ones_eyes(evaluation, rosa, model, opened):
    page = opened(address(evaluation), rosa)
    page.asked.clear()
    page.reads("3 of 4 executions are judged", within=".lead")
    page.reads("3 right, 0 wrong", within=".facts")
    page.until("document.querySelector('#aloud').textContent == '70% of 4 executions are over.'")
    page.until("document.querySelectorAll('ul.newest li').length == 3")
    model.may["number 2"].set()
    page.reads("Right in 4 of 4 cases", within=".lead")
    assert not page.evaluate("document.querySelector('[data-live]')")
    assert {one.kind for one in page.asked} == {"xhr"}


def test_a_tab_that_nobody_sees_asks_nothing_and_asks_at_once_when_it_is_seen(execution, rosa, opened):
    page = opened(address(execution), rosa)
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})")
    page.evaluate("window.away = true")
    page.pause(500)  # what was on its way
    stands_still(page)

    def comes_back(it) -> None:
        with it.expect_request("**/live/**", timeout=900):
            it.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")

    page.do(comes_back)


def test_a_service_that_does_not_answer_is_said_and_waited_for(execution, rosa, opened):
    page = opened(address(execution), rosa)
    page.do(lambda it: it.context.set_offline(True))
    page.reads("The service does not answer. This page goes on once it does.", within="[data-silent]")
    page.do(lambda it: it.context.set_offline(False))
    page.do(lambda it: it.get_by_text("The service does not answer.").wait_for(state="hidden"))
    page.complaints.clear()  # of the network, and of htmx


def test_who_is_signed_out_is_told_that_the_page_no_longer_follows(execution, rosa, opened):
    page = opened(address(execution), rosa)
    page.do(lambda it: it.context.clear_cookies())
    page.reads("This page no longer follows: you are signed out, or may not see it any more.", within="[data-lost]")
    stands_still(page)
    page.click("Load it again")
    page.do(lambda it: it.wait_for_url("**/admin/login/**"))
    page.complaints.clear()  # a refusal is an error of the console


def test_without_a_script_a_link_loads_it_again(execution, rosa, opened):
    page = opened(address(execution), rosa, scripts=False)
    page.click("Load again")
    page.reads("It waits in the queue for a worker.", within=".lead")
