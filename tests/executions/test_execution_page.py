"""The page of an execution, and what is done there."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from executions.models import Execution, Flag
from executions.pages.stands import STANDS, in_words
from executions.retention import purge
from gateway.models import Call
from tests.cast import REFUND, envelope, execute, make_workflow, member, models_answer

pytestmark = pytest.mark.django_db


def address(execution, word="change"):
    return f"/admin/executions/execution/{execution.pk}/{word}/"


def shown(client, execution):
    answer = client.get(address(execution))
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_shows_what_came_what_was_asked_and_what_was_answered():
    models_answer({"text": envelope({"kind": "refund"}, rationale="They ask for money.")})
    execution = execute(make_workflow())
    page = shown(member(execution.project), execution)
    assert "It is done. The answer came from the workflow as it was designed." in page
    assert "I want a refund" in page
    assert "Is this a refund request?" in page  # the prompt, as it was sent
    assert "They ask for money." in page
    assert "claude-haiku-5-5" in page
    assert "1 in the ledger" in page
    assert "USD per million tokens: input 0.10, output 0.50" in page
    assert "queued → running" in page
    assert "(simulated)" in page
    assert "data-live " not in page
    assert "/cancel/" not in page


def test_its_cost_is_that_of_all_its_calls():
    models_answer(
        {"model": "opus", "text": envelope({"kind": "refund"})}, {"text": envelope(status="uncovered", uncovered="No.")}
    )
    execution = execute(make_workflow())
    page = shown(member(execution.project), execution)
    assert "2 in the ledger" in page
    assert "answered by the frontier" in page
    assert "flag: Uncovered" in page
    cost = sum(Call.objects.values_list("cost", flat=True))
    assert f"{cost / 10**12:.12f}".rstrip("0") in page


def test_a_call_without_a_price_makes_it_unpriced():
    project_workflow = make_workflow()
    project_workflow.project.tiers.filter(tier="cheap").update(model="nobodys-model")
    project_workflow.live.version.publish("alice")
    project_workflow.refresh_from_db()
    models_answer({"text": envelope({"kind": "refund"})})
    execution = execute(project_workflow)
    assert "<dd>unpriced</dd>" in shown(member(execution.project), execution)


def test_what_waits_for_a_person_leads_to_where_it_is_decided():
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    execution = execute(make_workflow())
    page = shown(member(execution.project), execution)
    assert "It stands still until a person resolves its flag" in page
    assert f"/admin/queue/{Flag.objects.get().pk}/" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": "queued"}, "It waits in the queue for a worker."),
        ({"status": "running"}, "A worker is executing it."),
        (
            {"status": "waiting", "waiting_for": "budget"},
            "its next call does not fit, until a person raises the budget.",
        ),
        (
            {"status": "waiting", "waiting_for": "provider", "resume_at": 1},
            "It goes on by itself at 2026-11-26 09:30:00 UTC.",
        ),
        (
            {"status": "waiting", "waiting_for": "review"},
            "the answer of a person whom the design asks, until somebody answers.",
        ),
        (
            {"status": "waiting", "waiting_for": "review", "resume_at": 1},
            "until 2026-11-26 09:30 UTC; then it goes on as the design says.",
        ),
        ({"status": "waiting", "waiting_for": "what comes later"}, "It waits for what comes later"),
        ({"status": "failed"}, "It failed, and can be set going again"),
        ({"status": "completed", "resolved_by": "human"}, "The answer came from a person."),
        ({"status": "cancelled"}, "It was cancelled."),
    ],
)
def test_how_it_stands_is_said_in_words(fields, said):
    if "resume_at" in fields:
        fields = {**fields, "resume_at": timezone.datetime(2026, 11, 26, 9, 30, tzinfo=timezone.get_default_timezone())}
    assert said in in_words(Execution(**fields))


@pytest.mark.parametrize(("role", "status"), [("viewer", 404), ("reviewer", 404), ("designer", 302), ("owner", 302)])
def test_a_designer_cancels_it(role, status):
    models_answer({"text": envelope(status="uncovered", uncovered="Nothing fits.")})
    execution = execute(make_workflow())
    client = member(execution.project, role)
    assert client.get(address(execution, "cancel")).status_code == (200 if status == 302 else 404)
    assert client.post(address(execution, "cancel")).status_code == status
    execution.refresh_from_db()
    assert execution.status == ("cancelled" if status == 302 else "escalated")
    if status == 302:
        assert execution.events.latest("pk").actor == "user:rosa"
        again = client.post(address(execution, "cancel")).content.decode()
        assert "This cannot be done: It has ended: it is cancelled." in again


def test_a_failed_one_is_set_going_again():
    models_answer({"error": "rejected"})
    execution = execute(make_workflow())
    client = member(execution.project, "designer")
    assert "Set it going again" in shown(client, execution)
    assert client.post(address(execution, "retry")).status_code == 302
    execution.refresh_from_db()
    assert execution.status == "queued"
    page = shown(client, execution)
    assert "It waits in the queue for a worker." in page
    assert "data-live " in page
    assert "can be set going again; it is queued." in client.get(address(execution, "retry")).content.decode()


def test_texts_that_were_deleted_are_said_to_be():
    models_answer({"text": envelope({"kind": "refund"}, rationale="They ask for money.")})
    execution = execute(make_workflow())
    purge(execution.project_id, timezone.now(), "test")
    page = shown(member(execution.project, "owner"), execution)
    assert "Deleted on " in page
    assert "They ask for money." not in page
    assert "I want a refund" not in page
    assert "Prompt: not there" in page
    assert "/try/" not in page


@pytest.mark.parametrize("wrong", ["0", "nothing", "%00", "01a215aa-0000-7000-8000-000000000000", "a/b"])
@pytest.mark.parametrize("word", ["change", "cancel", "retry"])
def test_a_wrong_id_is_not_found(wrong, word):
    client = member(make_workflow().project, "owner")
    assert client.get(f"/admin/executions/execution/{wrong}/{word}/").status_code == 404


@pytest.mark.parametrize("stands", [*STANDS, "nothing", "%00"])
def test_a_list_of_those_that_stand_alike_is_there(stands):
    client = member(make_workflow().project)
    assert client.get(f"/admin/executions/execution/?stands={stands}").status_code in (200, 302)


def test_many_steps_take_no_more_queries_than_few():
    def steps(number):
        one = {"kind": "model", "tier": "cheap", "prompt": "{{ input.message }}"}
        return {
            **REFUND,
            "steps": [{**one, "id": f"s{n}"} for n in range(number)],
            "result": "steps['s0']",
            "output_schema": {},
        }

    models_answer({"text": envelope({"text": "yes"})})
    workflow = make_workflow(steps(1))
    client, counts = member(workflow.project), []
    for execution in (execute(workflow), execute(make_workflow(steps(12), project=workflow.project, name="long"))):
        assert execution.status == "completed"
        with CaptureQueriesContext(connection) as queries:
            shown(client, execution)
        counts.append(len(queries))
    assert counts[0] == counts[1]
