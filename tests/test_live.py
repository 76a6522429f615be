"""What a page that follows asks for: what moves, that nothing is new, and that it is over."""

import html
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from designs import running as designing
from evaluations import asking, replaying, running, tier_search
from evaluations.asking import Asked
from executions import worker
from executions.drivers import plain
from executions.models import Execution
from executions.queue import submit
from gateway.models import Intent
from tests.cast import REFUND, envelope, make_project, make_workflow, member, models_answer
from tests.designs.designed import begin, complete, design_answer
from tests.evaluations.evaluated import add_messages
from tests.evaluations.evaluated import complete as completed

pytestmark = pytest.mark.django_db

SCRIPT = {"headers": {"HX-Request": "true"}}
RIGHT = {"user": "refund", "text": envelope({"kind": "refund"})}


@pytest.fixture
def workflow():
    models_answer(RIGHT)
    return make_workflow()


@pytest.fixture
def execution(workflow) -> Execution:
    return submit(workflow.live.version, workflow.live, {"message": "I want a refund"}, actor="test")


@pytest.fixture
def rosa(workflow) -> Client:
    return member(workflow.project)


def page_of(row) -> str:
    return f"/admin/{row._meta.app_label}/{row._meta.model_name}/{row.pk}/change/"


def follows(client, page) -> tuple[str, dict]:
    """Where a page asks what is new, and what it says that it knows."""
    text = html.unescape(client.get(page).content.decode())
    return re.search(r'hx-get="([^"]*)"', text)[1], {"seen": re.search(r'"seen": "([^"]*)"', text)[1]}


def asked(client, address, known, **more):
    return client.get(address, known, **{**SCRIPT, **more})


