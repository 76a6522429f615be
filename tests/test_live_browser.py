"""Pages that follow what moves, in a browser, while a worker works: what is new appears, and what is there stays as it is."""

import asyncio
import shutil
import threading
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, Request, expect, sync_playwright

from evaluations import asking, running
from evaluations.asking import Asked
from executions.queue import submit
from executions.working import working
from gateway import pressure
from gateway.providers.registry import register
from gateway.types import Completion, Usage
from tests.cast import REFUND, envelope, make_workflow, member
from tests.evaluations.evaluated import add_messages

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
    pytest.mark.django_db(transaction=True),
]

STEPS = ("first", "second", "third")
ONE = {"kind": "model", "tier": "cheap", "output_schema": REFUND["steps"][1]["output_schema"]}
THREE = {
    **REFUND,
    "steps": [{**ONE, "id": name, "prompt": f"the {name}: {{{{ input.message }}}}"} for name in STEPS],
    "result": {"kind": "'refund'"},
}
PATIENCE = 30_000


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


@pytest.fixture
def opened(live_server) -> Iterator:
    """Opens an address for whoever is signed in; behind the test, nothing in the browser has complained. To be asked for last:
    Playwright has an event loop in the thread of the test, in which Django has another connection, that nobody would close."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def go(client: Client, path: str, **context: object) -> tuple[Page, list[Request]]:
            """The page, and what it has asked for since."""
            name, asked, complaints = settings.SESSION_COOKIE_NAME, [], go.complaints
            fresh = browser.new_context(**context)
            fresh.set_default_timeout(PATIENCE)
            fresh.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
            fresh.route("**/favicon.ico", lambda route: route.fulfill(status=204))  # there is none
            page = fresh.new_page()
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(f"{live_server.url}{path}")
            page.on("request", lambda one: asked.append(one))  # noqa: PLW0108 - a list's own method is not taken
            return page, asked

        go.complaints = []
        yield go
        browser.close()


def address(row) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def test_steps_appear_while_a_worker_works_and_what_is_open_stays_open(execution, rosa, model, opened):
    page, asked = opened(rosa, address(execution))
    expect(page.locator(".now")).to_contain_text("Step 1 of 3: first model, asks claude-haiku-5-5", timeout=PATIENCE)
    expect(page.locator("[aria-current=step]")).to_contain_text("first")
    model.may["first"].set()
    expect(page.locator(".now")).to_contain_text("Step 2 of 3: second", timeout=PATIENCE)
    page.get_by_role("button", name="Unfold all").click()
    page.locator("#place-first summary").first.focus()
    page.evaluate("window.kept = document.querySelector('#place-first pre')")
    page.evaluate("window.scrollTo(0, 200)")
    model.may["second"].set()
    expect(page.locator(".now")).to_contain_text("Step 3 of 3: third", timeout=PATIENCE)
    expect(page.locator("#aloud")).to_have_text("A worker is executing it. Step 3 of 3: third.")
    assert page.evaluate("document.querySelector('#place-first > details').open")
    assert page.evaluate("document.activeElement === document.querySelector('#place-first summary')")
    assert page.evaluate("window.kept === document.querySelector('#place-first pre')")
    assert page.evaluate("window.scrollY") == 200
    model.may["third"].set()
    expect(page.locator(".lead")).to_contain_text("It is done.", timeout=PATIENCE)
    expect(page.locator("ol.steps > li")).to_have_count(3)
    assert page.evaluate("document.querySelector('#place-first > details').open")
    assert page.locator("[data-live]").count() == 0
    assert {one.url.partition("?")[0].rsplit("/", 2)[1] for one in asked} == {"live"}
    count = len(asked)
    page.wait_for_timeout(2500)
    assert len(asked) == count  # it is over
    assert opened.complaints == []


def test_an_evaluation_goes_on_to_its_verdict_before_ones_eyes(evaluation, rosa, model, opened):
    page, asked = opened(rosa, address(evaluation))
    expect(page.locator(".lead")).to_contain_text("3 of 4 executions are judged", timeout=PATIENCE)
    expect(page.locator(".facts")).to_contain_text("3 right, 0 wrong")
    expect(page.locator("#aloud")).to_have_text("70% of 4 executions are over.")
    expect(page.locator("ul.newest li")).to_have_count(3)
    model.may["number 2"].set()
    expect(page.locator(".lead")).to_contain_text("Right in 4 of 4 cases", timeout=PATIENCE)
    assert page.locator("[data-live]").count() == 0
    assert {one.resource_type for one in asked} == {"xhr"}
    assert opened.complaints == []


def test_a_tab_that_nobody_sees_asks_nothing_and_asks_at_once_when_it_is_seen(execution, rosa, opened):
    page, asked = opened(rosa, address(execution))
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})")
    page.evaluate("window.away = true")
    page.wait_for_timeout(500)  # what was on its way
    count = len(asked)
    page.wait_for_timeout(2500)
    assert len(asked) == count
    with page.expect_request("**/live/**", timeout=900):
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")


def test_a_service_that_does_not_answer_is_said_and_waited_for(execution, rosa, opened):
    page, _ = opened(rosa, address(execution))
    page.route("**/live/**", lambda route: route.abort())
    expect(page.get_by_text("The service does not answer. This page goes on once it does.")).to_be_visible()
    page.unroute("**/live/**")
    expect(page.get_by_text("The service does not answer.")).to_be_hidden()


def test_who_is_signed_out_is_told_that_the_page_no_longer_follows(execution, rosa, opened):
    page, asked = opened(rosa, address(execution))
    page.context.clear_cookies()
    said = page.get_by_text("This page no longer follows: you are signed out, or may not see it any more.")
    expect(said).to_be_visible()
    count = len(asked)
    page.wait_for_timeout(2500)
    assert len(asked) == count
    said.get_by_role("link", name="Load it again").click()
    page.wait_for_url("**/admin/login/**")


def test_without_a_script_a_link_loads_it_again(execution, rosa, opened):
    page, _ = opened(rosa, address(execution), java_script_enabled=False)
    page.get_by_role("link", name="Load again").click()
    expect(page.locator(".lead")).to_contain_text("It waits in the queue for a worker.")
