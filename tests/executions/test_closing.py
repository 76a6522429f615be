"""What a publication closes: the flags that its version lists, and what becomes of the executions that wait for them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from analytics import reconcile
from analytics.models import ExecutionCell
from analytics.rollups import fold
from executions import calling, closing, control, queue, resolution, store, worker
from executions.drivers import plain
from executions.models import Event, Execution, Flag, Status, Worker
from executions.representation import represent_executions
from executions.resolution import Decision
from projects.models import ApiKey, AuditEvent, Scope, Tool
from projects.tools import tool
from tests.cast import REFUND, envelope, execute, make_project, make_workflow, models_answer
from wire.problems import Conflict, Invalid
from workflows import closing as publications
from workflows.models import Examined, Workflow

pytestmark = pytest.mark.django_db

SURE = {"text": envelope({"kind": "refund"})}
UNCOVERED = {"text": envelope(status="uncovered", uncovered="Nothing fits.")}
LIST = {
    "title": "Post",
    "purpose": "Sort the post.",
    "input_schema": {"type": "object"},
    "steps": [{**REFUND["steps"][1], "checks": [], "for_each": "input['messages']", "prompt": "{{ item }}"}],
}
NARROW = {**REFUND, "input_schema": {**REFUND["input_schema"], "required": ["message", "order"]}}
NARROW["input_schema"]["properties"] = {"message": {"type": "string"}, "order": {"type": "string"}}
CALL = {"id": "kind", "kind": "workflow", "workflow": "refund@1", "arguments": {"message": "input['message']"}}
DESK = {"title": "Desk", "purpose": "Sort the post.", "input_schema": {"type": "object"}, "steps": [CALL]}
paid: list[str] = []


@tool("test.closing_pay", description="Pays.", input_schema={"type": "object", "properties": {}}, side_effects=True)
def pay():
    paid.append("10 USD")
    return {"paid": True}


@tool("test.closing_look", description="Looks.", input_schema={"type": "object", "properties": {}}, side_effects=False)
def look():
    return {"found": True}


@pytest.fixture
def workflow():
    return make_workflow()


def waits(workflow, message="I want a refund"):
    """An execution that stands still for a person, because nothing covers it."""
    models_answer(UNCOVERED)
    return execute(workflow, message)


def flag_of(execution):
    return Flag.objects.get(execution=execution)


def mark(*flags, **given):
    for flag in flags:
        resolution.resolve(flag, Decision("redesign", "user:rosa", **given))


def draft(workflow, *flags, number="1.1.0", definition=REFUND):
    made = Examined.of(definition, workflow.project)
    return workflow.draft(made, number, [str(flag.pk) for flag in flags], created_by="alice")


def publish(workflow, *flags, **given):
    return draft(workflow, *flags, **given).publish("user:lea")


def fresh(row):
    row.refresh_from_db()
    return row


def successor(execution):
    return Execution.objects.get(rerun_of=execution)


def go_on(execution):
    models_answer(SURE)
    plain.advance(execution.pk, worker.current())
    return fresh(execution)


def told(execution, kind="status"):
    return list(Event.objects.filter(execution=execution, kind=kind).order_by("pk").values_list("actor", "detail"))


def test_what_waits_is_run_again_on_the_version_that_closes_its_flag(workflow):
    old = waits(workflow)
    flag = flag_of(old)
    mark(flag, note="A gift is a case of its own.")
    published = publish(workflow, flag)
    new = successor(old)
    assert (fresh(old).status, old.superseded_by, old.output, old.finished_at is None) == (
        "cancelled",
        new.pk,
        None,
        False,
    )
    assert (new.status, new.publication, new.input, new.purpose) == ("queued", published, old.input, "production")
    fresh(flag)
    assert (flag.state, flag.resolution, flag.resolved_by, flag.note, flag.waiting) == (
        "resolved",
        "redesign",
        "user:lea",
        "A gift is a case of its own.",
        False,
    )
    go_on(new)
    assert (new.status, new.output, fresh(old).status) == ("completed", {"kind": "refund"}, "cancelled")


def test_its_history_says_what_became_of_it(workflow):
    old = waits(workflow)
    publish(workflow, flag_of(old))
    assert told(old)[-1] == ("user:lea", f"It goes on as {successor(old).pk}, on refund 1.1.0.")
    assert told(old, "flag resolved") == [("user:lea", "uncovered at classify: closed by refund 1.1.0")]
    event = AuditEvent.objects.filter(verb="published").latest("pk")
    assert [event.detail[name] for name in ("closed", "run_again", "left")] == [1, 1, 0]


def test_it_is_shown_what_it_goes_on_as(workflow):
    old = waits(workflow)
    assert represent_executions([old])[0]["superseded_by"] is None
    publish(workflow, flag_of(old))
    shown, anew = represent_executions([fresh(old), successor(old)])
    assert (shown["superseded_by"], anew["rerun_of"], anew["superseded_by"]) == (anew["id"], shown["id"], None)


def test_labels_and_lane_go_with_it(workflow):
    models_answer(UNCOVERED)
    old = queue.submit(
        workflow.live.version,
        workflow.live,
        {"message": "A refund"},
        actor="test",
        metadata={"ticket": "T-17"},
        lane="quality",
    )
    plain.advance(old.pk, worker.current())
    publish(workflow, flag_of(old))
    assert (successor(old).metadata, successor(old).lane) == ({"ticket": "T-17"}, "quality")


def test_a_flag_for_which_nothing_waits_is_closed_and_nothing_runs_again(workflow):
    old = waits(workflow)
    mark(flag_of(old), output={"kind": "other"})
    publish(workflow, flag_of(old))
    assert (flag_of(old).state, flag_of(old).resolution, flag_of(old).resolved_by) == (
        "resolved",
        "redesign",
        "user:lea",
    )
    assert (fresh(old).status, old.superseded_by, Execution.objects.count()) == ("completed", None, 1)


def test_what_somebody_decided_otherwise_is_left_alone(workflow):
    old = waits(workflow)
    version = draft(workflow, flag_of(old))
    resolution.resolve(flag_of(old), Decision("answered", "user:rosa", output={"kind": "other"}))
    version.publish("user:lea")
    assert (flag_of(old).resolution, flag_of(old).resolved_by) == ("answered", "user:rosa")
    assert (fresh(old).status, Execution.objects.count()) == ("completed", 1)


def test_what_is_not_listed_goes_on_waiting(workflow):
    listed, other = waits(workflow), waits(workflow)
    publish(workflow, flag_of(listed))
    assert (flag_of(other).state, fresh(other).status, Execution.objects.count()) == ("open", "escalated", 3)


def test_a_cancelled_execution_is_not_run_again(workflow):
    old = waits(workflow)
    mark(flag_of(old))
    control.cancel(old, "alice")
    publish(workflow, flag_of(old))
    assert (flag_of(old).state, fresh(old).superseded_by, Execution.objects.count()) == ("resolved", None, 1)


def left(execution):
    """Why it was not run again; it waits as before."""
    assert (fresh(execution).status, execution.superseded_by) == ("escalated", None)
    assert not Execution.objects.filter(rerun_of=execution).exists()
    [(_, why)] = told(execution, "not run again")
    return why


def test_an_input_that_no_longer_fits_is_left_to_a_person(workflow):
    old, flag = waits(workflow), None
    flag = flag_of(old)
    mark(flag)
    publish(workflow, flag, definition=NARROW)
    assert left(old) == "Its input does not fit the new version. Decide its flag, or cancel it."
    assert (fresh(flag).state, flag.stands_still) == ("in_redesign", True)
    resolution.reopen(flag, "user:rosa")
    resolution.resolve(flag, Decision("answered", "user:rosa", output={"kind": "other"}))
    assert fresh(old).status == "completed"


def paying(tool_name):
    return {
        **REFUND,
        "steps": [{"id": "act", "kind": "tool", "tool": tool_name, "arguments": {}}, *REFUND["steps"]],
    }


def test_what_has_acted_outside_does_not_act_twice():
    workflow = make_workflow(paying("test.closing_pay"), tools=("test.closing_pay",))
    old = waits(workflow)
    publish(workflow, flag_of(old), definition=paying("test.closing_pay"))
    assert left(old).startswith("It has called a tool with side effects")
    assert (flag_of(old).state, flag_of(old).stands_still) == ("open", True)


def test_what_has_only_looked_is_run_again():
    workflow = make_workflow(paying("test.closing_look"), tools=("test.closing_look",))
    old = waits(workflow)
    publish(workflow, flag_of(old), definition=paying("test.closing_look"))
    assert fresh(old).superseded_by == successor(old).pk


def test_what_called_a_tool_that_is_gone_is_left_to_a_person():
    workflow = make_workflow(paying("test.closing_look"), tools=("test.closing_look",))
    old = waits(workflow)
    Tool.objects.all().delete()
    publish(workflow, flag_of(old))
    assert left(old).startswith("It has called a tool with side effects")


def two_items(workflow):
    models_answer(UNCOVERED)
    execution = queue.submit(workflow.live.version, workflow.live, {"messages": ["one", "two"]}, actor="test")
    plain.advance(execution.pk, worker.current())
    return execution, *Flag.objects.filter(execution=execution).order_by("iteration")


def test_one_that_waits_for_another_flag_too_is_run_again_once_that_is_decided():
    workflow = make_workflow(LIST)
    old, first, second = two_items(workflow)
    publish(workflow, first, definition=LIST)
    assert left(old) == "Another flag of it is undecided; it is run again once that is decided."
    assert (fresh(first).state, fresh(second).state) == ("open", "open")
    resolution.resolve(second, Decision("answered", "user:rosa", step_output={"kind": "other"}))
    new = successor(old)
    assert (fresh(old).status, old.superseded_by, new.version.number) == ("cancelled", new.pk, "1.1.0")
    assert (fresh(first).state, first.resolution, fresh(second).resolution) == ("resolved", "redesign", "answered")


def test_one_that_waits_for_another_flag_still_ends_with_a_whole_answer():
    workflow = make_workflow(LIST)
    old, first, second = two_items(workflow)
    publish(workflow, first, definition=LIST)
    resolution.resolve(second, Decision("answered", "user:rosa", output=[{"kind": "other"}, {"kind": "other"}]))
    assert (fresh(old).status, Execution.objects.count()) == ("completed", 1)


def test_several_flags_of_one_execution_run_it_again_once():
    workflow = make_workflow(LIST)
    old, first, second = two_items(workflow)
    publish(workflow, first, second, definition=LIST)
    assert (fresh(first).state, fresh(second).state, Execution.objects.count()) == ("resolved", "resolved", 2)
    assert fresh(old).superseded_by == successor(old).pk


def test_what_another_execution_called_is_left_to_a_person():
    project = make_project()
    workflow = make_workflow(project=project)
    desk = make_workflow(DESK, project=project, name="desk")
    models_answer(UNCOVERED)
    caller = queue.submit(desk.live.version, desk.live, {"message": "A refund"}, actor="test")
    work()
    called = Execution.objects.get(caller=caller)
    publish(workflow, flag_of(called))
    assert left(called).startswith("It is a step of another execution")
    assert (flag_of(called).state, fresh(caller).status) == ("open", "escalated")
    resolution.resolve(flag_of(called), Decision("answered", "user:rosa", output={"kind": "other"}))
    work()
    assert fresh(caller).status == "completed"


def work():
    calling.tell_the_rest()
    while queued := list(Execution.objects.filter(status=Status.QUEUED).order_by("queued_at")):
        for one in queued:
            plain.advance(one.pk, worker.current())
        calling.tell_the_rest()


def test_what_it_called_and_has_not_ended_ends_with_it():
    project = make_project()
    make_workflow(project=project)
    both = {**CALL, "for_each": "input['messages']", "arguments": {"message": "item"}}
    desk = make_workflow({**DESK, "steps": [both]}, project=project, name="desk")
    models_answer({"user": "alpha", "text": envelope({"kind": "other"})}, {"text": UNCOVERED["text"]})
    old = queue.submit(desk.live.version, desk.live, {"messages": ["alpha", "beta"]}, actor="test")
    work()
    done, stands = Execution.objects.filter(caller=old).order_by("pk")
    own = Flag.objects.create(execution=old, step="kind", reason="uncovered", detector="workflow", waiting=True)
    publish(desk, own, definition={**DESK, "steps": [both]})
    assert fresh(old).superseded_by == successor(old).pk
    assert [fresh(one).status for one in (done, stands)] == ["completed", "cancelled"]
    assert (flag_of(stands).state, flag_of(stands).waiting) == ("open", False)


def test_a_trial_is_tried_again_and_counts_in_nothing(workflow):
    models_answer(UNCOVERED)
    tried = draft(workflow, number="1.0.1")
    old = queue.submit(tried, None, {"message": "A refund"}, actor="test")
    plain.advance(old.pk, worker.current())
    publish(workflow, flag_of(old))
    assert (successor(old).purpose, successor(old).publication, successor(old).version.number) == (
        "trial",
        None,
        "1.1.0",
    )


def test_the_roll_back_closes_what_is_listed_and_undecided_then(workflow):
    first, second = waits(workflow), waits(workflow)
    publish(workflow, flag_of(first))
    workflow.versions.get(number="1.0.0").publish("user:lea")  # lists none
    assert (flag_of(second).state, Execution.objects.count()) == ("open", 3)
    workflow.versions.get(number="1.1.0").publish("user:lea")  # its flag is closed already
    assert (flag_of(first).state, Execution.objects.count()) == ("resolved", 3)
    mark(flag_of(second), output={"kind": "other"})
    publish(workflow, flag_of(second), number="1.2.0")
    Flag.objects.filter(pk=flag_of(second).pk).update(state="open", resolution="", answered_by="")  # reopened
    workflow.versions.get(number="1.2.0").publish("user:kim")
    assert (flag_of(second).state, flag_of(second).resolved_by) == ("resolved", "user:kim")


def test_what_was_run_again_is_not_taken_back(workflow):
    old = waits(workflow)
    publish(workflow, flag_of(old))
    with pytest.raises(Conflict, match=f"has run its execution again, as {successor(old).pk}"):
        resolution.reopen(flag_of(old), "user:rosa")
    assert flag_of(old).state == "resolved"
    assert not resolution.can_be_taken_back(flag_of(old))


def test_what_was_only_closed_is_taken_back(workflow):
    models_answer(
        {"model": "opus", "text": envelope({"kind": "refund"})}, {"text": envelope({"kind": "refund"}, confidence=0.4)}
    )
    old = execute(workflow)
    publish(workflow, flag_of(old))
    assert flag_of(old).state == "resolved"
    resolution.reopen(flag_of(old), "user:rosa")
    assert flag_of(old).state == "open"


# What a version may list.


def wrong(workflow, *ids):
    with pytest.raises(Invalid) as problem:
        workflow.draft(Examined.of(REFUND, workflow.project), "1.1.0", list(ids), created_by="alice")
    assert not workflow.versions.filter(number="1.1.0").exists()
    return [(fault.pointer, fault.detail) for fault in problem.value.faults]


def test_unknown_flags_are_refused_and_those_of_others_are_unknown(workflow):
    good = flag_of(waits(workflow))
    of_another = flag_of(waits(make_workflow(project=workflow.project, name="other")))
    of_bob = flag_of(waits(make_workflow(project=make_project("bob"))))
    unknown = "01a20962-da8f-7e17-8a69-8e5500769cda"
    said = "There is no such flag of this workflow."
    assert wrong(workflow, str(good.pk), str(of_another.pk), str(of_bob.pk), unknown, "nonsense") == [
        (f"/resolves/{place}", said) for place in (1, 2, 3, 4)
    ]


def test_flags_that_no_version_closes_are_refused(workflow):
    models_answer({"text": envelope(status="escalate", edge_case="injury")})
    by_design = flag_of(execute(workflow))
    decided = flag_of(waits(workflow))
    resolution.resolve(decided, Decision("answered", "user:rosa", output={"kind": "other"}))
    of_a_test = flag_of(waits(workflow))
    Flag.objects.filter(pk=of_a_test.pk).update(state="recorded")
    assert wrong(workflow, *(str(flag.pk) for flag in (by_design, decided, of_a_test))) == [
        ("/resolves/0", "The design itself sends rule to a person: there is no gap to close."),
        ("/resolves/1", "This flag is resolved: there is nothing left to close."),
        ("/resolves/2", "This flag is recorded: there is nothing left to close."),
    ]


def test_a_version_lists_a_thousand_flags_at_most_and_each_once(workflow):
    assert wrong(workflow, *(f"{n}" for n in range(1001))) == [("/resolves", "A version closes at most 1000 flags.")]
    flag = flag_of(waits(workflow))
    assert draft(workflow, flag, flag).resolves == [str(flag.pk)]
    assert workflow.live.version.resolves is None


def test_what_a_publication_would_do_is_foretold_and_not_done(workflow):
    first, second = waits(workflow), waits(workflow, "Another refund")
    mark(flag_of(second), output={"kind": "other"})
    told_before = publications.foretell(draft(workflow, flag_of(first), flag_of(second)))
    assert (told_before.flags, told_before.run_again, dict(told_before.left)) == (2, 1, {})
    assert (flag_of(first).state, Execution.objects.count()) == ("open", 2)
    narrow = publications.foretell(draft(workflow, flag_of(first), number="1.2.0", definition=NARROW))
    assert (narrow.flags, narrow.run_again, dict(narrow.left)) == (0, 0, {closing.MISFIT: 1})


# Through the API.


def client_of(workflow, *scopes):
    _, token = ApiKey.objects.issue(workflow.project, list(scopes))
    return Client(headers={"Authorization": f"Bearer {token}"})


def test_a_version_is_posted_with_its_flags_and_published(workflow):
    old, client = waits(workflow), client_of(workflow, Scope.DESIGN, Scope.READ, Scope.REVIEW)
    body = {"definition": REFUND, "bump": "minor", "resolves": [str(flag_of(old).pk)]}
    version = client.post("/api/v1/workflows/refund/versions", body, "application/json")
    assert (version.status_code, version.json()["resolves"]) == (201, [str(flag_of(old).pk)])
    assert client.get("/api/v1/workflows/refund/versions/1.0.0").json()["resolves"] == []
    client.post("/api/v1/workflows/refund/versions/1.1.0/publication", {}, "application/json")
    shown = client.get(f"/api/v1/executions/{old.pk}").json()
    assert (shown["status"], shown["superseded_by"]) == ("cancelled", str(successor(old).pk))
    refused = client.delete(f"/api/v1/flags/{flag_of(old).pk}/resolution")
    assert (refused.status_code, refused.json()["superseded_by"]) == (409, str(successor(old).pk))


def test_a_version_that_is_published_as_it_is_posted_closes_its_flags(workflow):
    old, client = waits(workflow), client_of(workflow, Scope.DESIGN)
    body = {"definition": REFUND, "bump": "minor", "resolves": [str(flag_of(old).pk)], "publish": True}
    for _ in range(2):
        sent = client.post(
            "/api/v1/workflows/refund/versions", body, "application/json", headers={"Idempotency-Key": "once"}
        )
        assert sent.status_code == 201
    assert Execution.objects.filter(rerun_of=old).count() == 1


@pytest.mark.parametrize("resolves", [["nonsense"], [7], "nonsense", ["x" * 65], [f"{n}" for n in range(1001)], None])
def test_flags_that_are_none_are_refused_where_they_stand(workflow, resolves):
    body = {"definition": REFUND, "bump": "minor", "resolves": resolves}
    refused = client_of(workflow, Scope.DESIGN).post("/api/v1/workflows/refund/versions", body, "application/json")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"].startswith("/resolves")
    assert workflow.versions.count() == 1


def test_a_new_workflow_has_no_flags_to_close(workflow):
    body = {"name": "other", "definition": REFUND, "resolves": []}
    refused = client_of(workflow, Scope.DESIGN).post("/api/v1/workflows", body, "application/json")
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/resolves"]


# The figures.


def test_the_old_one_counts_as_cancelled_and_the_new_one_once(workflow):
    price = {"input_tokens": 1000, "output_tokens": 100}
    models_answer({**UNCOVERED, **price})
    old = execute(workflow)
    publish(workflow, flag_of(old))
    models_answer({**SURE, **price})
    plain.advance(successor(old).pk, worker.current())
    for fold_first in (False, True):
        if fold_first:
            fold()
        assert not [found for check in reconcile.checks(workflow.project) for found in check()]
    cells = ExecutionCell.objects.order_by("version", "lane").values_list("accepted", "completed", "failed", "flagged")
    assert list(cells) == [(1, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0)]
    costs = costs_of(workflow)
    assert (costs["executions"], costs["finished"], costs["completed"]) == (2, 1, 1)
    # The old one asked the cheap model and the frontier, the new one the cheap model; one answer is what was bought.
    assert (costs["execution_cost"], costs["if_all_frontier"]) == ("0.0063", "0.006")


def costs_of(workflow):
    return client_of(workflow, Scope.READ).get("/api/v1/workflows/refund/costs").json()


# Whoever comes at the same moment.


@pytest.fixture
def on_postgresql():
    if connection.vendor == "sqlite":
        pytest.skip("who writes there is alone")


def at_once(*acts):
    """Each in a thread and on a connection of its own; what they raised."""

    def of_its_own(act):
        try:
            act()
        except Conflict as problem:
            return problem.detail
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [done.result(timeout=60) for done in [pool.submit(of_its_own, act) for act in acts]]


class Pause:
    """Holds who runs in it before a statement that speaks of all these, until the other one is there, or has had its time."""

    def __init__(self, *words):
        self.words, self.reached, self.go_on = words, threading.Event(), threading.Event()

    def __call__(self, run, sql, parameters, many, context):
        if all(word in sql for word in self.words) and not self.reached.is_set():
            self.reached.set()
            self.go_on.wait(1.0)
        return run(sql, parameters, many, context)


@pytest.mark.django_db(transaction=True)
def test_a_reviewer_who_answers_and_proposes_a_case_and_a_publication_do_not_wait_for_each_other(
    workflow, on_postgresql
):
    """The reviewer has the execution and wants the workflow, the publication comes then."""
    old = waits(workflow)
    flag, version = flag_of(old), draft(workflow, flag_of(old))
    pause = Pause("workflows_workflow", "FOR NO KEY UPDATE")

    def answer():
        with connection.execute_wrapper(pause):
            output = {"kind": "other"}
            resolution.resolve(flag, Decision("answered", "user:rosa", output=output, make_case=True))

    def release():
        pause.reached.wait(5)
        version.publish("user:lea")

    assert at_once(answer, release) == [None, None]
    assert (flag_of(old).resolution, fresh(old).status, Execution.objects.count()) == ("answered", "completed", 1)


@pytest.mark.django_db(transaction=True)
def test_a_reviewer_who_comes_behind_a_publication_is_told(workflow, on_postgresql):
    old = waits(workflow)
    flag, version = flag_of(old), draft(workflow, flag_of(old))
    pause = Pause("INSERT", "workflows_publication")

    def release():
        with connection.execute_wrapper(pause):
            version.publish("user:lea")

    def answer():
        pause.reached.wait(5)
        resolution.resolve(flag, Decision("answered", "user:rosa", output={"kind": "other"}))

    assert at_once(release, answer) == [None, "This flag is resolved already."]
    assert (flag_of(old).resolved_by, fresh(old).status, Execution.objects.count()) == ("user:lea", "cancelled", 2)


@pytest.mark.django_db(transaction=True)
def test_two_publications_at_once_run_it_again_once(workflow, on_postgresql):
    old = waits(workflow)
    one, other = draft(workflow, flag_of(old)), draft(workflow, flag_of(old), number="1.2.0")
    pause = Pause("INSERT", "workflows_publication")

    def first():
        with connection.execute_wrapper(pause):
            one.publish("user:lea")

    def second():
        pause.reached.wait(5)
        other.publish("user:kim")

    assert at_once(first, second) == [None, None]
    assert (flag_of(old).resolved_by, successor(old).version.number) == ("user:lea", "1.1.0")
    assert Workflow.objects.get().live.version.number == "1.2.0"


@pytest.mark.django_db(transaction=True)
def test_a_publication_that_dies_on_its_way_has_closed_nothing(workflow, monkeypatch):
    old = waits(workflow)
    version = draft(workflow, flag_of(old))

    def dies(*_, **__):
        raise DatabaseError("the database went away")

    with monkeypatch.context() as broken:
        broken.setattr(AuditEvent.objects, "create", dies)  # the last thing that it writes
        with pytest.raises(DatabaseError):
            version.publish("user:lea")
    assert (flag_of(old).state, fresh(old).status, Execution.objects.count()) == ("open", "escalated", 1)
    version.publish("user:lea")
    assert fresh(old).superseded_by == successor(old).pk


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_with_the_new_one_in_hand_loses_nothing(workflow):
    old = waits(workflow)
    publish(workflow, flag_of(old))  # nobody hears the bell
    new = successor(old)
    found, _ = queue.next_for(10)
    assert list(found) == [new.pk]
    gone = Worker.objects.create(name="gone")
    store.claim(new.pk, gone.pk)
    Worker.objects.filter(pk=gone.pk).update(ended_at=timezone.now())
    go_on(new)
    assert (new.status, fresh(old).superseded_by, Execution.objects.count()) == ("completed", new.pk, 2)


def test_many_are_run_again_in_one_publication(workflow):
    models_answer(UNCOVERED)
    several = [execute(workflow, f"A refund, number {n}") for n in range(120)]
    publish(workflow, *map(flag_of, several))
    assert Execution.objects.filter(superseded_by__isnull=False, status="cancelled").count() == 120
    pairs = Execution.objects.filter(rerun_of__isnull=False).values_list("pk", "rerun_of__superseded_by")
    assert all(new == named for new, named in pairs)
    assert all(one.input == one.rerun_of.input for one in Execution.objects.filter(rerun_of__isnull=False))