def text_of(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def advance(execution):
    plain.advance(execution.pk, worker.current())


def test_where_nothing_happened_there_is_nothing(execution, rosa):
    answer = asked(rosa, *follows(rosa, page_of(execution)))
    assert (answer.status_code, answer.content) == (204, b"")


def test_what_moved_is_the_part_that_moves_and_no_page(execution, rosa):
    address, known = follows(rosa, page_of(execution))
    Execution.objects.update(status="waiting", waiting_for="budget")
    answer = asked(rosa, address, known)
    text = text_of(answer)
    assert answer.status_code == 200
    assert text.strip().startswith('<div id="content-main" data-live')
    assert "its next call does not fit, until a person raises the budget." in text
    assert "<html" not in text
    assert "<script" not in text
    assert asked(rosa, address, {"seen": re.search(r'"seen": "([^"]*)"', text)[1]}).status_code == 204


def test_whoever_knows_nothing_is_told_everything(execution, rosa):
    address, _ = follows(rosa, page_of(execution))
    for known in ({}, {"seen": ""}, {"seen": "nothing"}, {"seen": "\x00"}):
        assert asked(rosa, address, known).status_code == 200


def test_once_it_is_over_nobody_asks_again(execution, rosa):
    address, known = follows(rosa, page_of(execution))
    advance(execution)
    answer = asked(rosa, address, known)
    assert answer.status_code == 286
    text = text_of(answer)
    assert "It is done. The answer came from the workflow as it was designed." in text
    assert "Is this a refund request?" in text
    assert "hx-" not in text
    assert asked(rosa, address, known).status_code == 286


def test_a_page_on_which_nothing_moves_loads_no_script_for_it(execution, rosa):
    assert "htmx" in rosa.get(page_of(execution)).content.decode()
    advance(execution)
    assert "htmx" not in rosa.get(page_of(execution)).content.decode()


def test_one_that_waits_for_a_person_goes_on_being_followed(workflow, rosa):
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    execution = submit(workflow.live.version, workflow.live, {"message": "I want tea"}, actor="test")
    address, known = follows(rosa, page_of(execution))
    advance(execution)
    answer = asked(rosa, address, known)
    assert answer.status_code == 200
    assert "escalated for" in text_of(answer)


@pytest.mark.parametrize("kind", ["execution", "evaluation", "replay", "search", "design"])
def test_whatever_moves_is_followed_to_its_end(kind, workflow, rosa):
    row, finish = MOVING[kind](workflow)
    address, known = follows(rosa, page_of(row))
    with CaptureQueriesContext(connection) as queries:
        assert asked(rosa, address, known).status_code == 204
    assert len(queries) <= 16
    finish(row)
    last = asked(rosa, address, known)
    assert last.status_code == 286
    assert "data-live " not in last.content.decode()
    assert "data-live " not in rosa.get(page_of(row)).content.decode()


def an_execution(workflow):
    return submit(workflow.live.version, workflow.live, {"message": "I want a refund"}, actor="test"), advance


def an_evaluation(workflow):
    add_messages(workflow, 3)
    return asking.begin(asking.examine(Asked(workflow.live.version), "alice")), completed


def a_replay(workflow):
    for _ in range(2):
        advance(an_execution(workflow)[0])
    return replaying.begin(replaying.examine(replaying.Wanted(workflow.live.version), "alice")), completed


def a_search(workflow):
    add_messages(workflow, 3)
    found = tier_search.begin(tier_search.examine(tier_search.Wanted(workflow.live.version), "alice"))
    tier_search.advance(found)
    return found, lambda one: tier_search.cancel(one, "alice")


def a_design(workflow):
    models_answer({"text": design_answer()})
    found = begin(workflow.project, "another")
    while not found.rounds.filter(intent__isnull=False).exists():
        designing.advance(found)
    return found, complete


MOVING = {
    "execution": an_execution,
    "evaluation": an_evaluation,
    "replay": a_replay,
    "search": a_search,
    "design": a_design,
}


def test_looking_at_an_execution_takes_few_queries_however_many_steps_it_has(workflow, rosa):
    def steps(number):
        one = {"kind": "model", "tier": "cheap", "prompt": "refund {{ input.message }}"}
        named = [{**one, "id": f"s{n}"} for n in range(number)]
        return {**REFUND, "steps": [*named, REFUND["steps"][0]], "result": "1", "output_schema": {}}

    counts = []
    for number in (1, 12):
        long = make_workflow(steps(number), project=workflow.project, name=f"of {number}")
        execution = submit(long.live.version, long.live, {"message": "I want a refund"}, actor="test")
        advance(execution)
        Execution.objects.filter(pk=execution.pk).update(status="running", finished_at=None)
        address, known = follows(rosa, page_of(execution))
        with CaptureQueriesContext(connection) as queries:
            assert asked(rosa, address, known).status_code == 204
        counts.append(len(queries))
    assert counts == [12, 12]


def test_a_step_that_the_page_has_is_not_sent_again(execution, rosa):
    """A prompt may be long, and does not move."""
    advance(execution)
    Execution.objects.update(status="running", finished_at=None)
    address, known = follows(rosa, page_of(execution))
    Execution.objects.update(status="waiting", waiting_for="rate")
    text = text_of(asked(rosa, address, known))
    assert '<li id="place-clean" data-same></li>' in text
    assert '<li id="place-classify" data-same></li>' in text
    assert "Is this a refund request?" not in text
    assert "Is this a refund request?" in text_of(asked(rosa, address, {}))


def test_it_says_at_which_step_it_is_what_it_asks_and_since_when(execution, rosa):
    Execution.objects.update(status="running")
    text = text_of(rosa.get(page_of(execution)))
    assert 'Step 1 of 2: <strong>clean</strong> <span class="tag">code</span>, for <span class="ticks"' in text
    assert '<progress class="whole" max="2" value="0" aria-label="Steps that are done">0 of 2</progress>' in text
    assert (
        '<p class="visually-hidden" role="status" id="aloud">A worker is executing it. Step 1 of 2: clean.</p>' in text
    )
    advance_until_asked(execution)
    text = text_of(rosa.get(page_of(execution)))
    assert (
        'Step 2 of 2: <strong>classify</strong> <span class="tag">model</span>, asks <code>claude-haiku-5-5</code>'
        in text
    )
    assert '<li id="place-classify" aria-current="step">' in text
    assert "Nothing has come of it yet." in text
    assert "of 1.00 USD at most" in text


def advance_until_asked(execution):
    """As a worker leaves it that has sent its call: what is done is committed, and so is what it intends."""
    about = {"project": execution.project_id, "execution": execution.pk, "step": "classify", "attempt": 1}
    about |= {"purpose": "execution", "provider": "scripted", "model_planned": "claude-haiku-5-5", "simulated": True}
    execution.steps.create(step="clean", kind="code", status="done", output={"text": "I want a refund"})
    Intent.objects.create(**about)


def test_a_running_evaluation_says_how_it_goes(workflow, rosa):
    add_messages(workflow, 3)
    models_answer({"user": "number 1", "text": envelope({"kind": "other"})}, RIGHT)
    evaluation = asking.begin(asking.examine(Asked(workflow.live.version, budget=10**12), "alice"))
    running.advance(evaluation)
    advance(evaluation.results.get(execution__isnull=False).execution)
    running.advance(evaluation)
    text = text_of(rosa.get(page_of(evaluation)))
    assert "<dt>refund 1.0.0 so far</dt><dd>1 right, 0 wrong</dd>" in text
    assert "<dt>The frontier so far</dt><dd>0 right, 0 wrong</dd>" in text
    assert re.search(
        r"<dt>Cost so far</dt><dd>[\d.]+ USD \(simulated\) <span class=\"quiet\">of 1.00 USD at most</span>", text
    )
    assert "1 of 6 executions are judged" in text
    assert "10% of 6 executions are over." in text
    assert "Judged last" in text


def test_it_goes_on_with_the_results_that_were_looked_at(workflow, rosa):
    add_messages(workflow, 1)
    evaluation = asking.begin(asking.examine(Asked(workflow.live.version), "alice"))
    address, _ = follows(rosa, f"{page_of(evaluation)}?only=failures&page=1")
    assert address == f"/admin/evaluations/evaluation/{evaluation.pk}/live/?only=failures&page=1"


def test_who_does_not_see_the_page_is_told_nothing(execution, rosa):
    address, known = follows(rosa, page_of(execution))
    theirs = member(make_project("bob"), "owner", name="bob")
    assert asked(theirs, address, known).status_code == 404
    assert asked(rosa, address.replace(str(execution.pk), "nothing"), known).status_code == 404
    assert rosa.post(address, **SCRIPT).status_code == 403


def test_a_script_that_is_signed_out_is_not_shown_the_door_in_place_of_the_row(execution, rosa):
    address, known = follows(rosa, page_of(execution))
    answer = asked(Client(), address, known)
    assert (answer.status_code, answer.content) == (403, b"")


def test_a_browser_that_comes_without_the_script_is_led_on(execution, rosa):
    address, _ = follows(rosa, page_of(execution))
    assert Client().get(address).headers["Location"] == f"/admin/login/?next={address}"
    assert rosa.get(address).headers["Location"] == page_of(execution)
