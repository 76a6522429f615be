"""The page of the queue, without a script: what it shows, offers and takes, for whom, and what it says where it does not."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from executions import queue, resolution, worker
from executions.drivers import plain
from executions.models import Execution, Feedback, Flag
from executions.resolution import Decision
from projects.models import Project
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, member, models_answer
from tests.executions.test_reviews import asked
from workflows.models import Workflow

pytestmark = pytest.mark.django_db

UNCOVERED = {"text": envelope(status="uncovered", uncovered="Nothing fits.", rationale="It speaks of the moon.")}
UNSURE = {"text": envelope({"kind": "refund"}, confidence=0.1, rationale="Maybe.")}
FRONTIER = {"model": "opus", "text": envelope({"kind": "other"}, rationale="The frontier is sure.")}
WRONG = {"text": envelope({"kind": "refund"})}
RULE = {"text": envelope(status="escalate", edge_case="injury")}
EACH = {
    **REFUND,
    "input_schema": {"type": "object"},
    "covers": [],
    "edge_cases": [],
    "steps": [{**REFUND["steps"][1], "for_each": "input['mails']", "prompt": "{{ item }}", "checks": []}],
    "result": {"kinds": "steps['classify']"},
    "output_schema": {"type": "object"},
}


@pytest.fixture
def reviewer(db):
    return member(is_superuser=True)


def flagged(*answers, workflow=None, message="I want a refund"):
    models_answer(*answers)
    execution = execute(workflow or make_workflow(), message)
    return Flag.objects.get(execution=execution)


def page(client, flag=None, status=200, query=""):
    answer = client.get(f"/admin/queue/{f'{flag.pk}/' if flag else ''}{query}")
    assert answer.status_code == status
    return answer.content.decode()


def send(client, flag, decision, query="", **typed):
    return client.post(f"/admin/queue/{flag.pk}/{query}", {"decision": decision, **typed})


def state_of(flag):
    flag.refresh_from_db()
    return flag.state, flag.resolution


# What it shows.


def test_an_empty_queue_says_so(reviewer):
    assert "Nothing is flagged" in page(reviewer)
    assert "No open flag is like this" in page(reviewer, query="?reason=rule")


@pytest.mark.parametrize(
    ("answers", "offered", "chosen"),
    [
        ([UNCOVERED], ["step", "whole", "retry", "redesign"], "step"),
        ([UNSURE], ["step", "whole", "dismissed", "retry", "redesign"], "dismissed"),
        ([WRONG], ["step", "whole", "dismissed", "retry", "redesign"], "step"),
        ([FRONTIER, UNSURE], ["dismissed", "redesign"], "dismissed"),
        ([RULE], ["step", "whole", "retry"], "step"),
    ],
)
def test_it_offers_what_would_not_be_refused(reviewer, answers, offered, chosen):
    flag = flagged(*answers, message="Where is it?" if answers == [WRONG] else "I want a refund")
    shown = page(reviewer, flag)
    words = ("step", "whole", "dismissed", "retry", "redesign")
    assert [word for word in words if f'name="decision" value="{word}"' in shown] == offered
    [checked] = [line for line in shown.splitlines() if 'name="decision"' in line and "checked" in line]
    assert f'value="{chosen}"' in checked


def test_it_shows_all_that_it_takes_to_decide(reviewer):
    shown = page(reviewer, flagged(FRONTIER, UNSURE, message="I want a refund\nnow"))
    for part in (
        "I want a refund\nnow",  # the input, as it was written
        "asks for 0.80",
        "confidence 0.10",
        "Maybe.",
        "The frontier</strong>",
        "The frontier is sure.",
        "clean</code>",
        "Is this a refund request?",
        "none like it",
        "USD each, simulated",
    ):
        assert part in shown, part


def test_the_rule_and_the_edge_case_are_those_of_the_definition(reviewer):
    flag = flagged(RULE)
    shown = page(reviewer, flag)
    assert "The edge case <code>injury</code>" in shown
    assert "Somebody was hurt" in shown
    wrong = page(reviewer, flagged(WRONG, workflow=flag.execution.workflow, message="Where is it?"))
    assert "What has to hold of the output" in wrong
    assert "output[&#x27;kind&#x27;] != &#x27;refund&#x27;" in wrong


def test_a_precondition_shows_what_is_covered(reviewer):
    shown = page(reviewer, flagged(UNSURE, message=" "))
    assert "What the workflow covers" in shown
    assert "The message is empty." in shown


def test_what_was_said_in_no_agreed_form_is_shown_as_it_was_said(reviewer):
    shown = page(reviewer, flagged({"text": "I would <rather> not."}))
    assert "I would &lt;rather&gt; not." in shown


def test_an_item_of_a_list_is_shown_alone(reviewer):
    models_answer(
        {"user": "unclear", "text": envelope({"kind": "refund"}, confidence=0.1)}, {"text": envelope({"kind": "other"})}
    )
    workflow = make_workflow(EACH)
    given = {"mails": ["a refund", "this is unclear", "thanks"]}
    execution = queue.submit(workflow.live.version, workflow.live, given, actor="test")
    plain.advance(execution.pk, worker.current())
    shown = page(reviewer, Flag.objects.get())
    assert "Item 1 of the list" in shown
    assert "this is unclear</pre>" in shown.replace("&quot;", "")
    assert "2 items done" in shown


def test_a_review_is_laid_out_with_the_time_that_is_left(reviewer):
    asked(within="2d", otherwise={"approved": "False"})
    shown = page(reviewer, Flag.objects.get())
    assert "<h2>Refund 250.00?</h2>" in shown
    assert "&lt;b&gt;Now&lt;/b&gt;" in shown
    assert "due in 47 h" in shown
    assert "asks a team_lead" in shown
    assert 'value="dismissed"' not in shown


def test_a_spot_check_shows_the_answer_and_is_decided_once(reviewer):
    models_answer({"text": envelope({"kind": "refund"})})
    workflow = make_workflow()
    Workflow.objects.update(spot_check_share=1)
    execute(workflow)
    flag = Flag.objects.get()
    shown = page(reviewer, flag)
    assert "spot check" in shown and "What the execution answered" in shown
    assert 'name="decision" value="whole"' in shown and 'value="step"' not in shown
    assert 'value="dismissed" data-key="d" checked' in shown
    assert send(reviewer, flag, "dismissed").status_code == 302
    assert Feedback.objects.get().accepted is True
    assert "It stands as feedback on the execution" in page(reviewer, flag)


def test_the_texts_of_a_purged_execution_are_gone_and_it_can_be_decided(reviewer):
    flag = flagged(FRONTIER, UNSURE)
    Execution.objects.update(purged_at="2026-11-20T00:00Z", input=None, output=None)
    shown = page(reviewer, flag)
    assert "Deleted on 20 November 2026" in shown
    assert send(reviewer, flag, "dismissed", note="once more").status_code == 409
    assert send(reviewer, flag, "dismissed").status_code == 302
    assert state_of(flag) == ("dismissed", "dismissed")


# What it takes.


@pytest.mark.parametrize(
    ("answers", "decision", "typed", "state", "status"),
    [
        ([UNCOVERED], "step", {"step-0": "1"}, "resolved", "queued"),
        ([UNCOVERED], "whole", {"whole-0": "exchange"}, "resolved", "completed"),
        ([UNSURE], "dismissed", {}, "dismissed", "queued"),
        ([UNCOVERED], "retry", {"step-0": "broken"}, "resolved", "queued"),
        ([UNCOVERED], "redesign", {"whole-0": "unused"}, "in_redesign", "escalated"),
        ([UNCOVERED], "redesign", {"whole-0": "exchange", "answer_now": "on"}, "in_redesign", "completed"),
        ([FRONTIER, UNSURE], "dismissed", {}, "dismissed", "completed"),
    ],
)
def test_a_decision_does_what_it_does_over_rest(reviewer, answers, decision, typed, state, status):
    flag = flagged(*answers)
    answer = send(reviewer, flag, decision, note="as they wrote", **typed)
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/queue/?done={flag.pk}")
    assert state_of(flag)[0] == state
    assert (flag.resolved_by, flag.note) == ("user:rosa", "as they wrote")
    assert Execution.objects.get().status == status


def test_the_next_flag_comes_with_what_was_done(reviewer):
    workflow = make_workflow()
    first, second, third = (flagged(UNCOVERED, workflow=workflow, message=text) for text in ("one", "two", "three"))
    answer = send(reviewer, second, "redesign", query="?reason=uncovered")
    assert answer["Location"] == f"/admin/queue/{third.pk}/?reason=uncovered&done={second.pk}"
    shown = reviewer.get(answer["Location"]).content.decode()
    assert "Resolved as redesign" in shown
    assert f"/admin/queue/{second.pk}/undo/?reason=uncovered" in shown
    assert send(reviewer, third, "redesign")["Location"].startswith(f"/admin/queue/{first.pk}/")  # from the top again


@pytest.mark.parametrize(
    ("decision", "typed", "said", "status"),
    [
        ("step", {}, "is missing.", 422),
        ("step", {"step-0": "0"}, "The message does not speak of a refund.", 422),
        ("step", {"step-0": "9"}, "not one of the available choices", 422),
        ("whole", {"whole-0": "ab"}, "at least 3", 422),
        ("lost", {}, "not one of the available choices", 422),
        ("dismissed", {}, "not one of the available choices", 422),
        ("redesign", {"answer_now": "on", "whole-0": "ab"}, "at least 3", 422),
        ("step", {"step-0": "1", "note": "x" * 10_001}, "at most 10000 characters", 422),
    ],
)
def test_a_wrong_answer_is_said_once_and_nothing_is_lost(reviewer, decision, typed, said, status):
    kind = {"kind": {"type": "string", "minLength": 3}}
    strict = {**REFUND, "output_schema": {**REFUND["output_schema"], "properties": kind}}
    flag = flagged(UNCOVERED, workflow=make_workflow(strict), message="Where is my parcel?")
    answer = send(reviewer, flag, decision, **{"note": "as they wrote", **typed})
    shown = answer.content.decode()
    assert (answer.status_code, shown.count(said)) == (status, 1)
    assert typed.get("note", "as they wrote") in shown
    assert state_of(flag) == ("open", "")


def test_an_error_stands_beside_the_field_that_it_is_about(reviewer):
    flag = flagged(UNCOVERED)
    shown = send(reviewer, flag, "step").content.decode()
    beside = shown[shown.index('<div class="field errors">') :]
    assert beside.index('for="id_step-0"') < beside.index("is missing.") < beside.index('<select name="step-0"')


def test_two_reviewers_at_once_one_wins_and_the_other_loses_nothing(reviewer):
    workflow = make_workflow()
    first, second = (flagged(UNCOVERED, workflow=workflow, message=text) for text in ("one", "two"))
    other = member(name="lea", is_superuser=True)
    page(reviewer, first), page(other, first)
    send(other, first, "whole", **{"whole-0": "exchange"})
    answer = send(reviewer, first, "whole", note="my own words", **{"whole-0": "repair"})
    shown = answer.content.decode()
    assert answer.status_code == 409
    assert "Already resolved by lea as answered, 0 min ago" in shown
    assert "kind: repair\nNote: my own words" in shown
    assert f'action="/admin/queue/{second.pk}/"' in shown
    assert (Execution.objects.get(pk=first.execution_id).output, state_of(first)) == (
        {"kind": "exchange"},
        ("resolved", "answered"),
    )
    assert "Answered by lea" in page(reviewer, first)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="who writes there is alone")
@pytest.mark.django_db(transaction=True)
def test_of_two_decisions_in_the_same_moment_one_is_taken():
    clients = [member(name=name, is_superuser=True) for name in ("rosa", "lea")]
    flag, ready = flagged(UNCOVERED), threading.Barrier(2)

    def decide(client):
        ready.wait()
        try:
            return send(client, flag, "whole", **{"whole-0": "other"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(decide, clients)) == [302, 409]
    assert Execution.objects.get().events.filter(kind="flag resolved").count() == 1


def test_what_was_decided_is_taken_back_while_nothing_was_built_on_it(reviewer):
    flag = flagged(FRONTIER, UNSURE)
    send(reviewer, flag, "dismissed")
    answer = reviewer.post(f"/admin/queue/{flag.pk}/undo/?reason=low_confidence")
    assert answer["Location"] == f"/admin/queue/{flag.pk}/?reason=low_confidence"
    assert "Taken back: the flag is open again." in reviewer.get(answer["Location"]).content.decode()
    assert state_of(flag) == ("open", "")


def test_else_it_says_why_not_and_stays_where_it_was(reviewer):
    workflow = make_workflow()
    first, second = (flagged(UNCOVERED, workflow=workflow, message=text) for text in ("one", "two"))
    shown = reviewer.get(send(reviewer, first, "whole", **{"whole-0": "x"})["Location"]).content.decode()
    assert "cannot be taken back" in shown
    answer = reviewer.post(f"/admin/queue/{first.pk}/undo/", {"back": str(second.pk)}, follow=True)
    assert answer.redirect_chain == [(f"/admin/queue/{second.pk}/", 302)]
    assert "Not taken back. The execution has gone on since" in answer.content.decode()
    assert state_of(first) == ("resolved", "answered")


# The list.


def test_the_list_can_be_filtered_and_turned(reviewer):
    workflow, other = make_workflow(), make_workflow(project=make_project("bob"), name="other")
    flags = [flagged(UNCOVERED, workflow=workflow, message=f"message {number}") for number in range(28)]
    elsewhere = flagged(RULE, workflow=other)
    shown = page(reviewer)
    assert shown.count('class="why-here"') == 25 + 1
    assert "29</strong> open" in shown
    assert f"?after={flags[24].pk}" in shown
    rest = page(reviewer, query=f"?after={flags[24].pk}")
    assert [str(flag.pk) in rest for flag in (flags[0], flags[25], elsewhere)] == [False, True, True]
    for query in (f"?workflow={other.pk}", f"?project={other.project_id}", "?reason=rule"):
        mine = page(reviewer, query=query)
        assert (str(elsewhere.pk) in mine, str(flags[0].pk) in mine) == (True, False)
    assert str(flags[26].pk) in page(reviewer, flags[26])  # the list goes along with the flag
    assert "No open flag is like this" in page(reviewer, query="?waiting=no")


@pytest.mark.parametrize(
    "query",
    [
        *("?project=x", "?workflow=99999999999999999", "?workflow=-1", "?after=x", "?done=x", "?waiting=maybe"),
        *("?reason=%00", "?nothing=1", f"?reason={'x' * 500}"),
    ],
)
def test_an_address_that_says_nothing_is_no_fault(reviewer, query):
    flag = flagged(UNCOVERED)
    page(reviewer, query=query)
    page(reviewer, flag, query=query)
    assert send(reviewer, flag, "redesign", query=query).status_code == 302


# For whom.


def test_a_reviewer_sees_the_own_projects_alone():
    bob = make_workflow(project=make_project("bob"), name="bobs")
    mine, theirs = flagged(UNCOVERED), flagged(UNCOVERED, workflow=bob)
    rosa = member(Project.objects.get(name="alice"), "reviewer")
    shown = page(rosa)
    assert (str(mine.pk) in shown, str(theirs.pk) in shown, "bob" in shown) == (True, False, False)
    page(rosa, theirs, status=404)
    assert send(rosa, theirs, "redesign").status_code == 404
    assert rosa.post(f"/admin/queue/{theirs.pk}/undo/").status_code == 404
    for name in ("after", "done"):
        assert "bobs" not in page(rosa, query=f"?{name}={theirs.pk}")


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("reviewer", 200), ("designer", 200), ("owner", 200)])
def test_the_page_is_for_reviewers(role, status):
    client = member(flagged(UNCOVERED).execution.project, role)
    page(client, status=status)


def test_nobody_else_gets_in():
    flag = flagged(UNCOVERED)
    page(member(name="clerk"), status=403)
    assert Client().get("/admin/queue/")["Location"].startswith("/admin/login/")
    assert send(Client(), flag, "redesign").status_code == 302
    assert state_of(flag) == ("open", "")


@pytest.mark.parametrize(("role", "status"), [("reviewer", 404), ("designer", 404), ("owner", 200)])
def test_a_review_that_asks_owners_is_theirs(role, status):
    asked(to="owner")
    flag = Flag.objects.get()
    client = member(flag.execution.project, role)
    page(client, flag, status=status)
    assert (str(flag.pk) in page(client)) == (status == 200)


def test_a_form_without_its_token_is_refused(reviewer):
    flag = flagged(UNCOVERED)
    strict = Client(enforce_csrf_checks=True, cookies=reviewer.cookies)
    strict.cookies = reviewer.cookies
    for path in ("", "undo/"):
        assert strict.post(f"/admin/queue/{flag.pk}/{path}", {"decision": "redesign"}).status_code == 403
    assert reviewer.get(f"/admin/queue/{flag.pk}/undo/").status_code == 405
    assert state_of(flag) == ("open", "")


def test_a_secret_in_an_answer_and_a_note_is_not_kept(reviewer):
    flag = flagged(UNCOVERED)
    secret = "sk-ant-api03-" + "A1b2" * 20
    send(reviewer, flag, "whole", note=f"with {secret}", **{"whole-0": secret})
    flag.refresh_from_db()
    assert secret not in flag.note + str(Execution.objects.get().output)


# What it costs.


def test_the_queries_of_a_page_do_not_grow_with_the_queue(reviewer):
    workflow = make_workflow()
    flag = flagged(UNCOVERED, workflow=workflow)
    page(reviewer, flag)
    counts = []
    for more in (3, 30):
        for number in range(more):
            flagged(UNCOVERED, workflow=workflow, message=f"message {number}")
        with CaptureQueriesContext(connection) as captured:
            page(reviewer, flag)
        one = flagged(UNCOVERED, workflow=workflow)
        with CaptureQueriesContext(connection) as decided:
            send(reviewer, one, "whole", **{"whole-0": "other"})
        counts.append((len(captured), len(decided)))
    assert counts == [(11, 20), (11, 20)]


def test_the_admin_leads_to_the_queue(reviewer):
    flag = flagged(UNCOVERED)
    for path in ("flag/", f"flag/{flag.pk}/change/", f"execution/{flag.execution_id}/change/"):
        assert f"/admin/queue/{flag.pk}/" in reviewer.get(f"/admin/executions/{path}").content.decode()
    resolution.resolve(flag, Decision("redesign", "key:1"))
    assert "Redesign by key:1" in reviewer.get("/admin/executions/flag/").content.decode()
